import type { PointColumns } from '../../../../ports/telemetry-store.ts';
import { originalText } from '../connection/arrays.ts';

const FIRST_CAPACITY = 1024;
const TEXT = 2;

/** Points of one series that grow as they are read. */
export class GrowingColumns {
  #times = new Float64Array(FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #texts: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** How many there is room for. */
  get capacity(): number {
    return this.#times.length;
  }

  /** @param text - as it is stored */
  add(time: number, value: number, kind: number, text: string | null): void {
    const at = this.#count;
    if (at === this.#times.length) this.#grow(at + 1);
    this.#times[at] = time;
    this.#values[at] = text === null ? value : this.#texts.push(originalText(text)) - 1;
    this.#kinds[at] = kind;
    this.#count = at + 1;
  }

  /** Adds the points `[from, to)` of others. */
  addAll({ times, values, kinds, texts }: Omit<PointColumns, 'count'>, from: number, to: number): void {
    const at = this.#count;
    const end = at + to - from;
    if (end > this.#times.length) this.#grow(end);
    this.#times.set(times.subarray(from, to), at);
    this.#values.set(values.subarray(from, to), at);
    this.#kinds.set(kinds.subarray(from, to), at);
    for (let place = at; texts.length > 0 && place < end; place++) {
      if (this.#kinds[place] !== TEXT) continue;
      this.#values[place] = this.#texts.push(texts[this.#values[place] as number] as string) - 1;
    }
    this.#count = end;
  }

  /** The first points, `limit` at most. They are no longer theirs when more are added. */
  columns(limit = this.#count): PointColumns {
    const count = Math.min(limit, this.#count);
    let left = 0;
    for (let at = count; at < this.#count; at++) if (this.#kinds[at] === TEXT) left += 1;
    return {
      count,
      times: this.#times.subarray(0, count),
      values: this.#values.subarray(0, count),
      kinds: this.#kinds.subarray(0, count),
      texts: left === 0 ? this.#texts : this.#texts.slice(0, -left),
    };
  }

  clear(): void {
    this.#count = 0;
    this.#texts = [];
  }

  #grow(least: number): void {
    const size = Math.max(least, this.#times.length * 2);
    this.#times = grown(this.#times, new Float64Array(size));
    this.#values = grown(this.#values, new Float64Array(size));
    this.#kinds = grown(this.#kinds, new Uint8Array(size));
  }
}

function grown<Column extends Float64Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
