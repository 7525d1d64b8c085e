import type { DatabaseSync } from 'node:sqlite';
import { detectionIdentityHash } from '../../../../core/detections/detection-identity.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import { NetworkTable } from '../networks/network-table.ts';
import { DetectionRuns } from '../sealed-detections/detection-run.ts';
import { type SealedRow, sealDetections } from '../sealed-detections/detection-seal.ts';

/** Ordinal of the newest detection that is there. */
export function newestOrdinal(db: DatabaseSync): number {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'detections_ordinal'").get();
  return ((row as { value: number } | undefined)?.value ?? 1) - 1;
}

/** Writes detections as a run behind those that are there, and takes them into their networks. Within a transaction. */
export function writeDetectionRun(db: DatabaseSync, detections: readonly StoredDetection[]): void {
  const last = detections.at(-1);
  if (last === undefined) return;
  const runs = new DetectionRuns(db);
  const networks = new NetworkTable(db);
  const run = runs.begin();
  const lastChunk = Math.max(0, ...runs.live.map((one) => one.lastChunk)) + 1;
  const order = { run, detections: detections.length, rows: rowsOf(detections), lastChunk, folded: 0 };
  for (const { blocks, parts, networks: batch, finished } of sealDetections(order)) {
    if (batch !== undefined) networks.fold(batch);
    runs.putBlocks(run, { blocks, parts });
    if (finished !== null) runs.activate(finished);
  }
  const put = db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  put.run('detections_sealed', lastChunk);
  put.run('detections_ordinal', last.ordinal + 1);
  put.run('detections_folded', last.ordinal);
}

function* rowsOf(detections: readonly StoredDetection[]): Generator<SealedRow> {
  for (const detection of detections) {
    const hash = detectionIdentityHash(detection);
    yield { detection, hashed: hash !== null, hashHigh: hash?.high ?? 0 };
  }
}
