import { PisyncError } from '@pisync/protocol';
import { BINS_PER_OCTAVE, binOfDigits, KEY_LIMIT, MAX_BINS, numberOfBin, SketchBins } from './sketch-bins.ts';

/** Version of the bytes that {@link QuantileSketch.toBytes} writes. */
const FORMAT = 1;

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);
/** Which half of a double holds sign, exponent and first digits: the second, but on machines of the other byte order. */
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * A mergeable summary of finite numbers that tells any quantile with a relative error of at most 1 %, in a few
 * hundred bytes for usual data and about 33 kB at most. A DDSketch (Masson, Rim, Lee: "DDSketch: a fast and
 * fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12, 2019) with bins as in {@link SketchBins}.
 *
 * The error bound holds for magnitudes from 2^-1022 up (smaller ones count as 0) and down to 10^-17 of the largest
 * magnitude of the same sign; what lies below that is told as a number below 10^-16 of that largest magnitude. The
 * state, and so {@link toBytes}, is a function of the numbers that were added: order, parts and merges make no
 * difference. Counts are exact below 2^53.
 */
export class QuantileSketch {
  readonly #positive = new SketchBins();
  /** Of the magnitudes. */
  readonly #negative = new SketchBins();
  #zeros = 0;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** How many numbers were added. */
  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    double[0] = value;
    this.addAll(double, 0, 1);
  }

  /** Adds `values[from]` to `values[to - 1]`, all of them finite. */
  addAll(values: Float64Array, from: number, to: number): void {
    let { counts, offset } = this.#positive;
    let min = this.#min;
    let max = this.#max;
    for (let i = from; i < to; i += 1) {
      const value = values[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
      double[0] = value;
      const word = words[UPPER]!;
      const key = ((word >>> 20) & 0x7ff) * BINS_PER_OCTAVE + binOfDigits[(word >>> 8) & 0xfff]!;
      const at = key - offset;
      if (word >= 0 && at >= 0 && at < counts.length && key >= BINS_PER_OCTAVE) {
        counts[at]! += 1;
      } else if (key < BINS_PER_OCTAVE) {
        this.#zeros += 1;
      } else if (word < 0) {
        this.#negative.add(key, 1);
      } else {
        this.#positive.add(key, 1);
        ({ counts, offset } = this.#positive);
      }
    }
    // Zero has one sign here: which of two was first must make no difference.
    this.#min = min + 0;
    this.#max = max + 0;
    this.#count += Math.max(0, to - from);
  }

  /** Adds what another sketch holds; that one stays as it is. */
  merge(other: QuantileSketch): void {
    this.#positive.merge(other.#positive);
    this.#negative.merge(other.#negative);
    this.#zeros += other.#zeros;
    this.#count += other.#count;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /**
   * About the number that stands at place ⌊q · (count − 1)⌋ of the sorted numbers, counted from 0; the smallest and
   * the largest are told exactly, and nothing outside of them.
   *
   * @param q - from 0 to 1: 0.5 is the median
   * @returns `NaN` for an empty sketch
   */
  quantile(q: number): number {
    if (!(q >= 0 && q <= 1)) throw new TypeError(`no quantile: ${q}`);
    if (this.#count === 0) return Number.NaN;
    const rank = Math.floor(q * (this.#count - 1));
    if (rank === 0) return this.#min;
    if (rank >= this.#count - 1) return this.#max;
    return Math.min(this.#max, Math.max(this.#min, this.#numberAt(rank)));
  }

  #numberAt(rank: number): number {
    let passed = 0;
    const negative = this.#negative;
    for (let at = negative.counts.length - 1; at >= 0; at -= 1) {
      passed += negative.counts[at]!;
      if (passed > rank) return -numberOfBin(negative.offset + at);
    }
    passed += this.#zeros;
    if (passed > rank) return 0;
    const positive = this.#positive;
    for (let at = 0; at < positive.counts.length; at += 1) {
      passed += positive.counts[at]!;
      if (passed > rank) return numberOfBin(positive.offset + at);
    }
    return this.#max;
  }

  /**
   * The sketch as bytes: format 1; how many zeros; the bins of the positive and those of the negative numbers (how
   * many, key of the first, one count each, where 0 is followed by how many zeros there are in a row); and, if
   * anything was counted, smallest and largest number as little-endian doubles. Whole numbers are LEB128.
   */
  toBytes(): Uint8Array {
    const bytes = [FORMAT];
    pushNumber(bytes, this.#zeros);
    pushBins(bytes, this.#positive);
    pushBins(bytes, this.#negative);
    if (this.#count === 0) return Uint8Array.from(bytes);
    const written = new Uint8Array(bytes.length + 16);
    written.set(bytes);
    const view = new DataView(written.buffer, bytes.length);
    view.setFloat64(0, this.#min, true);
    view.setFloat64(8, this.#max, true);
    return written;
  }

  /**
   * The inverse of {@link toBytes}.
   *
   * @throws {PisyncError} `store_damaged` if the bytes are no sketch of a known format
   */
  static fromBytes(bytes: Uint8Array): QuantileSketch {
    const reader = new SketchReader(bytes);
    if (reader.number() !== FORMAT) throw damaged();
    const sketch = new QuantileSketch();
    sketch.#zeros = reader.number();
    sketch.#count = sketch.#zeros + reader.bins(sketch.#positive) + reader.bins(sketch.#negative);
    if (sketch.#count > 0) {
      sketch.#min = reader.double();
      sketch.#max = reader.double();
    }
    reader.end();
    const ordered = sketch.#count === 0 || sketch.#min <= sketch.#max;
    if (!ordered || !Number.isSafeInteger(sketch.#count)) throw damaged();
    return sketch;
  }
}

function damaged(): PisyncError {
  return new PisyncError('store_damaged', { detail: 'a quantile sketch cannot be read' });
}

/** LEB128 of a whole number below 2^53. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push(128 + (rest % 128));
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function pushBins(bytes: number[], bins: SketchBins): void {
  const { first, end } = bins.bounds();
  pushNumber(bytes, end - first);
  if (first === end) return;
  pushNumber(bytes, bins.offset + first);
  for (let at = first; at < end; at += 1) {
    const count = bins.counts[at]!;
    pushNumber(bytes, count);
    if (count > 0) continue;
    const empty = at;
    while (bins.counts[at + 1] === 0) at += 1;
    pushNumber(bytes, at - empty + 1);
  }
}

/** Reads what {@link QuantileSketch.toBytes} wrote; nothing in the bytes is trusted. */
class SketchReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw damaged();
      this.#at += 1;
      value += (byte % 128) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) throw damaged();
        return value;
      }
    }
    throw damaged();
  }

  /** Fills empty bins and returns the sum of their counts. */
  bins(into: SketchBins): number {
    const size = this.number();
    if (size === 0) return 0;
    const first = this.number();
    if (size > MAX_BINS || first < BINS_PER_OCTAVE || first + size > KEY_LIMIT) throw damaged();
    const counts = new Array<number>(size).fill(0);
    let sum = 0;
    for (let at = 0; at < size; at += 1) {
      const count = this.number();
      counts[at] = count;
      sum += count;
      if (count > 0) continue;
      const empty = this.number();
      if (empty === 0) throw damaged();
      at += empty - 1;
    }
    // Neither end of what was written is empty; the highest must not be, see SketchBins.
    if (counts[0] === 0 || counts[size - 1] === 0) throw damaged();
    into.offset = first;
    into.counts = counts;
    return sum;
  }

  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw damaged();
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8);
    this.#at += 8;
    const value = view.getFloat64(0, true);
    if (!Number.isFinite(value)) throw damaged();
    return value;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged();
  }
}
