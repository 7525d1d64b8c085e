import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import { isQuantile } from '../../../../core/telemetry/aggregate.ts';
import { createBucketing, parseBucket } from '../../../../core/telemetry/buckets.ts';
import { chartOf } from '../../../../core/telemetry/chart.ts';
import { GroupAggregates, type Summary } from '../../../../core/telemetry/group-aggregates.ts';
import { DAY, HOUR } from '../../../../core/telemetry/hour-fold.ts';
import type { AggregateAnswer, PointColumns, RangeAnswer } from '../../../../ports/telemetry-store.ts';
import { freeBytes } from '../../sealed/bytes.ts';
import { seriesEnd } from '../../sealed/points/point-columns.ts';
import { mergePoints, type PointSlice } from '../../sealed/points/point-merge.ts';
import { isDamage } from '../format/connection.ts';
import { piecesCursors } from '../rollups/pieces-cursor.ts';
import { answerFromRollups, type Remainder } from '../rollups/rollup-plan.ts';
import type { PointTailAnswer } from './point-queries.ts';
import { livePointRuns, type PointRun } from './point-run.ts';
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

/**
 * As {@link readPoints}, summed up by groups: no more than a block of each run is in memory at once. Where rows of hours and
 * days answer exactly, they stand for their points.
 */
export function aggregatePoints(
  db: DatabaseSync,
  request: PointAggregateRequest,
): readonly AggregateAnswer[] | 'stale' {
  return reading(db, request, (runs) => {
    const { series, points, groups, groupCount } = request.tail;
    const groupOf = new Map(series.map((number, at) => [number, groups[at] as number]));
    const aggregates = new GroupAggregates(groupCount, request);
    const left = useRollups(db, request, runs, (number, rows) =>
      aggregates.addRows(groupOf.get(number) as number, rows),
    );
    const cursors = left.flatMap(({ run, whole, pieces }) => [
      new SeriesCursor(db, run.id, whole, request.from, request.to),
      ...piecesCursors(db, run.id, pieces),
    ]);
    for (const { columns, from, to } of mergePoints([...cursors, new ColumnsCursor(points)], {
      replaced: 0,
    })) {
      for (let at = from; at < to; ) {
        const end = seriesEnd(columns.series, at, to);
        aggregates.add(groupOf.get(columns.series[at] as number) as number, columns, at, end);
        at = end;
      }
    }
    return aggregates.answers();
  });
}

/** Answers from rollups what they can answer, and tells what is left. Quantiles and buckets below an hour need the points. */
function useRollups(
  db: DatabaseSync,
  { tail, from, to, bucket, timeZone, names }: PointAggregateRequest,
  runs: readonly PointRun[],
  use: (series: number, rows: Float64Array) => void,
): readonly Remainder[] {
  const width = parseBucket(bucket);
  if (width.width < HOUR || names.some(isQuantile))
    return runs.map((run) => ({ run, whole: tail.series, pieces: [] }));
  const bucketing = createBucketing(width, timeZone);
  const asked = { from, to, bucketing, narrow: width.width < DAY };
  return answerFromRollups(db, { ...asked, runs, series: tail.series, tail: tail.points }, use);
}

/** Room for the points of a chart, which are looked at and left: kept between charts, since new memory costs more than they. */
let chartSpace: Found | undefined;

/** As {@link readPoints}, thinned out for a chart. */
export function chartPoints(db: DatabaseSync, request: PointChartRequest): PointColumns | 'stale' {
  return reading(db, request, () => {
    const found = chartSpace ?? new Found(Number.MAX_SAFE_INTEGER);
    found.clear();
    for (const { columns, from, to } of slicesOf(db, request)) found.add(columns, from, to);
    const chart = chartOf(found.columns(), request.points, request.method);
    found.clear();
    chartSpace = found.capacity <= KEPT_CAPACITY ? found : undefined;
    return chart;
  });
}

function reading<T>(
  db: DatabaseSync,
  request: Omit<PointReadRequest, 'limit'>,
  read: (runs: readonly PointRun[]) => T,
): T | 'stale' {
  db.exec('BEGIN');
  try {
    const named = new Set(request.tail.runs);
    const runs = livePointRuns(db).filter((run) => named.has(run.id));
    if (runs.length < named.size) return 'stale';
    return read(runs);
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
    if (room < end) return { points: found.fitted(), next: columns.times[room] as number };
  }
  return { points: found.fitted(), next: null };
}

/** Points that there is room for at first: those of the largest slice that is asked for again and again. */
const FIRST_CAPACITY = 262_144;
/** Room that is kept for the next chart. */
const KEPT_CAPACITY = 1_048_576;

/** Columns that grow, up to a limit. */
class Found {
  count = 0;
  #times: Float64Array;
  #values: Float64Array;
  #kinds: Uint8Array;
  #texts: string[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
    // What is not written to is not real memory yet.
    const capacity = Math.min(limit, FIRST_CAPACITY);
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#kinds = new Uint8Array(capacity);
  }

  get capacity(): number {
    return this.#times.length;
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
    this.#times = copied(this.#times, new Float64Array(size), this.count);
    this.#values = copied(this.#values, new Float64Array(size), this.count);
    this.#kinds = copied(this.#kinds, new Uint8Array(size), this.count);
  }

  /** What was found, where it lies. */
  columns(): RangeAnswer['points'] {
    const { count } = this;
    return {
      count,
      times: this.#times.subarray(0, count),
      values: this.#values.subarray(0, count),
      kinds: this.#kinds.subarray(0, count),
      texts: this.#texts,
    };
  }

  /** What was found, in memory that is not much larger. */
  fitted(): RangeAnswer['points'] {
    const found = this.columns();
    if (this.count > this.capacity / 2) return found;
    const { times, values, kinds } = found;
    return { ...found, times: times.slice(), values: values.slice(), kinds: kinds.slice() };
  }

  clear(): void {
    this.count = 0;
    this.#texts = [];
  }
}

interface ColumnsLike {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

function copied<Column extends Float64Array | Uint8Array>(from: Column, to: Column, count: number): Column {
  to.set(from.subarray(0, count));
  freeBytes(from);
  return to;
}
