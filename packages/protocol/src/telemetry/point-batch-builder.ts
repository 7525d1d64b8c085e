import { booleanKind, numberKind, type PointBatch, type SeriesName, textKind } from './point-batch.ts';

const defaultCapacity = 1024;
const smallestCapacity = 16;

/** A state of a {@link PointBatchBuilder}. */
export interface BuilderMark {
  readonly count: number;
  readonly series: number;
  readonly texts: number;
}

/**
 * Collects points into columns that grow. The checks of the edge (well-formed ids and keys, finite values, times within
 * range) are the caller's: everything that is added is taken as it is.
 */
export class PointBatchBuilder {
  #count = 0;
  #capacity!: number;
  #seriesOf!: Int32Array;
  #times!: Float64Array;
  #values!: Float64Array;
  #kinds!: Uint8Array;
  #texts: string[] = [];
  #series: SeriesName[] = [];
  /** Place of each series by device and key; made from `#series` when {@link seriesIndex} is first called. */
  readonly #places = new Map<string, Map<string, number>>();
  #indexed = 0;

  /** @param capacity - points for which there is room at first */
  constructor(capacity = defaultCapacity) {
    this.#allocate(Math.max(smallestCapacity, capacity));
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#seriesOf = new Int32Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#kinds = new Uint8Array(capacity);
  }

  /** Points added so far. */
  get count(): number {
    return this.#count;
  }

  /** Series added so far. */
  get seriesCount(): number {
    return this.#series.length;
  }

  /** The series with this index; undefined where there is none. */
  seriesAt(index: number): SeriesName | undefined {
    return this.#series[index];
  }

  /** Index of the series with this device id and canonical key, which is added where it is new. */
  seriesIndex(deviceId: string, key: string): number {
    this.#index();
    let keys = this.#places.get(deviceId);
    if (keys === undefined) {
      keys = new Map();
      this.#places.set(deviceId, keys);
    }
    const known = keys.get(key);
    if (known !== undefined) return known;
    const index = this.#series.length;
    this.#series.push({ deviceId, key });
    keys.set(key, index);
    this.#indexed = index + 1;
    return index;
  }

  /** Adds a series of which the caller knows that it is new, without a look-up. @returns its index */
  addSeries(name: SeriesName): number {
    return this.#series.push(name) - 1;
  }

  /** Adds a point of any kind by its columns; a text must have been added by {@link addText} instead. */
  addPoint(series: number, time: number, value: number, kind: number): void {
    const at = this.#count;
    if (at === this.#capacity) this.#grow();
    this.#seriesOf[at] = series;
    this.#times[at] = time;
    this.#values[at] = value;
    this.#kinds[at] = kind;
    this.#count = at + 1;
  }

  addNumber(series: number, time: number, value: number): void {
    this.addPoint(series, time, value, numberKind);
  }

  addBoolean(series: number, time: number, value: boolean): void {
    this.addPoint(series, time, value ? 1 : 0, booleanKind);
  }

  addText(series: number, time: number, value: string): void {
    this.addPoint(series, time, this.#texts.push(value) - 1, textKind);
  }

  /** Where the builder stands, for {@link rollback}. */
  mark(): BuilderMark {
    return { count: this.#count, series: this.#series.length, texts: this.#texts.length };
  }

  /** Takes back all that was added since `mark`. */
  rollback(mark: BuilderMark): void {
    this.#count = mark.count;
    this.#texts.length = mark.texts;
    while (this.#series.length > mark.series) {
      const name = this.#series.pop() as SeriesName;
      if (this.#indexed > this.#series.length) this.#places.get(name.deviceId)?.delete(name.key);
    }
    this.#indexed = Math.min(this.#indexed, mark.series);
  }

  /** The batch of all that was added; its arrays are its own. The builder is empty afterwards and can be used again. */
  finish(): PointBatch {
    const count = this.#count;
    const batch: PointBatch = {
      count,
      series: this.#series,
      seriesOf: this.#seriesOf.subarray(0, count),
      times: this.#times.subarray(0, count),
      values: this.#values.subarray(0, count),
      kinds: this.#kinds.subarray(0, count),
      texts: this.#texts,
    };
    // They are given away; what comes next gets its own.
    this.#allocate(0);
    this.#count = 0;
    this.#series = [];
    this.#texts = [];
    this.#places.clear();
    this.#indexed = 0;
    return batch;
  }

  /** Brings the look-up table up to those that {@link addSeries} added behind its back. */
  #index(): void {
    for (; this.#indexed < this.#series.length; this.#indexed += 1) {
      const { deviceId, key } = this.#series[this.#indexed] as SeriesName;
      const keys = this.#places.get(deviceId);
      if (keys === undefined) this.#places.set(deviceId, new Map([[key, this.#indexed]]));
      else keys.set(key, this.#indexed);
    }
  }

  #grow(): void {
    this.#capacity = Math.max(smallestCapacity, this.#capacity * 2);
    this.#seriesOf = larger(this.#seriesOf, new Int32Array(this.#capacity));
    this.#times = larger(this.#times, new Float64Array(this.#capacity));
    this.#values = larger(this.#values, new Float64Array(this.#capacity));
    this.#kinds = larger(this.#kinds, new Uint8Array(this.#capacity));
  }
}

function larger<Column extends Int32Array | Float64Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
