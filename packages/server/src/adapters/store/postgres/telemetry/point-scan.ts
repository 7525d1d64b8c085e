import type { Session } from '../connection/session.ts';
import { copyOut } from '../wire/copy-out.ts';
import { microsecondsLiteral } from '../wire/literals.ts';
import { GrowingColumns } from './growing-columns.ts';
import { PointRowReader, type PointRowShape } from './point-rows.ts';

/** A stretch of time, in microseconds since the epoch: `from` inclusive, `to` exclusive. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * Keeps the set of tables as it is for the rest of the transaction. To be called before anything is read: a day that is sealed
 * after the moment that this transaction sees, and before it looks for the day's table, would be found nowhere.
 */
export async function holdPoints(session: Session): Promise<void> {
  await session.client.query('LOCK TABLE ONLY point IN ACCESS SHARE MODE');
}

/** Reads a stretch of one series by time, `limit` points at most. */
export async function readStretch(
  session: Session,
  series: number,
  stretch: Stretch,
  shape: Omit<PointRowShape, 'series'> & { readonly limit?: number },
): Promise<GrowingColumns> {
  const columns = new GrowingColumns();
  const found = shape.kinds ? 'time, value, kind, text' : 'time, value';
  const limit = shape.limit === undefined ? '' : ` LIMIT ${shape.limit}`;
  const reader = new PointRowReader({ ...shape, series: false }, (_series, time, value, kind, text) =>
    columns.add(time, value, kind, text),
  );
  const where = `series = ${series}${within(stretch)}`;
  await copyOut(session, `SELECT ${found} FROM point WHERE ${where} ORDER BY time${limit}`, reader);
  if (!reader.ended) throw new TypeError('the database sent points without an end');
  return columns;
}

/** What is read of rows. */
export interface RowShape {
  /** Without them, only numbers and booleans are read, as numbers. */
  readonly kinds: boolean;
  /** Points of one series that are handed over at once. */
  readonly most: number;
}

/**
 * Reads the rows in a stretch of several series, one series after the other. What is handed over is only valid until the call
 * returns.
 *
 * @param series - ascending
 */
export async function readRows(
  session: Session,
  series: readonly number[],
  stretch: Stretch,
  { kinds, most }: RowShape,
  take: (series: number, columns: GrowingColumns) => void,
): Promise<void> {
  const columns = spare ?? new GrowingColumns();
  spare = undefined;
  const [only] = series;
  const several = series.length > 1;
  let current = several ? -1 : (only as number);
  const flush = () => {
    if (columns.count > 0) take(current, columns);
    columns.clear();
  };
  const reader = new PointRowReader({ series: several, kinds }, (one, time, value, kind, text) => {
    if (columns.count === most || (several && one !== current)) flush();
    if (several) current = one;
    columns.add(time, value, kind, text);
  });
  const found = kinds ? 'time, value, kind, text' : 'time, value';
  // The tables of days are read one after the other for one series, and side by side for several, which costs more.
  const question = several
    ? `SELECT series, ${found} FROM point WHERE series = ANY('{${series.join()}}')${within(stretch)} ORDER BY series, time`
    : `SELECT ${found} FROM point WHERE series = ${only}${within(stretch)} ORDER BY time`;
  await copyOut(session, question, reader);
  if (!reader.ended) throw new TypeError('the database sent points without an end');
  flush();
  if (columns.capacity <= KEPT_CAPACITY) spare = columns;
}

/** Room that is kept for the next question: new memory costs more than to read what fills it. */
const KEPT_CAPACITY = 1 << 20;
let spare: GrowingColumns | undefined;

/** Literals, not sums: they tell the planner which tables to look at. */
function within({ from, to }: Stretch): string {
  const lower = from > Number.MIN_SAFE_INTEGER ? ` AND time >= ${microsecondsLiteral(clamp(from))}` : '';
  return to > Number.MAX_SAFE_INTEGER ? lower : `${lower} AND time < ${microsecondsLiteral(clamp(to))}`;
}

function clamp(time: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, time));
}
