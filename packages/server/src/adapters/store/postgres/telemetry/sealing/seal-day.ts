import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import { originalText, storableText } from '../../connection/arrays.ts';
import { copyRows } from '../../connection/copy-rows.ts';
import type { Session } from '../../connection/session.ts';
import { timeLiteral } from '../copy/binary-time.ts';
import { copyIn } from '../copy/copy-in.ts';
import { copyOut } from '../copy/copy-out.ts';
import { PointRowReader, PointRowWriter } from '../copy/point-rows.ts';
import { dayTable } from '../point-days.ts';
import { BLOCK_COLUMNS, BlockBuilder } from './block-builder.ts';
import { findRun, loadBlocks } from './block-reads.ts';

/** Rows that are read at once; their blocks are sent before more are read. */
const SLICE_POINTS = 262_144;

/** Runs of a day, at most: then all of them are made one. */
const MOST_RUNS = 4;

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
  const [{ last = 0, runs = 0 } = {}] = await session.query<{ last: number; runs: number }>(
    'SELECT coalesce(max(run), 0) AS last, count(DISTINCT run) AS runs FROM point_block WHERE day = $1::int',
    [day],
  );
  const builder = new BlockBuilder(day, last + 1);
  if (runs + 1 < MOST_RUNS) await packTable(session, dayTable(day), builder);
  else {
    await gatherDay(session, day);
    await packTable(session, 'pg_temp.whole_day', builder);
    await session.query('DELETE FROM point_block WHERE day = $1::int AND run <= $2::int', [day, last]);
  }
  if (!(await dropTable(session, day, before))) return null;
  return { points: builder.points, blocks: builder.blocks };
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
      `SELECT series, time, value, kind, text FROM ${table} WHERE ${where} ORDER BY series, time LIMIT ${SLICE_POINTS}`,
      reader,
    );
    const rows = builder.take(count < SLICE_POINTS);
    if (rows.count > 0) await copyRows(session, `point_block (${BLOCK_COLUMNS})`, rows);
    if (count < SLICE_POINTS) return;
    where = `(series, time) > (${series}, ${timeLiteral(time)})`;
  }
}

/** Puts all points of a day into one table of this transaction, those that were committed last first. */
async function gatherDay(session: Session, day: number): Promise<void> {
  await session.query('CREATE TEMPORARY TABLE whole_day (LIKE point INCLUDING INDEXES) ON COMMIT DROP');
  await session.query('CREATE TEMPORARY TABLE one_run (LIKE point) ON COMMIT DROP');
  await session.query(`INSERT INTO pg_temp.whole_day SELECT * FROM ${dayTable(day)}`);
  const runs = await session.query<{ run: number }>(
    'SELECT DISTINCT run FROM point_block WHERE day = $1::int ORDER BY run DESC',
    [day],
  );
  for (const { run } of runs) {
    for (const place of await findRun(session, day, run)) {
      const [block] = await loadBlocks(session, [place]);
      if (block === undefined) continue;
      const { count, series, times, values, kinds, texts } = block.all();
      const rows = new PointRowWriter();
      for (let at = 0; at < count; at++) {
        const value = values[at] as number;
        const text = kinds[at] === 2 ? storableText(texts[value] as string) : null;
        rows.add(series[at] as number, times[at] as number, value, kinds[at] as number, text);
      }
      await copyIn(session, 'pg_temp.one_run (series, time, value, kind, text)', rows.finish());
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
