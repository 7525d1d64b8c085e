import { readTime, writeTime } from './binary-time.ts';
import { COPY_HEADER, COPY_SIGNATURE, CopyHeader } from './copy-header.ts';
import type { CopyTaker } from './copy-out.ts';

const TRAILER = -1;
const NULL = -1;

const TEXT = 2;

/** Columns of the rows that {@link PointRowReader} reads, in their order. */
export interface PointRowShape {
  /** Whether the first column is the number of the series. */
  readonly series: boolean;
  /** Whether kind and text follow time and value. */
  readonly kinds: boolean;
}

/** Takes points as they are read; `text` is null for all but texts, whose `value` is nothing. */
export type PointSink = (
  series: number,
  time: number,
  value: number,
  kind: number,
  text: string | null,
) => void;

/**
 * Reads rows `[series,] time, value [, kind, text]` of a binary COPY. Where kinds are not read, texts, which have no value, are
 * left out, and booleans are numbers.
 *
 * @throws {TypeError} for what are no such rows
 */
export class PointRowReader implements CopyTaker {
  readonly #shape: PointRowShape;
  readonly #fields: number;
  readonly #sink: PointSink;
  readonly #header = new CopyHeader();
  #ended = false;

  constructor(shape: PointRowShape, sink: PointSink) {
    this.#shape = shape;
    this.#fields = 2 + (shape.series ? 1 : 0) + (shape.kinds ? 2 : 0);
    this.#sink = sink;
  }

  /** True when the end was read. */
  get ended(): boolean {
    return this.#ended;
  }

  take(bytes: Buffer, view: DataView, from: number, to: number): void {
    let at = this.#header.skip(bytes, view, from, to);
    while (at < to) at = this.#row(bytes, view, at, to);
  }

  #row(bytes: Buffer, view: DataView, start: number, to: number): number {
    const fields = view.getInt16(start);
    let at = start + 2;
    if (fields === TRAILER) {
      this.#ended = true;
      return at;
    }
    if (fields !== this.#fields || this.#ended) throw notRows(`a row of ${fields} columns`);
    let series = 0;
    if (this.#shape.series) {
      series = view.getInt32(at + 4);
      at += 8;
    }
    const time = readTime(view, at + 4);
    at += 12;
    const value = view.getInt32(at) === NULL ? Number.NaN : view.getFloat64(at + 4);
    at += Number.isNaN(value) ? 4 : 12;
    if (this.#shape.kinds) at = this.#kind(bytes, view, at, series, time, value);
    else if (!Number.isNaN(value)) this.#sink(series, time, value, 0, null);
    if (at > to) throw notRows('a row that is cut');
    return at;
  }

  #kind(bytes: Buffer, view: DataView, start: number, series: number, time: number, value: number): number {
    const kind = view.getInt16(start + 4);
    const length = view.getInt32(start + 6);
    const at = start + 10;
    if (length === NULL) {
      this.#sink(series, time, value, kind, null);
      return at;
    }
    this.#sink(series, time, 0, kind, bytes.toString('utf8', at, at + length));
    return at + length;
  }
}

function notRows(what: string): TypeError {
  return new TypeError(`the database sent ${what}`);
}

const ROW_BYTES = 42;
const FIRST_BYTES = 1 << 16;

/** Writes rows `series, time, value, kind, text` for a binary COPY. */
export class PointRowWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #view = viewOf(this.#bytes);
  #at = COPY_HEADER;

  constructor() {
    this.#bytes.fill(0, 0, COPY_HEADER);
    COPY_SIGNATURE.copy(this.#bytes);
  }

  /** @param text - as it can be stored; null for all but texts, whose `value` is nothing */
  add(series: number, time: number, value: number, kind: number, text: string | null): void {
    const view = this.#reserve(ROW_BYTES + (text === null ? 0 : 3 * text.length));
    let at = this.#at;
    view.setInt16(at, 5);
    view.setInt32(at + 2, 4);
    view.setInt32(at + 6, series);
    view.setInt32(at + 10, 8);
    writeTime(view, at + 14, time);
    if (kind === TEXT) {
      view.setInt32(at + 22, NULL);
      at += 26;
    } else {
      view.setInt32(at + 22, 8);
      view.setFloat64(at + 26, value);
      at += 34;
    }
    view.setInt32(at, 2);
    view.setInt16(at + 4, kind);
    at += 6;
    const length = text === null ? NULL : this.#bytes.write(text, at + 4, 'utf8');
    view.setInt32(at, length);
    this.#at = at + 4 + Math.max(0, length);
  }

  /** The whole COPY; the writer is done. */
  finish(): Buffer {
    this.#reserve(2).setInt16(this.#at, TRAILER);
    return this.#bytes.subarray(0, this.#at + 2);
  }

  #reserve(more: number): DataView {
    if (this.#at + more > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + more));
      this.#bytes.copy(grown, 0, 0, this.#at);
      this.#bytes = grown;
      this.#view = viewOf(grown);
    }
    return this.#view;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
