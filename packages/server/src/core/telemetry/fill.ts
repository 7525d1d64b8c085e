import { PisyncError } from '@pisync/protocol';
import type { Bucketing } from './buckets.ts';

/**
 * What an empty bucket shows: nothing at all (`none`: the bucket is left out), no value (`null`), the value of the
 * nearest bucket before it that has one (`previous`), or the value on the straight line, by the buckets' starts, between
 * its nearest neighbours that have one (`linear`). Where there is no such neighbour there is no value.
 */
export const fillModes = ['none', 'null', 'previous', 'linear'] as const;

export type FillMode = (typeof fillModes)[number];

/** The buckets of an answer in order of time. */
export interface BucketGrid {
  /** Microseconds since the epoch. */
  readonly starts: Float64Array;
  /** Per bucket: its place among the buckets that hold points, or -1. */
  readonly sources: Int32Array;
}

/**
 * Lays out the buckets that an answer shows: all that overlap `from <= time < to`, or with `none` those that hold
 * points; none where `from >= to`.
 *
 * @param starts - of the buckets that hold points, ascending, in microseconds since the epoch
 * @param bucketing - what they were made by
 * @param maxBuckets - most buckets of an answer
 * @throws {PisyncError} `invalid_parameter` if there are more
 */
export function layOutBuckets(
  starts: Float64Array,
  bucketing: Bucketing,
  from: number,
  to: number,
  mode: FillMode,
  maxBuckets: number,
): BucketGrid {
  const laid: number[] = [];
  const sources: number[] = [];
  const begin = bucketing.bucketStart(from);
  let source = 0;
  while (source < starts.length && starts[source]! < begin) source += 1;
  let start = mode === 'none' ? (starts[source] ?? to) : begin;
  while (from < to && start < to) {
    if (laid.length === maxBuckets) throw tooManyBuckets(maxBuckets);
    const held = starts[source] === start;
    laid.push(start);
    sources.push(held ? source : -1);
    if (held) source += 1;
    start = mode === 'none' ? (starts[source] ?? to) : bucketing.nextBucket(start);
  }
  return { starts: Float64Array.from(laid), sources: Int32Array.from(sources) };
}

/** What a question is refused with whose answer would have more buckets. */
export function tooManyBuckets(most: number): PisyncError {
  const detail = `More than ${most} buckets: ask for wider ones, or for a shorter time.`;
  return new PisyncError('invalid_parameter', { field: 'bucket', detail });
}

/**
 * One number per bucket of a grid; `NaN` where there is none. A bucket that holds points is never filled: where its
 * own value is `NaN`, as the standard deviation of one point, it stays so.
 *
 * @param values - one per bucket that holds points
 */
export function fillColumn(grid: BucketGrid, values: Float64Array, mode: FillMode): Float64Array {
  const filled = taken(grid, values, Number.NaN);
  if (mode === 'previous') fillPrevious(grid, filled);
  if (mode === 'linear') fillLinear(grid, filled);
  return filled;
}

/** The counts of a grid: an empty bucket holds 0 points, whatever the fill. */
export function fillCounts(grid: BucketGrid, counts: Float64Array): Float64Array {
  return taken(grid, counts, 0);
}

function taken({ sources }: BucketGrid, values: Float64Array, missing: number): Float64Array {
  const column = new Float64Array(sources.length);
  for (let at = 0; at < column.length; at += 1) {
    const source = sources[at]!;
    column[at] = source < 0 ? missing : values[source]!;
  }
  return column;
}

function fillPrevious(grid: BucketGrid, filled: Float64Array): void {
  let value = Number.NaN;
  for (let at = 0; at < filled.length; at += 1) {
    if (grid.sources[at]! < 0) filled[at] = value;
    else if (!Number.isNaN(filled[at]!)) value = filled[at]!;
  }
}

function fillLinear(grid: BucketGrid, filled: Float64Array): void {
  const { starts, sources } = grid;
  let left = -1;
  for (let right = 0; right < filled.length; right += 1) {
    if (sources[right]! < 0 || Number.isNaN(filled[right]!)) continue;
    for (let at = left + 1; left >= 0 && at < right; at += 1) {
      if (sources[at]! >= 0) continue;
      const part = (starts[at]! - starts[left]!) / (starts[right]! - starts[left]!);
      // Two products, since the difference of two doubles may be none.
      filled[at] = filled[left]! * (1 - part) + filled[right]! * part;
    }
    left = right;
  }
}
