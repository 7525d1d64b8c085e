/**
 * How a {@link QuantileSketch} divides the numbers. An octave, the numbers from 2^e to 2^(e+1), is cut into bins of
 * which each ends at most 101/99 of its beginning, so that one number in the middle stands for all of them with a
 * relative error of 1 %. Bins begin at multiples of 1/4,096 of the octave's beginning: exponent and first twelve binary
 * digits of a double name its bin, with no logarithm, no rounding, and the same on every machine.
 */
const STEPS = 4096;

/** Beginnings of an octave's bins in 1/4,096 of the octave's, and its end. */
const edges: readonly number[] = (() => {
  const found = [STEPS];
  for (;;) {
    const next = Math.floor((found.at(-1)! * 101) / 99);
    if (next >= 2 * STEPS) return [...found, 2 * STEPS];
    found.push(next);
  }
})();

export const BINS_PER_OCTAVE = edges.length - 1;

/** Per first twelve digits after the leading one: the bin within the octave. */
export const binOfDigits = Uint8Array.from({ length: STEPS }, (_, digits) => {
  return edges.findIndex((edge) => edge > STEPS + digits) - 1;
});

/** Keys of bins are below this; those of octave `e` (biased exponent 1 to 2,046) start at `e * BINS_PER_OCTAVE`. */
export const KEY_LIMIT = 2047 * BINS_PER_OCTAVE;

/** Most bins that a sketch keeps of each sign: they span a factor of 10^17. */
export const MAX_BINS = 2048;

/** The number that stands for a bin: its distance to both ends is the same part of them. */
export function numberOfBin(key: number): number {
  const octave = Math.floor(key / BINS_PER_OCTAVE);
  const begin = edges[key - octave * BINS_PER_OCTAVE]!;
  const end = edges[key - octave * BINS_PER_OCTAVE + 1]!;
  return ((2 * begin * end) / (begin + end) / STEPS) * 2 ** (octave - 1023);
}

/**
 * Counts per bin of numbers of one sign. Holds the {@link MAX_BINS} bins that end with the highest ever counted;
 * what would lie below is counted in the lowest of them. That depends on the highest alone, so the counts are a
 * function of the set of what was counted, in whatever order and parts.
 */
export class SketchBins {
  /** Key of the first count. */
  offset = 0;
  // A plain array: beyond 64 bytes a typed one lies outside the engine's heap, and made a bucket of sixty points cost twice.
  counts: number[] = [];

  add(key: number, count: number): void {
    let at = key - this.offset;
    if (at < 0 || at >= this.counts.length) at = this.#makeRoom(key);
    this.counts[at]! += count;
  }

  merge(other: SketchBins): void {
    // From above, so that room is made once for the highest.
    for (let at = other.counts.length - 1; at >= 0; at -= 1) {
      if (other.counts[at]! > 0) this.add(other.offset + at, other.counts[at]!);
    }
  }

  /** Indices of the first count that is not 0 and of the end of the last; equal where all are 0. */
  bounds(): { readonly first: number; readonly end: number } {
    const { counts } = this;
    let end = counts.length;
    while (end > 0 && counts[end - 1] === 0) end -= 1;
    let first = 0;
    while (first < end && counts[first] === 0) first += 1;
    return { first, end };
  }

  #makeRoom(key: number): number {
    const { counts, offset } = this;
    // All bins that there may be end with the highest ever counted.
    if (counts.length === MAX_BINS && key < offset) return 0;
    const { first, end } = this.bounds();
    const high = first === end ? key : Math.max(key, offset + end - 1);
    const floor = high - MAX_BINS + 1;
    const low = Math.max(floor, first === end ? key : Math.min(key, offset + first));
    const span = high - low + 1;
    const size = Math.min(MAX_BINS, Math.ceil((span * 1.5 + 8) / 8) * 8);
    this.offset = size === MAX_BINS ? floor : low - ((size - span) >> 1);
    this.counts = new Array<number>(size).fill(0);
    for (let at = first; at < end; at += 1) {
      this.counts[Math.max(0, offset + at - this.offset)]! += counts[at]!;
    }
    return Math.max(0, key - this.offset);
  }
}
