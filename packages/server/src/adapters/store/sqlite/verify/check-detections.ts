import type { DatabaseSync } from 'node:sqlite';
import { detectionIdentityHash } from '../../../../core/detections/detection-identity.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { Finding } from '../../../../ports/store.ts';
import type { DetectionEngine } from '../detections/detection-engine.ts';
import { type DetectionZone, readZone, zoneOf } from '../format/columns/detection-zone.ts';
import { DetectionBlock, MAX_BLOCK_ROWS } from '../format/detection-block.ts';
import {
  DETECTION_BLOCKS_PER_RUN,
  type DetectionRun,
  liveDetectionRuns,
} from '../sealed-detections/detection-run.ts';
import { sortCell } from '../sealed-detections/row-source.ts';
import { loadDetections } from '../state/load.ts';
import { checkNetworks } from './check-networks.ts';
import { Faults, Turns } from './faults.ts';
import { RunIdentities } from './run-identities.ts';

/** Tells whether the device of a detection with a number is noted to have used it. */
export type NumberNoted = (deviceId: string, epoch: string, seq: number) => boolean;

/**
 * Checks the detections of a store: the log behind the seal, every block of every run with its zone map, that each detection is
 * there exactly once and would be recognised if it came again; then the networks. Holds, besides what a start holds, one block
 * in memory, a bit for each detection and 5 bytes for each of a run.
 *
 * @param noted - undefined where it is not known
 */
export async function checkDetections(db: DatabaseSync, noted: NumberNoted | undefined): Promise<Finding[]> {
  const faults = new Faults('detections');
  const engine = faults.attempt('the log, and with it all that follows', () => loadDetections(db));
  if (engine === undefined) return faults.findings('');
  const check = new DetectionsCheck(db, engine, noted, faults);
  const runs = liveDetectionRuns(db);
  check.tail();
  for (const run of runs) await check.run(run);
  check.total(runs);
  const count = engine.log.tail.nextOrdinal - 1;
  const findings = faults.findings(
    `${count} detections in ${runs.length} runs and the log: each there once; zone maps, order, identities and filters are those ` +
      'of the detections',
  );
  if (!check.incomplete) return [...findings, ...(await checkNetworks(db, engine.log.tail))];
  const detail = 'not looked at, since not all detections can be read';
  return [...findings, { severity: 'warning', check: 'networks', detail }];
}

class DetectionsCheck {
  /** True where detections could not be read. */
  incomplete = false;
  readonly #db: DatabaseSync;
  readonly #log: DetectionEngine['log'];
  readonly #noted: NumberNoted | undefined;
  readonly #faults: Faults;
  readonly #turns = new Turns();
  /** A bit for each ordinal. */
  readonly #seen: Uint8Array;
  #found = 0;

  constructor(db: DatabaseSync, { log }: DetectionEngine, noted: NumberNoted | undefined, faults: Faults) {
    this.#db = db;
    this.#log = log;
    this.#noted = noted;
    this.#faults = faults;
    this.#seen = new Uint8Array(Math.ceil(log.tail.nextOrdinal / 8));
  }

  tail(): void {
    for (const view of this.#log.tail.records(0)) {
      this.#ordinal(view.ordinal);
      const detection = { ...view.toObserved(), ordinal: view.ordinal };
      const hash = detectionIdentityHash(detection);
      const kept = view.hashed ? { high: view.hashHigh, low: view.hashLow } : null;
      if (hash?.high !== kept?.high || hash?.low !== kept?.low)
        this.#faults.add(`detection ${view.ordinal} of the log has an identity that is not its own`);
      this.#number(detection);
    }
  }

  async run(run: DetectionRun): Promise<void> {
    const first = run.id * DETECTION_BLOCKS_PER_RUN;
    const check = new RunCheck(this.#db, run, this.#faults);
    const rows = this.#db
      .prepare('SELECT id, run, zone, hot, cold FROM detection_block WHERE id >= ? AND id < ? ORDER BY id')
      .iterate(first, first + DETECTION_BLOCKS_PER_RUN);
    for (const row of rows as Iterable<unknown> as Iterable<BlockRow>) {
      for (const detection of check.block(row)) {
        this.#ordinal(detection.ordinal);
        this.#number(detection);
      }
      if (this.#turns.due) await this.#turns.next();
    }
    if (!check.finish()) this.incomplete = true;
  }

  #ordinal(ordinal: number): void {
    const bit = 1 << (ordinal & 7);
    const byte = this.#seen[ordinal >>> 3];
    const inRange = Number.isInteger(ordinal) && ordinal >= 1 && ordinal < this.#log.tail.nextOrdinal;
    if (!inRange || byte === undefined || (byte & bit) !== 0) {
      this.#faults.add(`detection ${ordinal} is there twice or out of range`);
      return;
    }
    this.#seen[ordinal >>> 3] = byte | bit;
    this.#found += 1;
  }

  #number({ deviceId, epoch, seq, ordinal }: StoredDetection): void {
    if (seq === null || this.#noted?.(deviceId, epoch as string, seq) !== false) return;
    this.#faults.add(`detection ${ordinal} of ${deviceId} would be taken as new if it came again`);
  }

  total(runs: readonly DetectionRun[]): void {
    const expected = this.#log.tail.nextOrdinal - 1;
    if (this.#found !== expected) {
      this.#faults.add(`${this.#found} detections are there where ${expected} were stored`);
      this.incomplete = true;
    }
    const sealed = Math.max(0, ...runs.map(({ lastChunk }) => lastChunk));
    if (sealed !== this.#log.sealedChunk)
      this.#faults.add(
        `log rows up to ${this.#log.sealedChunk} count as sealed, the runs reach to ${sealed}`,
      );
  }
}

interface BlockRow {
  readonly id: number;
  readonly run: number;
  readonly zone: Uint8Array;
  readonly hot: Uint8Array;
  readonly cold: Uint8Array;
}

/** Compares the blocks of one run with what is said about them. */
class RunCheck {
  readonly #db: DatabaseSync;
  readonly #run: DetectionRun;
  readonly #faults: Faults;
  readonly #identities: RunIdentities;
  #next = 0;
  #whole = true;
  #detections = 0;
  #bytes = 0;
  #minTimestamp = Number.MAX_SAFE_INTEGER;
  #maxTimestamp = Number.MIN_SAFE_INTEGER;
  /** The row before the one at hand. */
  #cell = Number.NEGATIVE_INFINITY;
  #timestamp = 0;
  #ordinal = 0;

  constructor(db: DatabaseSync, run: DetectionRun, faults: Faults) {
    this.#db = db;
    this.#run = run;
    this.#faults = faults;
    const { blocks } = db
      .prepare('SELECT count(*) AS blocks FROM detection_block WHERE id >= ? AND id < ?')
      .get(run.id * DETECTION_BLOCKS_PER_RUN, (run.id + 1) * DETECTION_BLOCKS_PER_RUN) as { blocks: number };
    this.#identities = new RunIdentities(run, Math.min(run.detections, blocks * MAX_BLOCK_ROWS), faults);
  }

  /** The detections of a block; none where it cannot be read. */
  block(row: BlockRow): readonly StoredDetection[] {
    const number = row.id - this.#run.id * DETECTION_BLOCKS_PER_RUN;
    const name = `block ${number} of run ${this.#run.id}`;
    if (number !== this.#next || row.run !== this.#run.id) {
      this.#whole = false;
      this.#faults.add(`block ${this.#next} of run ${this.#run.id} is missing`);
    }
    this.#next = number + 1;
    this.#bytes += row.hot.length + row.cold.length;
    const zone = this.#faults.attempt(`the zone map of ${name}`, () => readZone(row.zone));
    const read = this.#faults.attempt(name, () => readBlock(row));
    if (read === undefined) {
      this.#whole = false;
      return [];
    }
    const { block, detections } = read;
    if (zone !== undefined) this.#compareZone(name, zone, zoneOf(block));
    this.#compareOrder(name, block);
    this.#detections += detections.length;
    this.#identities.beginBlock();
    for (const detection of detections) this.#identities.add(detection);
    return detections;
  }

  #compareZone(name: string, zone: DetectionZone, found: DetectionZone): void {
    for (const [field, value] of Object.entries(found)) {
      const told = zone[field as keyof DetectionZone];
      if (told !== value)
        this.#faults.add(`the zone map of ${name} says ${field} ${told}, its rows ${value}`);
    }
    this.#minTimestamp = Math.min(this.#minTimestamp, found.minTimestamp);
    this.#maxTimestamp = Math.max(this.#maxTimestamp, found.maxTimestamp);
  }

  /** By cell, time and ordinal. */
  #compareOrder(name: string, block: DetectionBlock): void {
    for (let row = 0; row < block.count; row++) {
      const cell = sortCell(block, row);
      const timestamp = block.timestamps[row] as number;
      const ordinal = block.ordinals[row] as number;
      const behind =
        cell > this.#cell ||
        (cell === this.#cell &&
          (timestamp > this.#timestamp || (timestamp === this.#timestamp && ordinal > this.#ordinal)));
      this.#cell = cell;
      this.#timestamp = timestamp;
      this.#ordinal = ordinal;
      if (behind) continue;
      this.#faults.add(`${name} is out of order at row ${row}`);
      return;
    }
  }

  /** @returns whether all detections could be read */
  finish(): boolean {
    if (!this.#whole) return false;
    const { id, detections, bytes, minTimestamp, maxTimestamp } = this.#run;
    if (detections !== this.#detections) {
      this.#faults.add(`run ${id} has ${this.#detections} detections where it says ${detections}`);
      return false;
    }
    const found = this.#bytes + this.#identities.compare(this.#db);
    if (bytes !== found) this.#faults.add(`run ${id} has ${found} bytes where it says ${bytes}`);
    if (minTimestamp !== this.#minTimestamp || maxTimestamp !== this.#maxTimestamp)
      this.#faults.add(`the times of run ${id} are not those of its detections`);
    return true;
  }
}

/** All of a block: what cannot be decoded throws here. */
function readBlock({ hot, cold }: BlockRow): {
  readonly block: DetectionBlock;
  readonly detections: readonly StoredDetection[];
} {
  const block = new DetectionBlock(hot, cold);
  const detections = Array.from({ length: block.count }, (_, row) => block.detection(row));
  // Asked for only where there is a position.
  block.altitudes.at(0);
  return { block, detections };
}
