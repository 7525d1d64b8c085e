import { numberArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { layoutOf } from '../schema/layout/find-layout.ts';
import { microsecondsLiteral } from '../wire/literals.ts';
import { noteDays } from './hypertables/note-days.ts';

/** Microseconds. */
export const DAY = 86_400_000_000;

/** Days ahead of the server's clock for which a point may make a partition. */
const AHEAD_DAYS = 2;
/** Days ahead up to which days have partitions of their own after the bound was moved. */
const BOUND_DAYS = 34;

/** The day of UTC that a time lies in, as days since 1970. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY);
}

/** The table that holds a day's points. */
export function dayTable(day: number): string {
  return `point_${new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '_')}`;
}

/**
 * Makes sure that points of these days have a place, and notes that they change. To be called in a commit, while the store is
 * locked.
 *
 * Hypertables make their chunks by themselves. Partitions are made here and not ahead of the commit, because they may be gone again in between: a sealed day has none. It
 * blocks nobody: a table is made beside the others and then attached, for which no reader and no writer has to stop.
 *
 * Times of points are corrected before they get here, so that few days come. Where they were not, a clock that went mad must
 * not make thousands of tables: days before `past`, which never moves, and days from `future` on share one table each. The
 * bound `future` moves on before the clock gets there, by {@link moveBound}; if nobody moved it in time, the first point
 * does.
 */
export async function prepareDays(session: Session, days: ReadonlySet<number>): Promise<void> {
  if (days.size === 0) return;
  if ((await layoutOf(session)).kind === 'hypertables') {
    await noteDays(session, days);
    return;
  }
  const known = await session.query<{ day: number; open: boolean }>(
    'UPDATE point_day SET commits = commits + 1 WHERE day = ANY($1::int[]) RETURNING day, open',
    [numberArray(days)],
  );
  const missing = new Set(days);
  for (const { day, open } of known) if (open) missing.delete(day);
  if (missing.size === 0) return;
  let bounds = await readBounds(session);
  for (const day of missing) {
    if (day < bounds.future || day > bounds.today + AHEAD_DAYS) continue;
    await moveBound(session, bounds);
    bounds = await readBounds(session);
    break;
  }
  const made = await session.query<{ day: number }>(
    'SELECT day FROM point_day WHERE open AND day = ANY($1::int[])',
    [numberArray(missing)],
  );
  for (const { day } of made) missing.delete(day);
  await makeDays(
    session,
    [...missing].filter((day) => day >= bounds.past && day < bounds.future),
  );
}

interface Bounds {
  readonly past: number;
  readonly future: number;
  /** By the clock of the server. */
  readonly today: number;
}

async function readBounds(session: Session): Promise<Bounds> {
  const [bounds] = await session.query<Bounds>(
    'SELECT past, future, floor(extract(epoch FROM now()) / 86400)::int AS today FROM point_bounds WHERE id = 1',
  );
  if (bounds === undefined) throw new TypeError('the table point_bounds has no row');
  return bounds;
}

/** Runs several statements without values. */
async function run(session: Session, statements: string): Promise<void> {
  await session.inTurn(() => session.client.query(statements));
}

async function makeDays(session: Session, days: readonly number[]): Promise<void> {
  if (days.length === 0) return;
  const statements = days.map((day) => {
    const name = dayTable(day);
    return `CREATE TABLE ${name} (LIKE point INCLUDING DEFAULTS INCLUDING STORAGE);
      ALTER TABLE point ATTACH PARTITION ${name} FOR VALUES FROM (${bound(day)}) TO (${bound(day + 1)});
      INSERT INTO point_day (day, commits, open) VALUES (${day}, 1, true) ON CONFLICT (day) DO UPDATE SET open = true`;
  });
  await run(session, statements.join(';\n'));
}

function bound(day: number): string {
  return microsecondsLiteral(day * DAY).replace('timestamptz ', '');
}

/** Moves the bound on before the clock gets there. To be called while the store is locked. */
export async function moveBoundAhead(session: Session): Promise<void> {
  const bounds = await readBounds(session);
  if (bounds.future - bounds.today < BOUND_DAYS / 2) await moveBound(session, bounds);
}

/** Moves the bound on, and what lies before it to where it belongs. It stops readers for a moment. */
async function moveBound(session: Session, { today }: Bounds): Promise<void> {
  const future = today + BOUND_DAYS;
  const before = microsecondsLiteral(future * DAY);
  await run(session, 'ALTER TABLE point DETACH PARTITION point_future');
  const strays = await session.query<{ day: number }>(
    `SELECT DISTINCT floor(extract(epoch FROM time) / 86400)::int AS day FROM point_future WHERE time < ${before}`,
  );
  await makeDays(
    session,
    strays.map(({ day }) => day),
  );
  await run(
    session,
    `WITH moved AS (DELETE FROM point_future WHERE time < ${before} RETURNING series, time, value, kind, text)
       INSERT INTO point (series, time, value, kind, text) SELECT series, time, value, kind, text FROM moved;
     ALTER TABLE point ATTACH PARTITION point_future FOR VALUES FROM (${bound(future)}) TO (MAXVALUE);
     UPDATE point_bounds SET future = ${future} WHERE id = 1`,
  );
}
