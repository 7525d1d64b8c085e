import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import { GroupAggregates, type Summary } from '../../../../core/telemetry/group-aggregates.ts';
import type { AggregateAnswer, RangeAnswer } from '../../../../ports/telemetry-store.ts';
import { isDamage } from '../format/connection.ts';
import { mergePoints, type PointSlice } from './point-merge.ts';
import type { PointTailAnswer } from './point-queries.ts';
import { livePointRuns } from './point-run.ts';
import { ColumnsCursor, SeriesCursor } from './run-cursor.ts';

export interface PointReadRequest {
  readonly tail: PointTailAnswer;
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/**
 * Merges the sealed points of a stretch with those of the tail, in one short read transaction.
 *
 * @returns `stale` where the runs that the writer named have been merged in the meantime: ask the writer again
 * @throws {PisyncError} `store_damaged`
 */
export function readPoints(db: DatabaseSync, request: PointReadRequest): RangeAnswer | 'stale' {
  return reading(db, request, () => collect(db, request));
}

export interface PointAggregateRequest extends Omit<PointReadRequest, 'limit'>, Summary {}

export interface PointChartRequest extends Omit<PointReadRequest, 'limit'> {
  readonly points: number;
  readonly method: 'largest_triangle' | 'min_max';
}

/** As {@link readPoints}, summed up by groups: no more than a block of each run is in memory at once. */
export function aggregatePoints(
  db: DatabaseSync,
  request: PointAggregateRequest,
): readonly AggregateAnswer[] | 'stale' {
  return reading(db, request, () => {
    const { series, groups, groupCount } = request.tail;
    const groupOf = new Map(series.map((number, at) => [number, groups[at] as number]));
    const aggregates = new GroupAggregates(groupCount, request);
    for (const { columns, from, to } of slicesOf(db, request)) {
      for (let at = from; at < to; ) {
        const end = seriesEnd(columns.series, at, to);
        aggregates.add(groupOf.get(columns.series[at] as number) as number, columns, at, end);
        at = end;
      }
    }
    return aggregates.answers();
  });
}

/** End of the points that are of the same series as the one at `from`: most often of all. */
function seriesEnd(series: PointSlice['columns']['series'], from: number, to: number): number {
  const own = series[from];
  if (series[to - 1] === own) return to;
  let end = from + 1;
  while (series[end] === own) end += 1;
  return end;
}

function reading<T>(db: DatabaseSync, request: Omit<PointReadRequest, 'limit'>, read: () => T): T | 'stale' {
  db.exec('BEGIN');
  try {
    const live = new Set(livePointRuns(db).map((run) => run.id));
    if (!request.tail.runs.every((run) => live.has(run))) return 'stale';
    return read();
  } catch (cause) {
    if (cause instanceof PisyncError || !isDamage(cause)) throw cause;
    throw new PisyncError('store_damaged', { detail: 'history cannot be read; run `pisync doctor`', cause });
  } finally {
    db.exec('ROLLBACK');
  }
}

function slicesOf(
  db: DatabaseSync,
  { tail, from, to }: Omit<PointReadRequest, 'limit'>,
): Generator<PointSlice, void> {
  const { series, runs, points } = tail;
  const cursors = [
    ...runs.map((run) => new SeriesCursor(db, run, series, from, to)),
    new ColumnsCursor(points),
  ];
  return mergePoints(cursors, { replaced: 0 });
}

function collect(db: DatabaseSync, request: PointReadRequest): RangeAnswer {
  const { limit } = request;
  const found = new Found(limit);
  for (const { columns, from: start, to: end } of slicesOf(db, request)) {
    const room = Math.min(end, start + limit - found.count);
    found.add(columns, start, room);
    if (room < end) return { points: found.columns(), next: columns.times[room] as number };
  }
  return { points: found.columns(), next: null };
}

/** Points that there is room for at first: those of the largest slice that is asked for again and again. */
const FIRST_CAPACITY = 262_144;

/** Columns that grow, up to a limit. */
class Found {
  count = 0;
  #times: Float64Array;
  #values: Float64Array;
  #kinds: Uint8Array;
  readonly #texts: string[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
    // What is not written to is not real memory yet.
    const capacity = Math.min(limit, FIRST_CAPACITY);
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#kinds = new Uint8Array(capacity);
  }

  add({ times, values, kinds, texts }: ColumnsLike, from: number, to: number): void {
    const at = this.count;
    const end = at + to - from;
    if (end > this.#times.length) this.#grow(end);
    this.#times.set(times.subarray(from, to), at);
    this.#values.set(values.subarray(from, to), at);
    this.#kinds.set(kinds.subarray(from, to), at);
    for (let index = at; texts.length > 0 && index < end; index++) {
      if (this.#kinds[index] === 2)
        this.#values[index] = this.#texts.push(texts[this.#values[index] as number] as string) - 1;
    }
    this.count = end;
  }

  #grow(least: number): void {
    const size = Math.min(Math.max(least, this.#times.length * 2), Math.max(least, this.#limit));
    this.#times = copied(this.#times, new Float64Array(size));
    this.#values = copied(this.#values, new Float64Array(size));
    this.#kinds = copied(this.#kinds, new Uint8Array(size));
  }

  columns(): RangeAnswer['points'] {
    const { count } = this;
    const texts = this.#texts;
    if (count === this.#times.length)
      return { count, times: this.#times, values: this.#values, kinds: this.#kinds, texts };
    return {
      count,
      times: this.#times.slice(0, count),
      values: this.#values.slice(0, count),
      kinds: this.#kinds.slice(0, count),
      texts,
    };
  }
}

interface ColumnsLike {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

function copied<Column extends Float64Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
