import type { DatabaseSync } from 'node:sqlite';
import { type ObservedDetection, PisyncError } from '@pisync/protocol';
import { detectionIdentityHash } from '../../../../core/detections/detection-identity.ts';
import { freeBytes } from '../../sealed/bytes.ts';
import { isDamage } from '../format/connection.ts';
import { DetectionBlock, MAX_BLOCK_ROWS } from '../format/detection-block.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import { DETECTION_BLOCKS_PER_RUN, type DetectionRun } from './detection-run.ts';
import {
  decodeIdentityPart,
  type IdentityEntries,
  identityPartOf,
  identityParts,
  mayHold,
  placesOf,
} from './identity-index.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Blocks kept while what was sent before comes again: up to a megabyte each once all of it is read. */
const BLOCKS_KEPT = 6;
/** Parts of indexes kept, of about 32 kB each. */
const PARTS_KEPT = 512;
/** Bytes of filters kept in memory; beyond it they are read again. */
const FILTER_BUDGET = 32 * 1024 * 1024;

/** What is known of a detection that is looked for. */
export interface SoughtDetection {
  /** Its identity hash. */
  readonly hashHigh: number;
  readonly hashLow: number;
  /** The time that its device told, where it is recognised by its body; null where by something else. */
  readonly digestTime: number | null;
}

/**
 * Finds sealed detections by their identity. Most new ones are of a time that no run holds; a filter per run in memory answers "no" for
 * nearly all others; of a run that may hold it, one part of its index is read, which names the row.
 */
export class SealedDetectionLookup {
  readonly #db: DatabaseSync;
  readonly #blocks = new RecentlyUsed<number, DetectionBlock>(BLOCKS_KEPT, (block) => block.release());
  readonly #parts = new RecentlyUsed<number, IdentityEntries>(PARTS_KEPT, ({ hashes, places }) =>
    freeBytes(hashes, places),
  );
  readonly #filters = new Map<number, IdentityFilter>();
  #filterBytes = 0;
  #runs: readonly DetectionRun[] = [];
  /** What could not be read; what it held is taken as not there, so that one bad sector stops no ingest. */
  damage: string | undefined;

  /** @param runs - the live ones */
  constructor(db: DatabaseSync, runs: readonly DetectionRun[]) {
    this.#db = db;
    this.refresh(runs);
  }

  /** To be called whenever the set of live runs has changed. */
  refresh(runs: readonly DetectionRun[]): void {
    this.#runs = runs.filter(({ identities }) => identities > 0);
    this.#blocks.clear();
    this.#parts.clear();
    const live = new Set(this.#runs.map(({ id }) => id));
    for (const id of this.#filters.keys()) if (!live.has(id)) this.#forget(id);
  }

  /** Calls `accept` with each sealed detection of the same identity hash until it takes one. @returns whether one was taken */
  find(sought: SoughtDetection, accept: (detection: ObservedDetection) => boolean): boolean {
    const { hashHigh, digestTime } = sought;
    for (const run of this.#runs) {
      if (!mayName(run, digestTime) || !mayHold(this.#filterOf(run), hashHigh)) continue;
      if (this.#findIn(run, sought, accept)) return true;
    }
    return false;
  }

  #findIn(
    run: DetectionRun,
    { hashHigh, hashLow }: SoughtDetection,
    accept: (detection: ObservedDetection) => boolean,
  ): boolean {
    const entries = this.#reading(() => this.#part(run, hashHigh));
    if (entries === undefined) return false;
    return placesOf(entries, hashHigh).some((place) => {
      const detection = this.#reading(() => this.#detection(run, place));
      if (detection === undefined) return false;
      const hash = detectionIdentityHash(detection);
      return hash?.high === hashHigh && hash.low === hashLow && accept(detection);
    });
  }

  #reading<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.damage = String(error);
      return undefined;
    }
  }

  #part({ id: run, identities }: DetectionRun, hash: number): IdentityEntries {
    const id = run * DETECTION_BLOCKS_PER_RUN + identityPartOf(hash, identityParts(identities));
    return this.#parts.get(id, () => {
      const row = this.#db.prepare('SELECT data FROM detection_identity WHERE id = ?').get(id);
      if (row === undefined) throw missing('a part of an index of detections');
      return decodeIdentityPart(row['data'] as Uint8Array);
    });
  }

  #detection({ id: run }: DetectionRun, place: number): ObservedDetection {
    const id = run * DETECTION_BLOCKS_PER_RUN + Math.floor(place / MAX_BLOCK_ROWS);
    const block = this.#blocks.get(id, () => {
      const row = this.#db.prepare('SELECT hot, cold FROM detection_block WHERE id = ?').get(id);
      if (row === undefined) throw missing('a block of detections');
      return new DetectionBlock(row['hot'] as Uint8Array, row['cold'] as Uint8Array);
    });
    const { ordinal: _ordinal, ...detection } = block.detection(place % MAX_BLOCK_ROWS);
    return detection;
  }

  #filterOf({ id }: DetectionRun): IdentityFilter {
    let filter = this.#filters.get(id);
    if (filter === undefined) {
      const row = this.#db.prepare('SELECT filter FROM detection_run WHERE id = ?').get(id);
      filter = new IdentityFilter((row as { filter: Uint8Array }).filter);
      const { length } = filter.bytes;
      while (this.#filters.size > 0 && this.#filterBytes + length > FILTER_BUDGET) {
        this.#forget(this.#filters.keys().next().value as number);
      }
      this.#filters.set(id, filter);
      this.#filterBytes += length;
    }
    return filter;
  }

  #forget(run: number): void {
    this.#filterBytes -= this.#filters.get(run)?.bytes.length ?? 0;
    this.#filters.delete(run);
  }
}

/** False where a run has no detection that is recognised in this way, or none of this time. */
function mayName(
  { identities, digests, minDigestTime, maxDigestTime }: DetectionRun,
  digestTime: number | null,
): boolean {
  if (digestTime === null) return identities > digests;
  return digests > 0 && digestTime >= (minDigestTime as number) && digestTime <= (maxDigestTime as number);
}

function missing(what: string): PisyncError {
  return new PisyncError('store_damaged', { detail: `${what} is missing` });
}
