import { KnownTexts } from './known-texts.ts';

const quote = 34;
const newline = 10;
const carriageReturn = 13;
const space = 32;

/** Most fields of a row that are kept; what comes behind them is counted only. */
const maxFields = 64;

/** Longest row, in bytes; the rows of these formats take a few hundred. */
export const maxRowBytes = 8192;

/** How a kind of CSV is written. */
export interface CsvDialect {
  /** Code of the character between two fields, ASCII. */
  readonly separator: number;
  /** True where a field may stand in quotes and then hold separators and line ends. */
  readonly quotes: boolean;
}

/**
 * Splits CSV into rows and fields while its bytes arrive; chunks may end anywhere.
 *
 * Quotes are read as RFC 4180 says and more kindly: inside a quoted field, a quote that neither a quote nor the end of the field
 * follows stands for itself, and so does one inside a field without quotes. Blank lines do not count. Holds one row besides the chunk
 * at hand, so a quote that is never closed costs at most `maxRowBytes` of look-ahead: {@link onlyFirstLine} goes back behind it.
 */
export class CsvRows {
  /** Line on which the row begins, from 1. */
  line = 0;
  /** Fields of the row; only the first 64 of them can be read. */
  count = 0;
  /** True where the row has no end within `maxRowBytes` and was cut there; the rest of its line is passed over. */
  tooLong = false;
  readonly #separator: number;
  readonly #quotes: boolean;
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer);
  /** Where the next row begins. */
  #at = 0;
  #nextLine = 1;
  #rowStart = 0;
  #rowEnd = 0;
  #rowLines = 0;
  #ended = false;
  #skipping = false;
  readonly #starts = new Int32Array(maxFields);
  readonly #ends = new Int32Array(maxFields);
  /** 1 where the field stands in quotes, 2 where there are quotes inside. */
  readonly #marks = new Uint8Array(maxFields);
  readonly #known = new KnownTexts();
  /** Where the text is that each column said last. */
  readonly #places = new Uint16Array(maxFields);

  constructor(dialect: CsvDialect) {
    this.#separator = dialect.separator;
    this.#quotes = dialect.quotes;
  }

  /** Call {@link next} until it says false, then push again. `chunk` must stay as it is until then. */
  push(chunk: Uint8Array): void {
    const more = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const rest = this.#bytes.subarray(this.#at);
    const bytes = rest.length === 0 ? more : Buffer.concat([rest, more]);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
  }

  /** Call once, after the last push; a row without a line end is then complete. */
  end(): void {
    this.#ended = true;
  }

  /** Goes to the next row. @returns false where more bytes are needed, or none are left */
  next(): boolean {
    for (;;) {
      if (this.#skipping && !this.#skipLine()) return false;
      if (this.#at >= this.#bytes.length) return false;
      this.line = this.#nextLine;
      this.#rowStart = this.#at;
      this.tooLong = false;
      if (!this.#scan()) return false;
      this.#nextLine += this.#rowLines;
      if (!this.#blank) return true;
    }
  }

  /** The row's own bytes as text, without the line end. */
  get text(): string {
    return this.#bytes.toString('utf8', this.#rowStart, this.#rowEnd);
  }

  /** True where the row goes over more than one line. */
  get manyLines(): boolean {
    return this.#bytes.subarray(this.#rowStart, this.#rowEnd).includes(newline);
  }

  /** Takes the row's first line for all of it: the next row begins on the line behind. For a quote that was never closed. */
  onlyFirstLine(): void {
    const end = this.#bytes.indexOf(newline, this.#rowStart);
    if (end === -1 || end >= this.#rowEnd) return;
    this.#rowEnd = end;
    this.#at = end + 1;
    this.#nextLine = this.line + 1;
    this.#skipping = false;
  }

  /** A field as text; empty where the row has no such field. */
  field(index: number): string {
    if (index < 0 || index >= this.count || index >= maxFields) return '';
    const from = this.#starts[index] as number;
    const to = this.#ends[index] as number;
    if (from === to) return '';
    if (this.#marks[index] === 2) return this.#bytes.toString('utf8', from, to).replaceAll('""', '"');
    // Most columns say what they said in the row before.
    const last = this.#places[index] as number;
    if (this.#known.is(last, this.#view, from, to)) return this.#known.at(last);
    const place = this.#known.place(this.#view, from, to);
    if (place === -1) return this.#bytes.toString('utf8', from, to);
    this.#places[index] = place;
    return this.#known.at(place);
  }

  /** A field's bytes, without the quotes around it; valid until the next push. */
  fieldBytes(index: number): Uint8Array {
    if (index < 0 || index >= this.count || index >= maxFields) return this.#bytes.subarray(0, 0);
    return this.#bytes.subarray(this.#starts[index], this.#ends[index]);
  }

  /** The fields from one to another as they stand in the row, separators included. */
  span(first: number, last: number): string {
    return this.#bytes.toString('utf8', this.#starts[first], this.#ends[last]);
  }

  /**
   * A field as a number: NaN where it is empty or none. Digits with at most one point are read straight from the bytes, with the same
   * result as `Number`, since both the digits and the power of ten are exact.
   */
  number(index: number): number {
    if (index < 0 || index >= this.count || index >= maxFields) return Number.NaN;
    const bytes = this.#bytes;
    let at = this.#starts[index] as number;
    const to = this.#ends[index] as number;
    const negative = bytes[at] === 45;
    if (negative) at += 1;
    const digits = to - at;
    // A point and 15 digits are below 2^53, and 16 digits without a point are rounded once.
    if (digits <= 0) return Number.NaN;
    if (digits > 16) return numberOf(this.field(index));
    let whole = 0;
    let point = -1;
    for (; at < to; at += 1) {
      const code = bytes[at] as number;
      if (code === 46 && point === -1) point = at;
      else if (code >= 48 && code <= 57) whole = whole * 10 + code - 48;
      else return numberOf(this.field(index));
    }
    if (point !== -1 && digits === 1) return Number.NaN;
    const value = point === -1 ? whole : whole / (powersOfTen[to - point - 1] as number);
    return negative ? -value : value;
  }

  get #blank(): boolean {
    return this.count === 1 && this.#starts[0] === this.#ends[0];
  }

  /** Passes over the rest of a line. @returns false where its end did not come yet */
  #skipLine(): boolean {
    const end = this.#bytes.indexOf(newline, this.#at);
    this.#at = end === -1 ? this.#bytes.length : end + 1;
    this.#skipping = end === -1;
    if (end !== -1) this.#nextLine += 1;
    return end !== -1;
  }

  /** Finds the fields of the row that begins at `#at`. @returns false where its end did not come yet */
  #scan(): boolean {
    const bytes = this.#bytes;
    const separator = this.#separator;
    const quotes = this.#quotes;
    const limit = Math.min(bytes.length, this.#at + maxRowBytes);
    let at = this.#at;
    let count = 0;
    this.#rowLines = 0;
    for (;;) {
      const start = at;
      let end: number;
      let mark = 0;
      if (quotes && bytes[at] === quote) {
        end = this.#closingQuote(at + 1, limit);
        if (end === -1) return this.#noEnd(limit, count);
        mark = this.#inner ? 2 : 1;
        at = end + 1;
        if (bytes[at] === carriageReturn) at += 1;
      } else {
        for (; at < limit; at += 1) {
          const code = bytes[at] as number;
          // Most characters come behind both in ASCII.
          if (code <= separator && (code === separator || code === newline)) break;
        }
        if (at === limit && !(this.#ended && limit === bytes.length)) return this.#noEnd(limit, count);
        end = at;
        if (end > start && bytes[end - 1] === carriageReturn && bytes[at] !== separator) end -= 1;
      }
      if (count < maxFields) {
        this.#starts[count] = mark === 0 ? start : start + 1;
        this.#ends[count] = end;
        this.#marks[count] = mark;
      }
      count += 1;
      if (at < limit && bytes[at] === separator) {
        at += 1;
        continue;
      }
      this.count = count;
      this.#rowEnd = mark === 0 ? end : end + 1;
      this.#at = Math.min(at + 1, bytes.length);
      this.#rowLines += 1;
      return true;
    }
  }

  /** True where the quoted field that was passed last holds quotes. */
  #inner = false;

  /** Place of the quote that ends a field, -1 where it did not come; counts the line ends before it. */
  #closingQuote(from: number, limit: number): number {
    const bytes = this.#bytes;
    this.#inner = false;
    for (let at = from; at < limit; at += 1) {
      const code = bytes[at];
      if (code === newline) this.#rowLines += 1;
      if (code !== quote) continue;
      const after = bytes[at + 1];
      if (after === undefined) return this.#ended ? at : -1;
      if (after === this.#separator || after === newline) return at;
      if (after === carriageReturn) {
        const behind = bytes[at + 2];
        if (behind === newline || (behind === undefined && this.#ended)) return at;
      }
      this.#inner = true;
      if (after === quote) at += 1;
    }
    return -1;
  }

  /** The row has no end within `limit`: waits for more bytes, or makes of it what can be made. */
  #noEnd(limit: number, count: number): boolean {
    if (limit === this.#bytes.length && limit - this.#at < maxRowBytes && !this.#ended) return false;
    this.tooLong = true;
    this.count = Math.max(count, 1);
    if (count === 0) this.#starts[0] = this.#at;
    if (count === 0) this.#ends[0] = limit;
    this.#rowEnd = limit;
    const end = this.#bytes.indexOf(newline, this.#at);
    if (end !== -1 && end < limit) {
      // An open quote ran over the line ends; the lines behind the first are rows of their own.
      this.#rowEnd = end;
      this.#rowLines = 1;
      this.#at = end + 1;
    } else {
      this.#rowLines = 0;
      this.#skipping = true;
      this.#at = limit;
    }
    return true;
  }
}

const powersOfTen = Array.from({ length: 23 }, (_, power) => 10 ** power);

/** Numbers in the words of C and of Java besides those of JSON: `inf`, `-Infinity`, `nan`. NaN where the text is no number. */
function numberOf(text: string): number {
  const plain = text.trim();
  if (plain === '' || plain.charCodeAt(0) < space) return Number.NaN;
  const word = /^([+-]?)inf(?:inity)?$/i.exec(plain);
  if (word !== null) return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  // `Number` also takes 0x10 and the like, which no scanner means.
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(plain) ? Number(plain) : Number.NaN;
}
