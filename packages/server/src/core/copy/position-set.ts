/** Bits held from the beginning. */
const FIRST_BITS = 1 << 16;
/** Words of which all bits are set. */
const ALL = 0xffff_ffff;
const ALL_BUT_FIRST = 0xffff_fffe;

/** A set of positions 1, 2, 3 …, one bit each: what of a store was read, or is in its copy already. */
export class PositionSet {
  #bits = new Uint32Array(FIRST_BITS / 32);
  #size = 0;

  /** How many positions it holds. */
  get size(): number {
    return this.#size;
  }

  has(position: number): boolean {
    const word = this.#bits[Math.floor(position / 32)] ?? 0;
    return (word & (1 << (position & 31))) !== 0;
  }

  /** @returns false where it was there */
  add(position: number): boolean {
    const at = Math.floor(position / 32);
    if (at >= this.#bits.length) this.#grow(at);
    const bit = 1 << (position & 31);
    const word = this.#bits[at] as number;
    if ((word & bit) !== 0) return false;
    this.#bits[at] = word | bit;
    this.#size += 1;
    return true;
  }

  /** The end of the part without gaps: all positions up to it are there. */
  get contiguous(): number {
    let at = 0;
    // Position 0 does not exist: its bit is never set.
    while (at < this.#bits.length && this.#bits[at] === (at === 0 ? ALL_BUT_FIRST : ALL)) at += 1;
    let position = Math.max(1, at * 32);
    while (this.has(position)) position += 1;
    return position - 1;
  }

  #grow(at: number): void {
    const bits = new Uint32Array(Math.max(at + 1, this.#bits.length * 2));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}
