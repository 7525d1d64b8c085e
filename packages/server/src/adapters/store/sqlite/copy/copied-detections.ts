import type { DatabaseSync } from 'node:sqlite';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { DetectionEngine } from '../detections/detection-engine.ts';
import { readZone } from '../format/columns/detection-zone.ts';
import { DetectionBlock } from '../format/detection-block.ts';
import { DETECTION_BLOCKS_PER_RUN, liveDetectionRuns } from '../sealed-detections/detection-run.ts';

/** Ordinals that are collected at a time: a block of a large run is decoded anew for each such stretch that it has rows of. */
const STRETCH = 131_072;
const AT_ONCE = 16_384;

/** The detections of a store after an ordinal, in their order: runs are sorted by place, so that a stretch is sorted again. */
export async function* copiedDetections(
  db: DatabaseSync,
  { log }: DetectionEngine,
  after: number,
): AsyncGenerator<readonly StoredDetection[]> {
  const sealed = log.tail.firstOrdinal - 1;
  const blocks = after < sealed ? blocksOf(db) : [];
  for (let from = after; from < sealed; from += STRETCH) {
    const found = inStretch(db, blocks, from, Math.min(from + STRETCH, sealed));
    for (let at = 0; at < found.length; at += AT_ONCE) yield found.slice(at, at + AT_ONCE);
  }
  let batch: StoredDetection[] = [];
  for (const view of log.tail.records(Math.max(after, sealed) + 1)) {
    if (view.ordinal <= after) continue;
    batch.push({ ...view.toObserved(), ordinal: view.ordinal });
    if (batch.length < AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

interface BlockPlace {
  readonly id: number;
  readonly minOrdinal: number;
  readonly maxOrdinal: number;
}

function blocksOf(db: DatabaseSync): readonly BlockPlace[] {
  const zones = db.prepare('SELECT id, zone FROM detection_block WHERE id >= ? AND id < ? ORDER BY id');
  return liveDetectionRuns(db).flatMap((run) => {
    const first = run.id * DETECTION_BLOCKS_PER_RUN;
    const rows = zones.all(first, first + DETECTION_BLOCKS_PER_RUN) as unknown as {
      id: number;
      zone: Uint8Array;
    }[];
    return rows.map(({ id, zone }) => {
      const { minOrdinal, maxOrdinal } = readZone(zone);
      return { id, minOrdinal, maxOrdinal };
    });
  });
}

/** Those after `from` and up to `to`. */
function inStretch(
  db: DatabaseSync,
  blocks: readonly BlockPlace[],
  from: number,
  to: number,
): StoredDetection[] {
  const read = db.prepare('SELECT hot, cold FROM detection_block WHERE id = ?');
  const found: StoredDetection[] = [];
  for (const { id, minOrdinal, maxOrdinal } of blocks) {
    if (maxOrdinal <= from || minOrdinal > to) continue;
    const { hot, cold } = read.get(id) as unknown as { hot: Uint8Array; cold: Uint8Array };
    const block = new DetectionBlock(hot, cold);
    for (let row = 0; row < block.count; row++) {
      const ordinal = block.ordinals[row] as number;
      if (ordinal > from && ordinal <= to) found.push(block.detection(row));
    }
  }
  return found.sort((a, b) => a.ordinal - b.ordinal);
}
