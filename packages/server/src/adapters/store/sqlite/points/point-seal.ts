import type { DatabaseSync } from 'node:sqlite';
import { freeBytes } from '../../sealed/bytes.ts';
import { encodePointBlock } from '../../sealed/points/point-block.ts';
import { MAX_BLOCK_POINTS, type PointColumns } from '../../sealed/points/point-columns.ts';
import {
  type MergeCounts,
  mergePoints,
  type PointSlice,
  sameValue,
} from '../../sealed/points/point-merge.ts';
import { RollupBuilder, type SealedRollups } from '../rollups/run-rollups.ts';
import { countingSort } from '../threads/counting-sort.ts';
import type { FinishedPointRun, PointRun, SealedPointBlock } from './point-run.ts';
import type { TailPoints } from './point-tail.ts';
import { RunCursor } from './run-cursor.ts';

/** Blocks handed over at once. */
const SLICE_BLOCKS = 32;
/** What is merged again soon is compressed for speed. */
const SEALED_LEVEL = 1;
const MERGED_LEVEL = 3;

/** The oldest part of the tail, to become a run; the columns are the receiver's. */
export interface PointSealOrder {
  readonly run: number;
  readonly points: TailPoints;
  readonly lastChunk: number;
}

/** Runs whose points are to be one run, from the oldest commits to the newest. */
export interface PointMergeOrder {
  readonly run: number;
  readonly level: number;
  readonly runs: readonly PointRun[];
}

/** Some finished blocks; `finished` is set with the last ones. */
export interface PointBlocks {
  readonly blocks: SealedPointBlock[];
  readonly rollups: SealedRollups[];
  readonly finished: FinishedPointRun | null;
}

/** Sorts points into a run of the lowest level. */
export function* sealPoints(order: PointSealOrder): Generator<PointBlocks, void> {
  const counts = { replaced: 0 };
  const { points } = order;
  yield* build(sortedSlices(points, counts), order.run, 0, order.lastChunk, counts, 0);
  freeBytes(points.series, points.times, points.values, points.kinds);
}

/** Merges runs into one of a higher level. */
export function* mergePointRuns(db: DatabaseSync, order: PointMergeOrder): Generator<PointBlocks, void> {
  const counts = { replaced: 0 };
  const cursors = order.runs.map((run) => new RunCursor(db, run.id));
  const lastChunk = Math.max(...order.runs.map((run) => run.lastChunk));
  const before = order.runs.reduce((sum, run) => sum + replacedOf(db, run.id), 0);
  yield* build(mergePoints(cursors, counts), order.run, order.level, lastChunk, counts, before);
}

function replacedOf(db: DatabaseSync, run: number): number {
  return (db.prepare('SELECT replaced FROM point_run WHERE id = ?').get(run) as { replaced: number })
    .replaced;
}

/** The points by series and time, one slice of a point each; of equal times the one committed last. */
function* sortedSlices(points: TailPoints, counts: MergeCounts): Generator<PointSlice, void> {
  const { series, times } = points;
  const order = countingSort(series);
  for (let from = 0; from < order.length; ) {
    const own = series[order[from] as number];
    let to = from + 1;
    let ascending = true;
    for (; to < order.length && series[order[to] as number] === own; to++) {
      ascending &&= (times[order[to] as number] as number) > (times[order[to - 1] as number] as number);
    }
    const stretch = order.subarray(from, to);
    // Equal times stay in the order of their commits: a typed array's sort is stable.
    if (!ascending) stretch.sort((a, b) => (times[a] as number) - (times[b] as number));
    yield* slicesOf(points, stretch, counts);
    from = to;
  }
}

function* slicesOf(
  points: TailPoints,
  stretch: Uint32Array,
  counts: MergeCounts,
): Generator<PointSlice, void> {
  for (let at = 0; at < stretch.length; at++) {
    const index = stretch[at] as number;
    const next = stretch[at + 1];
    if (next !== undefined && points.times[next] === points.times[index]) {
      if (!sameValue(points, index, points, next)) counts.replaced += 1;
      continue;
    }
    yield { columns: points, from: index, to: index + 1 };
  }
}

/** Points of the block in building. */
class BlockSpace {
  readonly series = new Int32Array(MAX_BLOCK_POINTS);
  readonly times = new Float64Array(MAX_BLOCK_POINTS);
  readonly values = new Float64Array(MAX_BLOCK_POINTS);
  readonly kinds = new Uint8Array(MAX_BLOCK_POINTS);
  texts: string[] = [];
  count = 0;

  /** Takes as many points as fit. @returns the first that did not */
  take(columns: PointColumns, from: number, to: number): number {
    const end = Math.min(to, from + MAX_BLOCK_POINTS - this.count);
    const at = this.count;
    if (end - from === 1) {
      this.series[at] = columns.series[from] as number;
      this.times[at] = columns.times[from] as number;
      this.values[at] = columns.values[from] as number;
      this.kinds[at] = columns.kinds[from] as number;
    } else {
      this.series.set(columns.series.subarray(from, end), at);
      this.times.set(columns.times.subarray(from, end), at);
      this.values.set(columns.values.subarray(from, end), at);
      this.kinds.set(columns.kinds.subarray(from, end), at);
    }
    for (let index = at; columns.texts.length > 0 && index < at + end - from; index++) {
      if (this.kinds[index] !== 2) continue;
      this.values[index] = this.texts.push(columns.texts[this.values[index] as number] as string) - 1;
    }
    this.count += end - from;
    return end;
  }

  /** The block of what was taken; the space is empty afterwards. */
  finish(level: number): SealedPointBlock {
    const data = encodePointBlock(this, 0, this.count, level);
    const block = { series: this.series[0] as number, time: this.times[0] as number, data };
    this.count = 0;
    this.texts = [];
    return block;
  }
}

function* build(
  slices: Iterable<PointSlice>,
  run: number,
  level: number,
  lastChunk: number,
  counts: MergeCounts,
  replacedBefore: number,
): Generator<PointBlocks, void> {
  const space = new BlockSpace();
  const rollups = new RollupBuilder();
  let points = 0;
  let bytes = 0;
  let minTime = Number.MAX_SAFE_INTEGER;
  let maxTime = Number.MIN_SAFE_INTEGER;
  let blocks: SealedPointBlock[] = [];
  const finishBlock = (): void => {
    points += space.count;
    for (let at = 0; at < space.count; at++) {
      const time = space.times[at] as number;
      if (time < minTime) minTime = time;
      if (time > maxTime) maxTime = time;
    }
    rollups.take(space, space.count);
    const block = space.finish(level === 0 ? SEALED_LEVEL : MERGED_LEVEL);
    bytes += block.data.length;
    blocks.push(block);
  };
  for (const { columns, from, to } of slices) {
    for (let at = from; at < to; ) {
      at = space.take(columns, at, to);
      if (space.count === MAX_BLOCK_POINTS) finishBlock();
    }
    if (blocks.length < SLICE_BLOCKS) continue;
    yield { blocks, rollups: rollups.finished(), finished: null };
    blocks = [];
  }
  if (space.count > 0) finishBlock();
  rollups.end();
  const replaced = replacedBefore + counts.replaced;
  yield {
    blocks,
    rollups: rollups.finished(),
    finished: { run, level, points, bytes, minTime, maxTime, lastChunk, replaced },
  };
}
