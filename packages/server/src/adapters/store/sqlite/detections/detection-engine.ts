import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { detectionNumberHash } from '../../../../core/detections/detection-identity.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import { foldDetections, type NetworkBatch } from '../networks/network-batch.ts';
import { NetworkTable } from '../networks/network-table.ts';
import { DetectionRuns } from '../sealed-detections/detection-run.ts';
import { SealedDetectionLookup } from '../sealed-detections/sealed-detection-lookup.ts';
import { DetectionLog } from './detection-log.ts';
import type { SequenceCounters } from './known-detections.ts';

/** Detections folded into their networks in one transaction: a few milliseconds, so that no commit waits long. */
const FOLDED_AT_ONCE = 2048;
/**
 * The same where many wait, as in an import. New networks go everywhere in the indexes: a page of these is then written once
 * for many, at the price of a pause of some forty milliseconds.
 */
const FOLDED_IN_BULK = 32_768;

/** Detections on the writing connection: what is not sealed, what is, and the networks that follow from both. */
export class DetectionEngine {
  readonly log: DetectionLog;
  readonly runs: DetectionRuns;
  readonly lookup: SealedDetectionLookup;
  readonly #networks: NetworkTable;
  readonly #putMeta: StatementSync;
  /** Ordinal of the newest detection that is in the networks. */
  #folded: number;

  /** @throws {RangeError} where what is stored cannot be read */
  constructor(db: DatabaseSync) {
    this.log = new DetectionLog(db);
    this.runs = new DetectionRuns(db);
    this.lookup = new SealedDetectionLookup(db, this.runs.live);
    this.#networks = new NetworkTable(db);
    this.#putMeta = db.prepare('INSERT OR REPLACE INTO meta (key, value, data) VALUES (?, ?, NULL)');
    const folded = db.prepare("SELECT value FROM meta WHERE key = 'detections_folded'").get();
    this.#folded = (folded as { value: number } | undefined)?.value ?? 0;
    if (this.#folded < this.log.tail.firstOrdinal - 1)
      throw new RangeError(
        `detections up to ${this.log.tail.firstOrdinal - 1} are sealed and not in networks`,
      );
  }

  /** Takes what is new of the records; see {@link DetectionLog.admit}. */
  admit(records: Uint8Array, count: number, counters: SequenceCounters): Uint8Array {
    return this.log.admit(records, count, counters, this.lookup);
  }

  /** True where a detection that is held has this number. */
  holdsNumber(deviceId: string, epoch: string, seq: number): boolean {
    const { high, low } = detectionNumberHash(deviceId, epoch, seq);
    const same = (one: { deviceId: string; epoch: string | null; seq: number | null }): boolean =>
      one.seq === seq && one.epoch === epoch && one.deviceId === deviceId;
    const sought = { hashHigh: high, hashLow: low, digestTime: null };
    return this.log.tail.find(sought, same) || this.lookup.find(sought, same);
  }

  /** Ordinal of the newest detection that is in the networks. */
  get folded(): number {
    return this.#folded;
  }

  /** Detections that are not in the networks yet. */
  get unfolded(): number {
    return this.log.tail.nextOrdinal - 1 - this.#folded;
  }

  /** Takes the oldest of those into their networks; to be called within a transaction, which may not fail without the engine. */
  fold(): void {
    const rows: StoredDetection[] = [];
    const most = this.unfolded > FOLDED_IN_BULK / 2 ? FOLDED_IN_BULK : FOLDED_AT_ONCE;
    for (const view of this.log.tail.records(this.#folded + 1)) {
      rows.push({ ...view.toObserved(), ordinal: view.ordinal });
      if (rows.length === most) break;
    }
    if (rows.length === 0) return;
    this.takeNetworks(foldDetections(rows));
  }

  /** As {@link fold}, of what was folded elsewhere: the networks of the oldest detections that are in none yet. */
  takeNetworks(batch: NetworkBatch): void {
    if (batch.firstOrdinal !== this.#folded + 1)
      throw new TypeError(`networks from detection ${batch.firstOrdinal} on, folded are ${this.#folded}`);
    this.#networks.fold(batch);
    this.#folded = batch.lastOrdinal;
    this.#putMeta.run('detections_folded', this.#folded);
  }

  /** After a change of the live runs. */
  refresh(): void {
    this.runs.refresh();
    this.lookup.refresh(this.runs.live);
  }
}
