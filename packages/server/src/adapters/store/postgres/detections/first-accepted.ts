import type { Session } from '../connection/session.ts';
import { type RowReader, readRows } from '../wire/read-rows.ts';

/** Rows that are looked at in the order of the list, one piece after the other, before all others are looked at in any order. */
const LOOKS = [2_048, 16_384];

/** A list of rows of which the database cannot tell exactly which are meant. */
export interface JudgedList<Row> {
  /** Query of the first rows behind a place, in the order of the list. */
  first(after: Row | undefined, limit: number): string;
  /** Query of all rows behind a place that may be meant, in any order, so that the database need not go through an index. */
  rest(after: Row): string;
  read(row: RowReader): Row;
  accepts(row: Row): boolean;
  /** Below 0 where the first row stands before the second one. */
  compare(a: Row, b: Row): number;
}

/**
 * The first rows of a list that are meant. What is usual is found among the first rows; what is seldom costs one pass over
 * the table. Of the rest only about twice as many rows are held as are asked for.
 */
export async function firstAccepted<Row>(
  session: Session,
  list: JudgedList<Row>,
  count: number,
): Promise<Row[]> {
  const found: Row[] = [];
  let last: Row | undefined;
  for (const look of LOOKS) {
    let seen = 0;
    await readRows(session, list.first(last, look), (bytes) => {
      const row = list.read(bytes);
      seen += 1;
      last = row;
      if (found.length < count && list.accepts(row)) found.push(row);
    });
    if (seen < look || found.length === count) return found;
  }
  const others = await newestOf(session, list, list.rest(last as Row), count - found.length);
  return [...found, ...others];
}

/** Rows that are held beside those that are asked for, so that they are seldom sorted. */
const SPARE = 4_096;

async function newestOf<Row>(
  session: Session,
  { read, accepts, compare }: JudgedList<Row>,
  query: string,
  count: number,
): Promise<Row[]> {
  let held: Row[] = [];
  await readRows(session, query, (bytes) => {
    const row = read(bytes);
    if (!accepts(row)) return;
    held.push(row);
    if (held.length >= 2 * count + SPARE) held = held.sort(compare).slice(0, count);
  });
  return held.sort(compare).slice(0, count);
}
