/** Which tiles a table may hold: a rectangle of them, which may cross the antimeridian. */
export interface CellFrame {
  /** Tiles around the world. */
  readonly tiles: number;
  /** First column; columns go on to the east, from the last tile of the world to the first. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Up to this many tiles are counted in their places; of larger frames only those that hold something are kept. */
const MAX_DENSE = 1_048_576;

/** Numbers of a cell in `sums`: strongest signal, sum of latitudes, sum of longitudes. */
export const CELL_NUMBERS = 3;

/** Counts that are told apart while the cells with the most are found. */
const COUNT_CLASSES = 65_536;

/**
 * Sums by tile. A slot is the place of a tile's numbers, and valid until the next call of {@link slot}; numbers of a slot
 * whose count is 0 mean nothing. Memory that no tile needed is never touched.
 */
export class CellTable {
  readonly #frame: CellFrame;
  /** True where the slot of a tile is `(y - top) * width` and its column. */
  readonly dense: boolean;
  counts: Uint32Array;
  /** {@link CELL_NUMBERS} for each slot. */
  sums: Float64Array;
  /** Of a table that is not dense: `y * tiles + x` by slot, and slot + 1 by hash. */
  #keys = new Float64Array(0);
  #index = new Uint32Array(0);
  #used = 0;

  constructor(frame: CellFrame) {
    this.#frame = frame;
    const cells = frame.width * frame.height;
    this.dense = cells <= MAX_DENSE;
    const room = this.dense ? cells : 4096;
    this.counts = new Uint32Array(room);
    this.sums = new Float64Array(room * CELL_NUMBERS);
    if (this.dense) return;
    this.#keys = new Float64Array(room);
    this.#index = new Uint32Array(2 * room);
  }

  /** Gives the memory back, up to thirty megabytes, before the garbage collector would. The table is empty afterwards. */
  release(): void {
    for (const { buffer } of [this.counts, this.sums, this.#keys, this.#index]) {
      (buffer as ArrayBuffer).transfer(0);
    }
  }

  /** The slot of a tile; -1 for one outside of the frame. */
  slot(x: number, y: number): number {
    const { tiles, left, top, width, height } = this.#frame;
    const column = x >= left ? x - left : x - left + tiles;
    const row = y - top;
    if (column >= width || row < 0 || row >= height) return -1;
    return this.dense ? row * width + column : this.#find(x, y);
  }

  #find(x: number, y: number): number {
    const key = y * this.#frame.tiles + x;
    const mask = this.#index.length - 1;
    let at = hashOf(x, y) & mask;
    for (let entry = this.#index[at]!; entry !== 0; entry = this.#index[at]!) {
      if (this.#keys[entry - 1] === key) return entry - 1;
      at = (at + 1) & mask;
    }
    if (this.#used === this.#keys.length) {
      this.#grow();
      return this.#find(x, y);
    }
    const slot = this.#used;
    this.#used += 1;
    this.#keys[slot] = key;
    this.#index[at] = slot + 1;
    return slot;
  }

  #grow(): void {
    const { tiles } = this.#frame;
    const room = 2 * this.#used;
    const keys = new Float64Array(room);
    keys.set(this.#keys);
    const counts = new Uint32Array(room);
    counts.set(this.counts);
    const sums = new Float64Array(room * CELL_NUMBERS);
    sums.set(this.sums);
    const index = new Uint32Array(2 * room);
    for (let slot = 0; slot < this.#used; slot++) {
      const y = Math.floor(keys[slot]! / tiles);
      let at = hashOf(keys[slot]! - y * tiles, y) & (index.length - 1);
      while (index[at] !== 0) at = (at + 1) & (index.length - 1);
      index[at] = slot + 1;
    }
    this.#keys = keys;
    this.counts = counts;
    this.sums = sums;
    this.#index = index;
  }

  /**
   * The tiles that hold something, as `y * tiles + x`, ascending: of more than `limit` those with the most, of equal ones
   * the first.
   */
  fullest(limit: number): { readonly keys: Float64Array; readonly complete: boolean } {
    const keys = this.#filled();
    if (keys.length <= limit) return { keys, complete: true };
    const counts = Uint32Array.from(keys, (key) => this.#count(key));
    const { least, ofLeast } = threshold(counts, limit);
    let equal = ofLeast;
    let chosen = 0;
    for (let at = 0; at < keys.length; at++) {
      const count = counts[at]!;
      if (count < least || (count === least && equal === 0)) continue;
      if (count === least) equal -= 1;
      keys[chosen] = keys[at]!;
      chosen += 1;
    }
    return { keys: keys.subarray(0, chosen), complete: false };
  }

  /** All that hold something, ascending. */
  #filled(): Float64Array {
    const { counts } = this;
    let filled = 0;
    for (let slot = 0; slot < counts.length; slot++) if (counts[slot]! > 0) filled += 1;
    const keys = new Float64Array(filled);
    let at = 0;
    for (let slot = 0; at < filled; slot++) {
      if (counts[slot] === 0) continue;
      keys[at] = this.#key(slot);
      at += 1;
    }
    const { tiles, left, width } = this.#frame;
    // Slots of a frame that does not cross the antimeridian are in the order of their keys.
    return this.dense && left + width <= tiles ? keys : keys.sort();
  }

  #key(slot: number): number {
    if (!this.dense) return this.#keys[slot]!;
    const { tiles, left, top, width } = this.#frame;
    const row = Math.floor(slot / width);
    return (top + row) * tiles + ((left + slot - row * width) % tiles);
  }

  #count(key: number): number {
    const { tiles } = this.#frame;
    const y = Math.floor(key / tiles);
    return this.counts[this.slot(key - y * tiles, y)]!;
  }
}

/** The least of the `limit` largest counts, and how many equal ones are among them. */
function threshold(counts: Uint32Array, limit: number): { readonly least: number; readonly ofLeast: number } {
  const classes = new Uint32Array(COUNT_CLASSES);
  for (let at = 0; at < counts.length; at++) classes[Math.min(counts[at]!, COUNT_CLASSES - 1)]! += 1;
  let above = 0;
  let least = COUNT_CLASSES - 1;
  while (above + classes[least]! < limit) {
    above += classes[least]!;
    least -= 1;
  }
  if (least < COUNT_CLASSES - 1) return { least, ofLeast: limit - above };
  // Counts of the last class differ; they are few.
  const large = counts.filter((count) => count >= least).sort();
  least = large[large.length - limit]!;
  return { least, ofLeast: limit - large.filter((count) => count > least).length };
}

/** Neighbouring tiles shall not fall into neighbouring places; odd factors and a fold spread both coordinates. */
function hashOf(x: number, y: number): number {
  const mixed = Math.imul(x, 0x9e37_79b1) ^ Math.imul(y, 0x85eb_ca77);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
