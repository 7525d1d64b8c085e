import type { DatabaseSync } from 'node:sqlite';
import type { StoredDetection } from '../../../../core/detections/detection-columns.ts';
import { type DetectionRows, RowSpace } from '../format/columns/detection-rows.ts';
import { foldRows, type NetworkBatch } from '../networks/network-batch.ts';
import { countingSort } from '../threads/counting-sort.ts';
import { mergeRows, RunRows } from './detection-merge.ts';
import type { DetectionRun } from './detection-run.ts';
import { sortIdentities } from './identity-index.ts';
import { IdentityCursor, mergeIdentities } from './identity-merge.ts';
import { IdentitySums } from './identity-sums.ts';
import { RowSource, type RowStretch, sortCell } from './row-source.ts';
import { type DetectionSlice, RunBuilder } from './run-builder.ts';

/** A detection of the log, and its identity hash where it has one (`hashed`). */
export interface SealedRow {
  readonly detection: StoredDetection;
  readonly hashHigh: number;
  readonly hashed: boolean;
}

/** The oldest part of the log, to become a run. */
export interface DetectionSealOrder {
  readonly run: number;
  /** How many rows there are, 1 to 2^20. */
  readonly detections: number;
  /** In the order of their commits. A row may be overwritten when the next is asked for. */
  readonly rows: Iterable<SealedRow>;
  readonly lastChunk: number;
  /** How many of them, from the first on, are in their networks already. */
  readonly folded: number;
}

/** Pieces of a run, or networks that its detections changed. */
export interface SealSlice extends DetectionSlice {
  /** To be folded in this order; all of them come before the first piece. */
  readonly networks?: NetworkBatch;
}

/** Runs whose detections are to be one run. */
export interface DetectionMergeOrder {
  readonly run: number;
  readonly level: number;
  readonly runs: readonly DetectionRun[];
}

/** Sorts detections into a run of the lowest level, and folds those into networks that are in none. */
export function* sealDetections(order: DetectionSealOrder): Generator<SealSlice, void> {
  const space = new RowSpace(order.detections);
  const hashes = new Uint32Array(order.detections);
  const hashed = new Uint32Array(order.detections);
  const summary = new IdentitySums();
  for (const { detection, hashed: identified, hashHigh } of order.rows) {
    if (identified) {
      hashed[summary.identities] = space.count;
      hashes[summary.identities] = hashHigh;
      summary.add(detection);
    }
    space.add(detection);
  }
  if (space.count !== order.detections) {
    throw new TypeError(`${space.count} detections in the log where ${order.detections} were announced`);
  }
  for (const networks of foldRows(space, order.folded))
    yield { blocks: [], parts: [], finished: null, networks };
  const source = new RowSource(space);
  const { identities } = summary;
  const builder = new RunBuilder(order.run, 0);
  yield* builder.blocks(sortedStretches(source));
  space.release();
  const places = new Uint32Array(identities);
  for (let at = 0; at < identities; at++) places[at] = source.places[hashed[at] as number] as number;
  const entries = sortIdentities({ hashes: hashes.subarray(0, identities), places });
  yield* builder.finish([entries], summary.told(), order.lastChunk);
}

/** Merges runs into one of a higher level. */
export function* mergeDetectionRuns(
  db: DatabaseSync,
  order: DetectionMergeOrder,
): Generator<DetectionSlice, void> {
  const { run, level, runs } = order;
  const builder = new RunBuilder(run, level);
  const sources = runs.map((one) => new RunRows(db, one.id));
  yield* builder.blocks(mergeRows(sources));
  const cursors = sources.map(
    (source, index) => new IdentityCursor(db, (runs[index] as DetectionRun).id, source),
  );
  const lastChunk = Math.max(...runs.map((one) => one.lastChunk));
  yield* builder.finish(mergeIdentities(cursors), IdentitySums.of(runs).told(), lastChunk);
}

/** Rows by cell, time and ordinal. They come in the order of their commits, which most cells leave as it is. */
function* sortedStretches(source: RowSource): Generator<RowStretch, void> {
  const { rows } = source;
  const sorted = byCell(rows);
  const { timestamps } = rows;
  for (let from = 0; from < sorted.order.length; ) {
    const cell = sorted.ranks[sorted.order[from] as number];
    let to = from + 1;
    let ascending = true;
    for (; to < sorted.order.length && sorted.ranks[sorted.order[to] as number] === cell; to++) {
      ascending &&=
        (timestamps[sorted.order[to] as number] as number) >=
        (timestamps[sorted.order[to - 1] as number] as number);
    }
    const stretch = sorted.order.subarray(from, to);
    // Equal times stay in the order of their commits: a typed array's sort is stable.
    if (!ascending) stretch.sort((a, b) => (timestamps[a] as number) - (timestamps[b] as number));
    for (let at = 0; at < stretch.length; ) {
      const first = stretch[at] as number;
      let next = first + 1;
      while (++at < stretch.length && stretch[at] === next) next += 1;
      yield { source, from: first, to: next };
    }
    from = to;
  }
}

function byCell(rows: DetectionRows): { order: Uint32Array; ranks: Int32Array } {
  const cells = new Float64Array(rows.count);
  for (let row = 0; row < rows.count; row++) cells[row] = sortCell(rows, row);
  const rankOf = new Map<number, number>();
  for (const cell of [...new Set(cells)].sort((a, b) => a - b)) rankOf.set(cell, rankOf.size);
  const ranks = Int32Array.from(cells, (cell) => rankOf.get(cell) as number);
  return { order: countingSort(ranks), ranks };
}
