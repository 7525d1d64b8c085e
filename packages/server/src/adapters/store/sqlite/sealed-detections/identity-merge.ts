import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { MAX_BLOCK_ROWS } from '../format/detection-block.ts';
import { DETECTION_BLOCKS_PER_RUN } from './detection-run.ts';
import { decodeIdentityPart, type IdentityEntries } from './identity-index.ts';

/** Entries handed on at once. */
const ENTRIES_AT_ONCE = 4096;

/** The index of a run that was merged, in order, with the places that its rows have now. */
export class IdentityCursor {
  at = 0;
  hashes: Uint32Array = new Uint32Array(0);
  places: Uint32Array = new Uint32Array(0);
  readonly #part: StatementSync;
  /** By block of the run that was merged. */
  readonly #moved: readonly Uint32Array[];
  readonly #last: number;
  #next: number;

  constructor(db: DatabaseSync, run: number, { places }: { readonly places: readonly Uint32Array[] }) {
    this.#part = db.prepare(
      'SELECT id, data FROM detection_identity WHERE id >= ? AND id < ? ORDER BY id LIMIT 1',
    );
    this.#moved = places;
    this.#next = run * DETECTION_BLOCKS_PER_RUN;
    this.#last = this.#next + DETECTION_BLOCKS_PER_RUN;
  }

  /** Goes to the next part that has entries; false at the end. Called where all entries of this one are used. */
  advance(): boolean {
    for (;;) {
      const row = this.#part.get(this.#next, this.#last) as { id: number; data: Uint8Array } | undefined;
      if (row === undefined) return false;
      this.#next = row.id + 1;
      const { hashes, places } = decodeIdentityPart(row.data);
      if (hashes.length === 0) continue;
      this.at = 0;
      this.hashes = hashes;
      this.places = places.map((place) => {
        return this.#moved[Math.floor(place / MAX_BLOCK_ROWS)]?.[place % MAX_BLOCK_ROWS] as number;
      });
      return true;
    }
  }
}

/** Merges indexes by hash. */
export function* mergeIdentities(cursors: readonly IdentityCursor[]): Generator<IdentityEntries, void> {
  const open = cursors.filter((cursor) => cursor.advance());
  const hashes = new Uint32Array(ENTRIES_AT_ONCE);
  const places = new Uint32Array(ENTRIES_AT_ONCE);
  let count = 0;
  while (open.length > 0) {
    let least = open[0] as IdentityCursor;
    let hash = least.hashes[least.at] as number;
    for (let index = 1; index < open.length; index++) {
      const cursor = open[index] as IdentityCursor;
      const other = cursor.hashes[cursor.at] as number;
      if (other >= hash) continue;
      least = cursor;
      hash = other;
    }
    hashes[count] = hash;
    places[count++] = least.places[least.at++] as number;
    if (count === ENTRIES_AT_ONCE) {
      yield { hashes, places };
      count = 0;
    }
    if (least.at === least.hashes.length && !least.advance()) open.splice(open.indexOf(least), 1);
  }
  yield { hashes: hashes.subarray(0, count), places: places.subarray(0, count) };
}
