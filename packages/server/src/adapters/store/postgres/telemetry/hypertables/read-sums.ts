import {
  AGGREGATE_LENGTH,
  type AggregateName,
  aggregateField as field,
} from '../../../../../core/telemetry/aggregate.ts';
import { createBucketing, parseBucket } from '../../../../../core/telemetry/buckets.ts';
import type { AggregateQuery } from '../../../../../ports/telemetry-store.ts';
import type { Session } from '../../connection/session.ts';
import { layoutOf } from '../../schema/layout/find-layout.ts';
import { microsecondsLiteral } from '../../wire/literals.ts';
import { type RowReader, readRows } from '../../wire/read-rows.ts';
import { DAY, dayOf } from '../point-days.ts';
import type { Stretch } from '../point-scan.ts';
import { summedDays } from './summed-days.ts';

const HOUR = 3_600_000_000;

/** What comes out of sums as it does out of the points, to the last digit. Sums of fractions depend on their order. */
const EXACT: ReadonlySet<AggregateName> = new Set(['count', 'min', 'max', 'first', 'last']);

/** A continuous aggregate, and the width of its rows in microseconds. */
interface Sums {
  readonly view: string;
  readonly column: string;
  readonly width: number;
}

const hours: Sums = { view: 'telemetry_hour', column: 'hour', width: HOUR };
const days: Sums = { view: 'telemetry_day', column: 'day', width: DAY };

/** The widest sums of which each lies in one bucket, and that answer exactly; null where points must be read. */
export function sumsFor({ bucket, timeZone, names }: AggregateQuery): Sums | null {
  if (!names.every((name) => EXACT.has(name))) return null;
  const width = parseBucket(bucket);
  if (width.unit === 'month') return timeZone === 'UTC' ? days : null;
  // Fixed are those of UTC.
  const { fixed } = createBucketing(width, timeZone);
  if (fixed === null || fixed.width % HOUR !== 0) return null;
  return fixed.width % DAY === 0 ? days : hours;
}

/**
 * Answers as much as can be answered exactly from the sums of hours and days that hypertables keep.
 *
 * @param series - numbers
 * @param take - takes rows of a series, as `GroupAggregates.addRows` does
 * @returns what is left of the stretch, for which points must be read; all of it where there are no such sums
 */
export async function answerFromSums(
  session: Session,
  query: AggregateQuery,
  series: readonly number[],
  take: (series: number, rows: Float64Array) => void,
): Promise<readonly Stretch[]> {
  const whole: Stretch = { from: query.from, to: query.to };
  if ((await layoutOf(session)).kind === 'partitions') return [whole];
  const sums = sumsFor(query);
  if (sums === null || whole.from >= whole.to) return [whole];
  const left: Stretch[] = [];
  let { from } = whole;
  for (const range of await summedDays(session, {
    from: dayOf(clamp(whole.from)),
    to: dayOf(clamp(whole.to)) + 1,
  })) {
    const first = Math.max(range.from * DAY, Math.ceil(from / sums.width) * sums.width);
    const last = Math.min(range.to * DAY, Math.floor(whole.to / sums.width) * sums.width);
    if (first >= last) continue;
    if (from < first) left.push({ from, to: first });
    await readSums(session, sums, series, { from: first, to: last }, take);
    from = last;
  }
  if (from < whole.to) left.push({ from, to: whole.to });
  return left;
}

/** Days that the columns of numbers can tell; no point lies beyond them. */
function clamp(time: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, time));
}

async function readSums(
  session: Session,
  { view, column }: Sums,
  series: readonly number[],
  { from, to }: Stretch,
  take: (series: number, rows: Float64Array) => void,
): Promise<void> {
  const rows = new SumRows(take);
  await readRows(
    session,
    `SELECT series, ${column}, count, min, max, first_time, first, last_time, last FROM ${view}
     WHERE series = ANY('{${series.join()}}') AND ${column} >= ${microsecondsLiteral(from)} AND ${column} < ${microsecondsLiteral(to)}
     ORDER BY series, ${column}`,
    (row) => rows.add(row),
  );
  rows.flush();
}

/** Rows of sums, gathered series by series. */
class SumRows {
  readonly #take: (series: number, rows: Float64Array) => void;
  #series = -1;
  #rows = new Float64Array(64 * AGGREGATE_LENGTH);
  #length = 0;

  constructor(take: (series: number, rows: Float64Array) => void) {
    this.#take = take;
  }

  /** Takes a row of {@link readSums}, in which nothing is null. */
  add(row: RowReader): void {
    const series = row.integer() as number;
    if (series !== this.#series) this.flush();
    this.#series = series;
    if (this.#length === this.#rows.length) {
      const grown = new Float64Array(this.#length * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    const at = this.#length;
    this.#rows.fill(0, at, at + AGGREGATE_LENGTH);
    // Zero has no sign here, as in `BucketAggregates`.
    const set = (name: number, value: number | null) => (this.#rows[at + name] = (value as number) + 0);
    set(field.start, row.microseconds());
    set(field.count, row.bigint());
    set(field.min, row.double());
    set(field.max, row.double());
    set(field.firstTime, row.microseconds());
    set(field.first, row.double());
    set(field.lastTime, row.microseconds());
    set(field.last, row.double());
    this.#length += AGGREGATE_LENGTH;
  }

  /** Hands over what there is of a series. */
  flush(): void {
    if (this.#length > 0) this.#take(this.#series, this.#rows.slice(0, this.#length));
    this.#length = 0;
  }
}
