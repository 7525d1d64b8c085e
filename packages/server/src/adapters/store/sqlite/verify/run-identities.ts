import type { DatabaseSync } from 'node:sqlite';
import { detectionIdentityHash } from '../../../../core/detections/detection-identity.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import { MAX_BLOCK_ROWS } from '../format/detection-block.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import { DETECTION_BLOCKS_PER_RUN, type DetectionRun } from '../sealed-detections/detection-run.ts';
import {
  addToFilter,
  decodeIdentityPart,
  type IdentityEntries,
  identityPartOf,
  identityParts,
} from '../sealed-detections/identity-index.ts';
import { IdentitySums } from '../sealed-detections/identity-sums.ts';
import type { Faults } from './faults.ts';

/** What is known of a row: that it has no identity, that it has one, that the index names it. */
const NONE = 0;
const EXPECTED = 1;
const FOUND = 2;

/** The identities of the rows of a run, and whether its index and its filter hold them and no other. 5 bytes a row. */
export class RunIdentities {
  readonly #run: DetectionRun;
  readonly #faults: Faults;
  /** The first row of each block, among all of the run. */
  readonly #starts: number[] = [];
  readonly #hashes: Uint32Array;
  readonly #states: Uint8Array;
  #rows = 0;
  readonly #summary = new IdentitySums();
  #bytes = 0;

  /** @param rows - how many there are at most */
  constructor(run: DetectionRun, rows: number, faults: Faults) {
    this.#run = run;
    this.#faults = faults;
    this.#hashes = new Uint32Array(rows);
    this.#states = new Uint8Array(rows);
  }

  /** The rows that are added next are those of the next block. */
  beginBlock(): void {
    this.#starts.push(this.#rows);
  }

  add(detection: StoredDetection): void {
    const row = this.#rows++;
    const hash = detectionIdentityHash(detection);
    if (hash === null) return;
    this.#summary.add(detection);
    this.#hashes[row] = hash.high;
    this.#states[row] = EXPECTED;
  }

  get #identities(): number {
    return this.#summary.identities;
  }

  /** Compares index and filter with all rows. @returns bytes of the index */
  compare(db: DatabaseSync): number {
    const { id, identities } = this.#run;
    if (identities !== this.#identities)
      this.#fault(`has ${this.#identities} identities where it says ${identities}`);
    this.#compareTimes();
    const parts = this.#identities > 0 ? identityParts(this.#identities) : 0;
    const first = id * DETECTION_BLOCKS_PER_RUN;
    let next = 0;
    const rows = db
      .prepare('SELECT id, run, data FROM detection_identity WHERE id >= ? AND id < ? ORDER BY id')
      .iterate(first, first + DETECTION_BLOCKS_PER_RUN);
    for (const row of rows as Iterable<unknown> as Iterable<PartRow>) {
      const part = row.id - first;
      if (part !== next || row.run !== id)
        this.#faults.add(`run ${id}: part ${next} of its index is missing`);
      next = part + 1;
      this.#bytes += row.data.length;
      const name = `part ${part} of the index of run ${id}`;
      const entries = this.#faults.attempt(name, () => decodeIdentityPart(row.data));
      if (entries !== undefined) this.#comparePart(name, entries, part, parts);
    }
    if (next !== parts) this.#fault(`has ${next} parts of its index where ${parts} are needed`);
    const forgotten = this.#states.indexOf(EXPECTED);
    if (forgotten >= 0) this.#fault(`has a row that its index does not name: ${this.#placeOf(forgotten)}`);
    this.#compareFilter(db);
    return this.#bytes;
  }

  #fault(detail: string): void {
    this.#faults.add(`run ${this.#run.id} ${detail}`);
  }

  /** A detection of another time would not be looked for in this run. */
  #compareTimes(): void {
    const { id, digests, minDigestTime, maxDigestTime } = this.#run;
    const found = this.#summary.told();
    if (digests !== found.digests)
      this.#fault(`has ${found.digests} detections known by their body where it says ${digests}`);
    if (minDigestTime !== found.minDigestTime || maxDigestTime !== found.maxDigestTime)
      this.#faults.add(`the device times of run ${id} are not those of its detections`);
  }

  #comparePart(name: string, { hashes, places }: IdentityEntries, part: number, parts: number): void {
    let before = 0;
    for (let at = 0; at < hashes.length; at++) {
      const hash = hashes[at] as number;
      const row = this.#rowAt(places[at] as number);
      const right = hash >= before && identityPartOf(hash, parts) === part;
      if (!right) this.#faults.add(`${name} is out of order at entry ${at}`);
      before = hash;
      if (this.#states[row] === EXPECTED && this.#hashes[row] === hash) {
        this.#states[row] = FOUND;
        continue;
      }
      const wrong = this.#states[row] === FOUND ? 'a row twice' : 'a row that is not of its identity';
      this.#faults.add(`${name} names ${wrong}`);
    }
  }

  /** -1 where there is no such place. */
  #rowAt(place: number): number {
    const block = Math.floor(place / MAX_BLOCK_ROWS);
    const row = (this.#starts[block] ?? this.#rows) + (place % MAX_BLOCK_ROWS);
    return row < (this.#starts[block + 1] ?? this.#rows) ? row : -1;
  }

  #placeOf(row: number): string {
    const block = this.#starts.findLastIndex((start) => start <= row);
    return `row ${row - (this.#starts[block] as number)} of block ${block}`;
  }

  /** A filter is a function of what it holds: one that holds more is another one. */
  #compareFilter(db: DatabaseSync): void {
    const kept = db.prepare('SELECT filter FROM detection_run WHERE id = ?').get(this.#run.id) as {
      filter: Uint8Array | null;
    };
    if (this.#identities === 0) {
      if (kept.filter !== null) this.#fault('has a filter and no identities');
      return;
    }
    const filter = IdentityFilter.for(this.#identities);
    for (let row = 0; row < this.#rows; row++) {
      if (this.#states[row] !== NONE) addToFilter(filter, this.#hashes[row] as number);
    }
    const same = kept.filter !== null && Buffer.compare(kept.filter, filter.bytes) === 0;
    if (!same) this.#fault('has a filter that is not that of its identities');
  }
}

interface PartRow {
  readonly id: number;
  readonly run: number;
  readonly data: Uint8Array;
}
