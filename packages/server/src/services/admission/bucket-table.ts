const FIRST_SLOTS = 1024;

/**
 * Buckets by device id, without the ids: a table of 64-bit hashes, 16 bytes each. A fleet of 100,000 costs 4 MB, where a
 * map of strings costs 14 and has to be walked by every collection of garbage.
 *
 * Two ids of one hash would share a bucket. Among a million ids that has a chance of 1 in 30 million, and since the hash
 * is seeded at random, nobody can find such ids on purpose.
 */
export class BucketTable {
  readonly #seed: number;
  /** Pairs of hash halves; a free slot has two zeros. Open addressing, at most half full. */
  #hashes = new Int32Array(FIRST_SLOTS * 2);
  #fullAt = new Float64Array(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;
  #size = 0;
  /** The hash that {@link BucketTable.#slotOf} looked for last. */
  #high = 0;
  #low = 0;

  /** @param seed - any 32 bits; tables of one seed can be compared with {@link copyTo} */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  /** When the bucket will be full again; undefined where none is kept. */
  get(id: string): number | undefined {
    const slot = this.#slotOf(id);
    return this.#isFree(slot) ? undefined : this.#fullAt[slot];
  }

  set(id: string, fullAt: number): void {
    this.#put(this.#slotOf(id), fullAt);
  }

  /** Adds to `target` what is fuller later than `now` and not in `except`, until `target` holds `limit` buckets. */
  copyTo(target: BucketTable, except: BucketTable, now: number, limit: number): void {
    for (let slot = 0; slot <= this.#mask && target.size < limit; slot++) {
      const fullAt = this.#fullAt[slot] as number;
      if (this.#isFree(slot) || fullAt <= now) continue;
      const high = this.#hashes[slot * 2] as number;
      const low = this.#hashes[slot * 2 + 1] as number;
      if (except.#isFree(except.#find(high, low))) target.#put(target.#find(high, low), fullAt);
    }
  }

  #put(slot: number, fullAt: number): void {
    this.#fullAt[slot] = fullAt;
    if (!this.#isFree(slot)) return;
    this.#hashes[slot * 2] = this.#high;
    this.#hashes[slot * 2 + 1] = this.#low;
    this.#size += 1;
    if (this.#size * 2 > this.#mask) this.#grow();
  }

  #isFree(slot: number): boolean {
    return this.#hashes[slot * 2] === 0 && this.#hashes[slot * 2 + 1] === 0;
  }

  /** Two rounds of murmur's mixing over the id's characters, with different constants. */
  #slotOf(id: string): number {
    let high = this.#seed;
    let low = ~this.#seed;
    for (let at = 0; at < id.length; at++) {
      const code = id.charCodeAt(at);
      high = Math.imul(high ^ code, 0xcc9e2d51);
      high ^= high >>> 15;
      low = Math.imul(low ^ code, 0x1b873593);
      low ^= low >>> 13;
    }
    high = mixed(high ^ id.length);
    low = mixed(low + high);
    // Both halves 0 mark a free slot.
    return this.#find(high, high === 0 && low === 0 ? 1 : low);
  }

  /** The slot of a hash: the one that holds it, or the free one where it belongs. */
  #find(high: number, low: number): number {
    this.#high = high;
    this.#low = low;
    const hashes = this.#hashes;
    let slot = low & this.#mask;
    while (!this.#isFree(slot) && (hashes[slot * 2] !== high || hashes[slot * 2 + 1] !== low)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const fullAt = this.#fullAt;
    this.#hashes = new Int32Array(hashes.length * 2);
    this.#fullAt = new Float64Array(fullAt.length * 2);
    this.#mask = this.#fullAt.length - 1;
    for (let from = 0; from < fullAt.length; from++) {
      const high = hashes[from * 2] as number;
      const low = hashes[from * 2 + 1] as number;
      if (high === 0 && low === 0) continue;
      const slot = this.#find(high, low);
      this.#hashes[slot * 2] = high;
      this.#hashes[slot * 2 + 1] = low;
      this.#fullAt[slot] = fullAt[from] as number;
    }
  }
}

function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
