import {
  AGGREGATE_LENGTH,
  aggregateColumns,
  BucketAggregates,
  aggregateField as field,
} from './aggregate.ts';
import { createBucketing } from './buckets.ts';

/** Microseconds. */
export const HOUR = 3600 * 1e6;
export const DAY = 24 * HOUR;

const hours = createBucketing({ unit: 'clock', width: HOUR });
const days = createBucketing({ unit: 'day', width: DAY });

/** What is known of a series' points in each UTC hour, and in each UTC day: rows as `BucketAggregates.toRows` gives them. */
export interface FoldedSeries {
  readonly hours: Float64Array;
  readonly days: Float64Array;
}

/** Sums up the numbers of one series by hour and day. */
export class HourFold {
  readonly #hours = new BucketAggregates();

  /** Adds the points `[from, to)`: ascending, after all before, numbers or booleans. */
  add(times: Float64Array, values: Float64Array, from: number, to: number): void {
    aggregateColumns(times, values, from, to, hours, this.#hours);
  }

  rows(): FoldedSeries {
    const whole = new BucketAggregates();
    whole.merge(this.#hours, days);
    return { hours: this.#hours.toRows(), days: whole.toRows() };
  }
}

/** How many points rows of folded series stand for. */
export function countOf(rows: Float64Array): number {
  let count = 0;
  for (let at = field.count; at < rows.length; at += AGGREGATE_LENGTH) count += rows[at] as number;
  return count;
}
