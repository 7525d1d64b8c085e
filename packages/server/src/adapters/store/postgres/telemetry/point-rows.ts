import { readMicroseconds } from '../wire/binary-time.ts';
import { CopyHeader, END, NONE } from '../wire/copy-format.ts';
import type { CopyTaker } from '../wire/copy-out.ts';
import type { CopyRows } from '../wire/copy-rows.ts';

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
    if (fields === END) {
      this.#ended = true;
      return at;
    }
    if (fields !== this.#fields || this.#ended) throw notRows(`a row of ${fields} columns`);
    let series = 0;
    if (this.#shape.series) {
      series = view.getInt32(at + 4);
      at += 8;
    }
    const time = readMicroseconds(view, at + 4);
    at += 12;
    const value = view.getInt32(at) === NONE ? Number.NaN : view.getFloat64(at + 4);
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
    if (length === NONE) {
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

/** The columns of {@link addPoint}. */
export const POINT_COLUMNS = 'series, time, value, kind, text';
const FIELDS = 5;

/** @param text - as it can be stored; null for all but texts, whose `value` is nothing */
export function addPoint(
  rows: CopyRows,
  series: number,
  time: number,
  value: number,
  kind: number,
  text: string | null,
): void {
  rows.row(FIELDS);
  rows.integer(series);
  rows.microseconds(time);
  rows.double(kind === TEXT ? null : value);
  rows.smallint(kind);
  rows.text(text);
}
