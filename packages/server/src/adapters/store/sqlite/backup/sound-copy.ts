import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import type { CopyOptions, StoreContents } from '../../../../ports/backup.ts';
import { openReader, openWriter } from '../format/connection.ts';
import { refuseNewer, SCHEMA_VERSION } from '../format/schema.ts';
import { loadDetections, loadLedger, loadPoints } from '../state/load.ts';
import { SealedHistory } from '../state/sealed-history.ts';
import { SealedIdentities } from '../state/sealed-identities.ts';
import { verifyStore } from '../state/verify.ts';
import type { PartialFile } from './partial-file.ts';
import type { Snapshot } from './snapshot.ts';

/** Faults that an error names. */
const TOLD = 3;

/** What {@link writeSoundCopy} wrote. */
export interface SoundCopy extends StoreContents {
  readonly bytes: number;
}

/**
 * Writes a snapshot into a partial file, has it flushed, and checks it from end to end as `pisync doctor --store` does. A copy of a
 * store of an older version is brought up to date first. The caller gives it its name, or removes it.
 *
 * @throws {PisyncError} `store_damaged` where the copy is not sound; what copying throws
 */
export async function writeSoundCopy(
  snapshot: Snapshot,
  file: PartialFile,
  { signal, onProgress }: CopyOptions,
): Promise<SoundCopy> {
  onProgress('copy', 0);
  await snapshot.copyTo(file.path, signal, (share) => onProgress('copy', share));
  // From here on nothing of the store is needed, and its write-ahead log may be emptied again.
  snapshot.close();
  bringUpToDate(file.path);
  file.flush();
  onProgress('verify', 0);
  const faults = (await verifyStore(file.path)).filter(({ severity }) => severity === 'error');
  signal.throwIfAborted();
  if (faults.length > 0) {
    const told = faults.slice(0, TOLD).map(({ check, detail }) => `${check}: ${detail}`);
    const more = faults.length > TOLD ? `; and ${faults.length - TOLD} more` : '';
    const detail = `The copy is not sound and was removed. ${told.join('; ')}${more}. Look at what it was made from: pisync doctor --store sqlite:PATH`;
    throw new PisyncError('store_damaged', { detail });
  }
  return { ...contentsOf(file.path), bytes: statSync(file.path).size };
}

/** Adds the tables of newer versions. They are empty, so that nothing that is there changes. */
function bringUpToDate(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  let version: number;
  try {
    version = refuseNewer(db);
  } finally {
    db.close();
  }
  if (version < SCHEMA_VERSION) openWriter(path).close();
}

/** Counts what a store holds that nobody writes. */
function contentsOf(path: string): StoreContents {
  const db = openReader(path);
  try {
    const { ledger } = loadLedger(db, new SealedIdentities(new SealedHistory(db)), 'failure');
    const { tail, runs } = loadPoints(db);
    return {
      events: ledger.tail.nextPosition - 1,
      devices: ledger.devices.count,
      points: runs.live.reduce((sum, run) => sum + run.points, tail.points),
      detections: loadDetections(db).log.tail.nextOrdinal - 1,
    };
  } finally {
    db.close();
  }
}
