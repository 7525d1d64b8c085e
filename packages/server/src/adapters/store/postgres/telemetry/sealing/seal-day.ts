import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import { originalText, storableText } from '../../connection/arrays.ts';
import type { Session } from '../../connection/session.ts';
import { copyIn } from '../../wire/copy-in.ts';
import { copyOut } from '../../wire/copy-out.ts';
import { CopyRows } from '../../wire/copy-rows.ts';
import { microsecondsLiteral } from '../../wire/literals.ts';
import { dayTable } from '../point-days.ts';
import { addPoint, POINT_COLUMNS, PointRowReader } from '../point-rows.ts';
import { BLOCK_COLUMNS, BlockBuilder } from './block-builder.ts';
import { findRun, loadBlocks } from './block-reads.ts';

/** Rows that are read at once; their blocks are sent before more are read. */
const SLICE_POINTS = 262_144;

/** Fewer runs than this are left of a day. */
const MOST_RUNS = 6;

/** A run is packed anew with later ones where it holds no more than so many times their points. */
const MERGE_FACTOR = 4;

/** How long readers may keep the table from being dropped, before it is tried again: commits wait meanwhile. */
const LOCK_MS = 300;
const TRIES = 20;
const RETRY_MS = 500;

/** SQLSTATE of a lock that could not be had in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/** What became of a day. */
export interface SealedDay {
  readonly points: number;
  readonly blocks: number;
}

/**
 * Packs the rows of a day and drops its table, in the transaction of the session: it commits, or nothing has happened. Points
 * that are written meanwhile are not waited for, and do not wait.
 *
 * @returns null where points came while it worked: it must be rolled back then
 * @throws {PisyncError} `store_unavailable` where readers did not let go of the table
 */
export async function sealDay(session: Session, day: number): Promise<SealedDay | null> {
  const before = await commitsOf(session, day);
  if (before === null) return null;
  const runs = await session.query<Run>(
    'SELECT run, sum(count)::bigint AS points FROM point_block WHERE day = $1::int GROUP BY run ORDER BY run DESC',
    [day],
  );
  const last = runs[0]?.run ?? 0;
  const builder = new BlockBuilder(day, last + 1);
  const merged = await runsToMerge(session, day, runs);
  const first = merged.at(-1);
  if (first === undefined) await packTable(session, dayTable(day), builder);
  else {
    await gatherRuns(session, day, merged);
    await packTable(session, 'pg_temp.whole_day', builder);
    await session.query('DELETE FROM point_block WHERE day = $1::int AND run BETWEEN $2::int AND $3::int', [
      day,
      first.run,
      last,
    ]);
  }
  if (!(await dropTable(session, day, before))) return null;
  return { points: builder.points, blocks: builder.blocks };
}

/** What was sealed at once, and how much of it there is. */
interface Run {
  readonly run: number;
  readonly points: number;
}

/**
 * The last runs of a day, newest first, that are packed anew with its rows; none while there are few. One late point must not
 * cost what the day did: a run is spared until those behind it have grown to a share of it, so that each point is packed anew a
 * few times at most, however often late ones come.
 */
async function runsToMerge(session: Session, day: number, runs: readonly Run[]): Promise<readonly Run[]> {
  if (runs.length + 1 < MOST_RUNS) return [];
  const [rows] = await session.query<{ count: number }>(`SELECT count(*) AS count FROM ${dayTable(day)}`);
  let points = rows?.count ?? 0;
  const merged: Run[] = [];
  for (const run of runs) {
    if (merged.length > 0 && run.points > MERGE_FACTOR * points) break;
    merged.push(run);
    points += run.points;
  }
  return merged;
}

/** How many commits wrote into the table of a day; null where it has none. */
async function commitsOf(session: Session, day: number): Promise<number | null> {
  const [row] = await session.query<{ commits: number }>(
    'SELECT commits FROM point_day WHERE day = $1::int AND open',
    [day],
  );
  return row?.commits ?? null;
}

async function packTable(session: Session, table: string, builder: BlockBuilder): Promise<void> {
  for (let where = 'true'; ; ) {
    let count = 0;
    let series = 0;
    let time = 0;
    const reader = new PointRowReader({ series: true, kinds: true }, (one, at, value, kind, text) => {
      builder.add(one, at, value, kind, text === null ? null : originalText(text));
      series = one;
      time = at;
      count += 1;
    });
    await copyOut(
      session,
      `SELECT ${POINT_COLUMNS} FROM ${table} WHERE ${where} ORDER BY series, time LIMIT ${SLICE_POINTS}`,
      reader,
    );
    const rows = builder.take(count < SLICE_POINTS);
    if (rows.count > 0) await copyIn(session, `point_block (${BLOCK_COLUMNS})`, rows.end());
    if (count < SLICE_POINTS) return;
    where = `(series, time) > (${series}, ${microsecondsLiteral(time)})`;
  }
}

/** Puts the rows of a day and the points of some of its runs, newest first, into one table of this transaction: of one time the last. */
async function gatherRuns(session: Session, day: number, runs: readonly Run[]): Promise<void> {
  await session.query('CREATE TEMPORARY TABLE whole_day (LIKE point INCLUDING INDEXES) ON COMMIT DROP');
  await session.query('CREATE TEMPORARY TABLE one_run (LIKE point) ON COMMIT DROP');
  await session.query(`INSERT INTO pg_temp.whole_day SELECT * FROM ${dayTable(day)}`);
  for (const { run } of runs) {
    for (const place of await findRun(session, day, run)) {
      const [block] = await loadBlocks(session, [place]);
      if (block === undefined) continue;
      const { count, series, times, values, kinds, texts } = block.all();
      const rows = new CopyRows();
      for (let at = 0; at < count; at++) {
        const value = values[at] as number;
        const text = kinds[at] === 2 ? storableText(texts[value] as string) : null;
        addPoint(rows, series[at] as number, times[at] as number, value, kinds[at] as number, text);
      }
      await copyIn(session, `pg_temp.one_run (${POINT_COLUMNS})`, rows.end());
    }
    await session.query('INSERT INTO pg_temp.whole_day SELECT * FROM pg_temp.one_run ON CONFLICT DO NOTHING');
    await session.query('TRUNCATE pg_temp.one_run');
  }
}

/** Locks the store, so that no commit is under way, and drops the table of a day. @returns false if it changed since */
async function dropTable(session: Session, day: number, commits: number): Promise<boolean> {
  const table = dayTable(day);
  for (let attempt = 1; ; attempt++) {
    await session.query('SAVEPOINT unlocked');
    try {
      // Commits lock in this order, too.
      await session.query('SELECT FROM store WHERE id = 1 FOR UPDATE');
      if ((await commitsOf(session, day)) !== commits) return false;
      await session.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
      await session.query(`ALTER TABLE point DETACH PARTITION ${table}`);
      await session.query(`DROP TABLE ${table}`);
      await session.query('UPDATE point_day SET open = false WHERE day = $1::int', [day]);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
      if (attempt === TRIES) {
        throw new PisyncError('store_unavailable', {
          detail: `Questions that take long keep ${table} from being packed; it is tried again later.`,
          cause: error,
        });
      }
      await session.query('ROLLBACK TO SAVEPOINT unlocked');
      await delay(RETRY_MS);
    }
  }
}
