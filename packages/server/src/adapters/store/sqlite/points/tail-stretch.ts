import type { PointColumns } from '../../sealed/points/point-columns.ts';
import type { PointTail } from './point-tail.ts';

const FIRST_CAPACITY = 64;
const TEXT = 2;

/** Points by series and time, no two of one series and time. */
export type SortedPoints = PointColumns & { readonly series: Int32Array };

/** Collects what the tail holds of some series in a stretch of time. */
export class TailStretch {
  readonly #tail: PointTail;
  readonly #from: number;
  readonly #to: number;
  #count = 0;
  #series = new Int32Array(FIRST_CAPACITY);
  #times = new Float64Array(FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  readonly #texts: string[] = [];

  /** @param from - microseconds since the epoch, inclusive; `to` exclusive */
  constructor(tail: PointTail, from: number, to: number) {
    this.#tail = tail;
    this.#from = from;
    this.#to = to;
  }

  /** Adds a series; they must come in the order of their numbers. @param head - position of its newest point */
  add(series: number, head: number): void {
    const first = this.#count;
    let descending = true;
    this.#tail.walk(head, (time, value, kind) => {
      if (time < this.#from || time >= this.#to) return;
      const at = this.#count;
      if (at === this.#times.length) this.#grow();
      descending &&= at === first || time < (this.#times[at - 1] as number);
      this.#times[at] = time;
      this.#values[at] = typeof value === 'number' ? value : this.#texts.push(value) - 1;
      this.#kinds[at] = kind;
      this.#count = at + 1;
    });
    // The one committed last came first.
    if (descending) {
      for (const column of [this.#times, this.#values, this.#kinds])
        column.subarray(first, this.#count).reverse();
    } else this.#sort(first);
    this.#series.fill(series, first, this.#count);
  }

  /** By time; of equal times the first stays, which was committed last. */
  #sort(first: number): void {
    const count = this.#count - first;
    const times = this.#times.slice(first, this.#count);
    const values = this.#values.slice(first, this.#count);
    const kinds = this.#kinds.slice(first, this.#count);
    const order = Uint32Array.from({ length: count }, (_, at) => at);
    // A typed array's sort is stable.
    order.sort((a, b) => (times[a] as number) - (times[b] as number));
    let at = first;
    for (const index of order) {
      const time = times[index] as number;
      if (at > first && this.#times[at - 1] === time) continue;
      this.#times[at] = time;
      this.#values[at] = values[index] as number;
      this.#kinds[at] = kinds[index] as number;
      at += 1;
    }
    this.#count = at;
  }

  #grow(): void {
    const size = this.#times.length * 2;
    const [series, times, values, kinds] = [this.#series, this.#times, this.#values, this.#kinds];
    this.#series = new Int32Array(size);
    this.#series.set(series);
    this.#times = new Float64Array(size);
    this.#times.set(times);
    this.#values = new Float64Array(size);
    this.#values.set(values);
    this.#kinds = new Uint8Array(size);
    this.#kinds.set(kinds);
  }

  /** What was collected, or its first points. */
  points(most = Number.POSITIVE_INFINITY): SortedPoints {
    const count = Math.min(this.#count, most);
    const values = this.#values.slice(0, count);
    const kinds = this.#kinds.slice(0, count);
    const texts: string[] = [];
    for (let at = 0; this.#texts.length > 0 && at < count; at++) {
      if (kinds[at] === TEXT) values[at] = texts.push(this.#texts[values[at] as number] as string) - 1;
    }
    const series = this.#series.slice(0, count);
    return { count, series, times: this.#times.slice(0, count), values, kinds, texts };
  }
}
