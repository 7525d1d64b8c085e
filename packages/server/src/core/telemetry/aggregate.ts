import { alignDown, type Bucketing } from './buckets.ts';
import { QuantileSketch } from './quantile-sketch.ts';

/**
 * One bucket as a row of numbers: fields are addressed as `rows[base + A.name]`. The names are stable: stores may keep
 * rows. Times are microseconds since the epoch.
 */
const A = {
  start: 0,
  count: 1,
  sum: 2,
  min: 3,
  max: 4,
  firstTime: 5,
  first: 6,
  lastTime: 7,
  last: 8,
  /** Nearer to the truth than `sum / count`, which numbers that are large beside their distances need. */
  mean: 9,
  /** Sum of the squared distances from the mean. */
  squares: 10,
} as const;

export { A as aggregateField };

/** Numbers of one row. */
export const AGGREGATE_LENGTH = 11;

/** What can be asked of a bucket. `stddev` is that of a sample (divided by count − 1); `p…` need sketches. */
export const aggregateNames = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'first',
  'last',
  'stddev',
  'p50',
  'p95',
  'p99',
] as const;

export type AggregateName = (typeof aggregateNames)[number];

const quantiles: Partial<Record<AggregateName, number>> = { p50: 0.5, p95: 0.95, p99: 0.99 };

/** True for what needs a sketch per bucket. */
export function isQuantile(name: AggregateName): boolean {
  return quantiles[name] !== undefined;
}

/** Points whose mean is known before their distances from it are summed; they stay in the processor's cache. */
const CHUNK = 1024;

/**
 * What is known of the points in each of some buckets, ascending by start. Two of them merge into what one pass over
 * all points gives, whatever the parts and their order, also where they overlap in time: exactly for count, min, max,
 * first, last and quantiles; `sum` within 2⁻⁵¹ · count · Σ|value|, `avg` within 2⁻⁵⁰ · Σ|value| and `stddev` within
 * 2⁻⁴⁸ · count · max|value| (or 10⁻¹⁵⁰: squares of less are below the range of a double). Points of different series at
 * one time are ordered by value, so that `first` and `last` are exact there too. The sign of zero is not kept.
 */
export class BucketAggregates {
  #rows: Float64Array;
  #length = 0;
  /** Place of the bucket that was touched last: the next is most often it or its neighbour. */
  #cursor = 0;
  readonly #sketches: QuantileSketch[] | null;

  /** @param withQuantiles - whether to keep a sketch per bucket; both sides of a merge must agree */
  constructor(withQuantiles = false) {
    this.#sketches = withQuantiles ? [] : null;
    this.#rows = new Float64Array(16 * AGGREGATE_LENGTH);
  }

  /** How many buckets hold points. */
  get length(): number {
    return this.#length;
  }

  get withQuantiles(): boolean {
    return this.#sketches !== null;
  }

  /** Start of a bucket, in microseconds since the epoch. */
  start(index: number): number {
    return this.#rows[index * AGGREGATE_LENGTH]!;
  }

  sketch(index: number): QuantileSketch | null {
    return this.#sketches?.[index] ?? null;
  }

  /** One row of numbers per bucket, see {@link A}; a copy. */
  toRows(): Float64Array {
    return this.#rows.slice(0, this.#length * AGGREGATE_LENGTH);
  }

  /**
   * The inverse of {@link toRows}.
   *
   * @param rows - ascending by start, no start twice
   * @param sketches - one per row, taken over, or none
   */
  static fromRows(rows: Float64Array, sketches?: readonly QuantileSketch[]): BucketAggregates {
    const aggregates = new BucketAggregates(sketches !== undefined);
    if (rows.length > 0) aggregates.#rows = rows.slice();
    aggregates.#length = rows.length / AGGREGATE_LENGTH;
    aggregates.#sketches?.push(...(sketches ?? []));
    return aggregates;
  }

  /** Starts of all buckets, in microseconds since the epoch. */
  starts(): Float64Array {
    const starts = new Float64Array(this.#length);
    for (let index = 0; index < starts.length; index += 1) starts[index] = this.start(index);
    return starts;
  }

  /** One number per bucket; `NaN` where {@link value} tells none. */
  column(name: AggregateName): Float64Array {
    const column = new Float64Array(this.#length);
    for (let index = 0; index < column.length; index += 1) column[index] = this.value(index, name);
    return column;
  }

  /**
   * One number of one bucket; `NaN` where there is none: the standard deviation of a single point, and sums and what
   * derives from them beyond the range of a double.
   *
   * @throws {TypeError} for a quantile where no sketches are kept
   */
  value(index: number, name: AggregateName): number {
    const at = index * AGGREGATE_LENGTH;
    const rows = this.#rows;
    const quantile = quantiles[name];
    if (quantile !== undefined) return sketchOf(this, index).quantile(quantile);
    const [min, max] = [rows[at + A.min]!, rows[at + A.max]!];
    let value: number;
    if (name === 'count') return rows[at + A.count]!;
    // Rounding neither moves a mean out of the range of its numbers nor makes equal numbers differ.
    if (name === 'avg') value = Math.min(max, Math.max(min, rows[at + A.sum]! / rows[at + A.count]!));
    else if (name === 'stddev') {
      const squares = min === max ? 0 : rows[at + A.squares]!;
      value = Math.sqrt(squares / (rows[at + A.count]! - 1));
    } else value = rows[at + A[name as 'count']]!;
    return Number.isFinite(value) ? value : Number.NaN;
  }

  /**
   * Adds what others hold; they stay as they are.
   *
   * @param bucketing - wider buckets to gather the others' in, each of which must lie within one of these; without it
   *   the others' buckets are taken as they are
   */
  merge(other: BucketAggregates, bucketing?: Bucketing): void {
    if (this.withQuantiles !== other.withQuantiles)
      throw new TypeError('quantiles need sketches on both sides');
    const row = new Float64Array(AGGREGATE_LENGTH);
    const late = new BucketAggregates(this.withQuantiles);
    for (let index = 0; index < other.#length; index += 1) {
      const at = index * AGGREGATE_LENGTH;
      row.set(other.#rows.subarray(at, at + AGGREGATE_LENGTH));
      if (bucketing !== undefined) row[A.start] = bucketing.bucketStart(row[A.start]!);
      const home = this.#place(row, late);
      const sketch = home.#sketches?.[home.#cursor];
      if (sketch !== undefined) sketch.merge(sketchOf(other, index));
    }
    this.#takeIn(late);
  }

  /**
   * Adds points of one bucket.
   *
   * @param row - all that is known of them but their quantiles
   * @param late - takes them where their bucket would have to be inserted before another; see {@link settle}
   */
  addRun(row: Float64Array, values: Float64Array, from: number, to: number, late: BucketAggregates): void {
    const home = this.#place(row, late);
    home.#sketches?.[home.#cursor]?.addAll(values, from, to);
  }

  /** Ends a series of {@link addRun} with the same `late`. */
  settle(late: BucketAggregates): void {
    this.#takeIn(late);
  }

  /** Folds a row into its bucket, here or in `late`, and leaves the cursor of that one on it. */
  #place(row: Float64Array, late: BucketAggregates): BucketAggregates {
    const start = row[A.start]!;
    if (this.#length > 0 && start <= this.start(this.#length - 1)) {
      if (!this.#seek(start)) return late.#place(row, late);
      foldRow(this.#rows, this.#cursor * AGGREGATE_LENGTH, row);
      return this;
    }
    this.#append(row, this.#sketches === null ? undefined : new QuantileSketch());
    return this;
  }

  /** Whether there is a bucket of this start; the cursor is then on it. */
  #seek(start: number): boolean {
    const cursor = Math.min(this.#cursor, this.#length - 1);
    this.#cursor = cursor;
    if (this.start(cursor) === start) return true;
    if (cursor + 1 < this.#length && this.start(cursor + 1) === start) {
      this.#cursor = cursor + 1;
      return true;
    }
    let low = 0;
    let high = this.#length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.start(middle) < start) low = middle + 1;
      else high = middle;
    }
    this.#cursor = low;
    return this.start(low) === start;
  }

  #append(row: Float64Array, sketch: QuantileSketch | undefined): void {
    const at = this.#length * AGGREGATE_LENGTH;
    if (at === this.#rows.length) {
      const grown = new Float64Array(this.#rows.length * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    for (let i = 0; i < AGGREGATE_LENGTH; i += 1) this.#rows[at + i] = row[i]!;
    if (sketch !== undefined) this.#sketches?.push(sketch);
    this.#cursor = this.#length;
    this.#length += 1;
  }

  /** Takes in buckets of which none is here yet. */
  #takeIn(late: BucketAggregates): void {
    if (late.#length === 0) return;
    const rows = new Float64Array((this.#length + late.#length) * 2 * AGGREGATE_LENGTH);
    const sketches: QuantileSketch[] = [];
    let mine = 0;
    let theirs = 0;
    for (let at = 0; mine < this.#length || theirs < late.#length; at += AGGREGATE_LENGTH) {
      const own = theirs === late.#length || (mine < this.#length && this.start(mine) < late.start(theirs));
      const from = own ? this : late;
      const index = own ? mine++ : theirs++;
      rows.set(from.#rows.subarray(index * AGGREGATE_LENGTH, (index + 1) * AGGREGATE_LENGTH), at);
      if (from.#sketches !== null) sketches.push(sketchOf(from, index));
    }
    this.#rows = rows;
    this.#length += late.#length;
    this.#cursor = 0;
    this.#sketches?.splice(0, this.#sketches.length, ...sketches);
  }
}

function sketchOf(aggregates: BucketAggregates, index: number): QuantileSketch {
  const sketch = aggregates.sketch(index);
  if (sketch === null) throw new TypeError('quantiles need sketches');
  return sketch;
}

/** Adds the points of one row to those of another of the same bucket. */
function foldRow(rows: Float64Array, at: number, row: Float64Array): void {
  const mine = rows[at + A.count]!;
  const theirs = row[A.count]!;
  // Chan, Golub, LeVeque: "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
  const apart = row[A.mean]! - rows[at + A.mean]!;
  const part = theirs / (mine + theirs);
  rows[at + A.squares]! += row[A.squares]! + apart * apart * mine * part;
  rows[at + A.mean]! += apart * part;
  rows[at + A.count] = mine + theirs;
  rows[at + A.sum]! += row[A.sum]!;
  if (row[A.min]! < rows[at + A.min]!) rows[at + A.min] = row[A.min]!;
  if (row[A.max]! > rows[at + A.max]!) rows[at + A.max] = row[A.max]!;
  const earlier = row[A.firstTime]! - rows[at + A.firstTime]!;
  if (earlier < 0 || (earlier === 0 && row[A.first]! < rows[at + A.first]!)) {
    rows[at + A.firstTime] = row[A.firstTime]!;
    rows[at + A.first] = row[A.first]!;
  }
  const later = row[A.lastTime]! - rows[at + A.lastTime]!;
  if (later > 0 || (later === 0 && row[A.last]! > rows[at + A.last]!)) {
    rows[at + A.lastTime] = row[A.lastTime]!;
    rows[at + A.last] = row[A.last]!;
  }
}

/** Writes what is known of the points `from` to `to - 1`, at least one and in one bucket, into a row. */
function describeRun(times: Float64Array, values: Float64Array, from: number, to: number, row: Float64Array) {
  let sum = 0;
  let min = values[from]!;
  let max = min;
  let i = from;
  // Three at a time: an addition need not wait for the one before it.
  let [second, third] = [0, 0];
  for (; i + 2 < to; i += 3) {
    const one = values[i]!;
    const two = values[i + 1]!;
    const three = values[i + 2]!;
    sum += one;
    second += two;
    third += three;
    if (one < min) min = one;
    if (one > max) max = one;
    if (two < min) min = two;
    if (two > max) max = two;
    if (three < min) min = three;
    if (three > max) max = three;
  }
  for (; i < to; i += 1) {
    const value = values[i]!;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  sum += second + third;
  let first = values[from]!;
  for (i = from + 1; i < to && times[i] === times[from]; i += 1) first = Math.min(first, values[i]!);
  let last = values[to - 1]!;
  for (i = to - 2; i >= from && times[i] === times[to - 1]; i -= 1) last = Math.max(last, values[i]!);
  row[A.count] = to - from;
  row[A.sum] = sum + 0;
  row[A.min] = min + 0;
  row[A.max] = max + 0;
  row[A.firstTime] = times[from]!;
  row[A.first] = first + 0;
  row[A.lastTime] = times[to - 1]!;
  row[A.last] = last + 0;
}

/** Completes a row that {@link describeRun} wrote by what a standard deviation needs. */
function describeSpread(values: Float64Array, from: number, to: number, row: Float64Array) {
  const count = to - from;
  const mean = row[A.sum]! / count;
  // The sum of the distances is what rounding took from the mean.
  let distances = 0;
  let squares = 0;
  for (let i = from; i < to; i += 1) {
    const distance = values[i]! - mean;
    distances += distance;
    squares += distance * distance;
  }
  row[A.mean] = mean + distances / count;
  row[A.squares] = Math.max(0, squares - (distances / count) * distances);
}

/** The first place behind `from` at which the time is `next` or later, up to `to`. Buckets are often as long as the one before. */
function endOfRun(times: Float64Array, from: number, to: number, next: number, likely: number): number {
  let low = from;
  let high = from + likely;
  if (high < to && times[high]! >= next) {
    if (times[high - 1]! < next) return high;
  } else {
    if (high < to) low = high;
    high = to;
  }
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < next) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Adds the points `from` to `to - 1` of a pair of columns to their buckets.
 *
 * @param times - microseconds since the epoch, ascending; equal ones may follow each other
 * @param values - finite
 * @param withSpread - whether `stddev` will be asked for; nothing else needs what it costs
 */
export function aggregateColumns(
  times: Float64Array,
  values: Float64Array,
  from: number,
  to: number,
  bucketing: Bucketing,
  into: BucketAggregates,
  withSpread = true,
): void {
  const { fixed } = bucketing;
  const row = new Float64Array(AGGREGATE_LENGTH);
  const late = new BucketAggregates(into.withQuantiles);
  let start = 0;
  let next = Number.NEGATIVE_INFINITY;
  let length = 1;
  for (let i = from; i < to; ) {
    const time = times[i]!;
    if (time >= next) {
      start = fixed === null ? bucketing.bucketStart(time) : alignDown(time, fixed.width, fixed.phase);
      next = fixed === null ? bucketing.nextBucket(start) : start + fixed.width;
    }
    const end = endOfRun(times, i, Math.min(to, i + CHUNK), next, length);
    length = end - i;
    describeRun(times, values, i, end, row);
    if (withSpread) describeSpread(values, i, end, row);
    row[A.start] = start;
    into.addRun(row, values, i, end, late);
    i = end;
  }
  into.settle(late);
}
