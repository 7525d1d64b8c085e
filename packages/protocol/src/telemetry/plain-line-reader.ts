import { hashFactor, hashStart, type KnownName, type SeriesTable } from './known-series.ts';
import { type LinePrecision, unitMicroseconds } from './line-mapping.ts';
import { booleanKind, maxPointTime, maxTextBytes, numberKind, textKind } from './point-batch.ts';
import type { PointBatchBuilder } from './point-batch-builder.ts';

const newline = 10;
const carriageReturn = 13;
const space = 32;
const quote = 34;
const comma = 44;
const minus = 45;
const dot = 46;
const equals = 61;
const backslash = 92;

/** Fields of a line that are read here; one with more is left to the general way. */
const maxFields = 512;

/** Digits of a number that is read here: any so long fits into a double without loss. */
const maxDigits = 15;
const powersOfTen = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);

const decimal = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const byteText = new TextDecoder('latin1');
const booleanWords: ReadonlyMap<string, number> = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((word) => [word, 1] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, 0] as const),
]);

/**
 * Reads lines whose series are known and whose values are of the usual form straight from the bytes: no text, no object,
 * no number in a box on the way. Whatever is unusual (a new series, an escape, a text that is not ASCII, two spaces, a
 * comment, anything wrong) is left to the general way, which alone decides about errors.
 */
export class PlainLineReader {
  /** Line feeds passed, all in all. */
  lines = 0;
  /** Of them, lines that held points. */
  dataLines = 0;
  /** True where a line was left because the batch would have had too many points. */
  full = false;
  readonly #table: SeriesTable;
  readonly #builder: PointBatchBuilder;
  readonly #unit: number;
  readonly #defaultTime: number;
  readonly #maxLineBytes: number;
  readonly #maxPoints: number;
  #bytes: Uint8Array = new Uint8Array(0);
  /** The bytes as text, one character each; made when first needed. */
  #text: string | undefined;
  #at = 0;
  #lastHead = -1;
  /** The fields of the line at hand. */
  readonly #entries = new Int32Array(maxFields);
  readonly #kinds = new Uint8Array(maxFields);
  readonly #values = new Float64Array(maxFields);
  readonly #texts: string[] = [];
  /** The time of the line at hand: a column of one, so that it is never put in a box. */
  readonly #time = new Float64Array(1);

  constructor(
    table: SeriesTable,
    builder: PointBatchBuilder,
    options: {
      readonly precision: LinePrecision;
      readonly defaultTime: number;
      readonly maxLineBytes: number;
      readonly maxPoints: number;
    },
  ) {
    this.#table = table;
    this.#builder = builder;
    this.#unit = unitMicroseconds(options.precision);
    this.#defaultTime = options.defaultTime;
    this.#maxLineBytes = options.maxLineBytes;
    this.#maxPoints = options.maxPoints;
  }

  /** Reads from these bytes from now on. */
  over(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#text = undefined;
  }

  /**
   * Reads lines from `from` on, up to `end`, which lies behind a line feed. @returns where it stopped: at `end`, or at
   * the beginning of a line that it left
   */
  read(from: number, end: number): number {
    let at = from;
    while (at < end) {
      if (this.#bytes[at] === newline) {
        at += 1;
        this.lines += 1;
        continue;
      }
      this.#at = at;
      const head = this.#head();
      if (head < 0) break;
      const fields = this.#fields(head);
      if (fields === 0 || !this.#lineEnd() || this.#at - at > this.#maxLineBytes) break;
      if (this.#builder.count + fields > this.#maxPoints) {
        this.full = true;
        break;
      }
      this.#add(fields);
      at = this.#at;
      this.lines += 1;
      this.dataLines += 1;
    }
    return at;
  }

  /** Index of a known series in the batch. */
  place(name: KnownName): number {
    if (this.#builder.seriesAt(name.place) !== name) name.place = this.#builder.addSeries(name);
    return name.place;
  }

  /** Passes measurement, tags and the space behind them. @returns their entry, -1 where they are not known */
  #head(): number {
    const bytes = this.#bytes;
    const table = this.#table;
    const last = this.#lastHead;
    const from = this.#at;
    if (last >= 0) {
      const expected = table.nextHeads[last] as number;
      if (expected >= 0 && table.isAt(expected, bytes, from)) {
        const to = from + (table.lengths[expected] as number);
        if (bytes[to] === space) {
          this.#at = to + 1;
          this.#lastHead = expected;
          return expected;
        }
      }
    }
    let hash = hashStart;
    let at = from;
    let code = bytes[at] as number;
    while (code > space && code !== backslash) {
      hash = Math.imul(hash ^ code, hashFactor);
      at += 1;
      code = bytes[at] as number;
    }
    if (code !== space) return -1;
    const head = table.find(-1, hash, bytes, from, at);
    if (head < 0) return -1;
    if (last >= 0) table.nextHeads[last] = head;
    this.#lastHead = head;
    this.#at = at + 1;
    return head;
  }

  /** Passes all fields. @returns how many they are, 0 where one of them is not plain */
  #fields(head: number): number {
    this.#texts.length = 0;
    let before = head;
    for (let count = 0; count < maxFields; ) {
      const entry = this.#field(head, before);
      if (entry < 0 || !this.#value(count)) return 0;
      this.#entries[count] = entry;
      count += 1;
      if (this.#bytes[this.#at] !== comma) return count;
      this.#at += 1;
      before = entry;
    }
    return 0;
  }

  /** Passes a field's name and its equals sign. @returns its entry, -1 where it is not known */
  #field(head: number, before: number): number {
    const bytes = this.#bytes;
    const table = this.#table;
    const from = this.#at;
    const expected = table.nextFields[before] as number;
    if (expected >= 0 && table.isAt(expected, bytes, from)) {
      const to = from + (table.lengths[expected] as number);
      if (bytes[to] === equals) {
        this.#at = to + 1;
        return expected;
      }
    }
    let hash = hashStart;
    let at = from;
    let code = bytes[at] as number;
    while (code > space && code !== equals && code !== backslash) {
      hash = Math.imul(hash ^ code, hashFactor);
      at += 1;
      code = bytes[at] as number;
    }
    if (code !== equals) return -1;
    const entry = table.find(head, hash, bytes, from, at);
    if (entry < 0) return -1;
    table.nextFields[before] = entry;
    this.#at = at + 1;
    return entry;
  }

  /** Passes a value and notes it as that of field number `index`. */
  #value(index: number): boolean {
    const code = this.#bytes[this.#at] as number;
    if (code < 58 && code !== quote) return this.#number(index);
    return code === quote ? this.#quoted(index) : this.#word(index);
  }

  #number(index: number): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    const negative = bytes[at] === minus;
    if (negative) at += 1;
    const first = at;
    let mantissa = 0;
    let digit = (bytes[at] as number) - 48;
    while (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      at += 1;
      digit = (bytes[at] as number) - 48;
    }
    let digits = at - first;
    let fraction = 0;
    if (bytes[at] === dot) {
      at += 1;
      const point = at;
      digit = (bytes[at] as number) - 48;
      while (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        at += 1;
        digit = (bytes[at] as number) - 48;
      }
      fraction = at - point;
      digits += fraction;
    }
    const next = bytes[at] as number;
    if (digits === 0 || digits > maxDigits || (next !== comma && next > space))
      return this.#longNumber(index, at);
    // Both parts of the quotient are exact doubles, so the quotient is rounded once, as reading the decimals would be.
    const value = fraction === 0 ? mantissa : mantissa / (powersOfTen[fraction] as number);
    this.#values[index] = negative ? -value : value;
    this.#kinds[index] = numberKind;
    this.#at = at;
    return true;
  }

  /** A number with a suffix, an exponent or more digits than {@link maxDigits}; `at` is where its digits ended. */
  #longNumber(index: number, at: number): boolean {
    const text = this.#token(at);
    const last = text.charCodeAt(text.length - 1);
    const whole = last === 105 || last === 117;
    const digits = whole ? text.slice(0, -1) : text;
    if (!decimal.test(digits)) return false;
    const value = Number(digits);
    if (whole) {
      // The form of an integer is stricter than that of a decimal, and its range smaller.
      if (!Number.isSafeInteger(value) || !/^-?\d+$/.test(digits)) return false;
      if (last === 117 && digits.charCodeAt(0) === minus) return false;
      this.#values[index] = value + 0;
    } else {
      if (!Number.isFinite(value)) return false;
      this.#values[index] = value;
    }
    this.#kinds[index] = numberKind;
    return true;
  }

  /** Passes all up to the end of a value that is no text; `at` lies within it. */
  #token(at: number): string {
    const bytes = this.#bytes;
    let end = at;
    let code = bytes[end] as number;
    while (code > space && code !== comma) {
      end += 1;
      code = bytes[end] as number;
    }
    this.#text ??= byteText.decode(bytes);
    const token = this.#text.slice(this.#at, end);
    this.#at = end;
    return token;
  }

  #word(index: number): boolean {
    const value = booleanWords.get(this.#token(this.#at));
    if (value === undefined) return false;
    this.#values[index] = value;
    this.#kinds[index] = booleanKind;
    return true;
  }

  /** A text of printable ASCII without escapes. */
  #quoted(index: number): boolean {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    let at = from;
    let code = bytes[at] as number;
    while (code !== quote) {
      if (code < space || code > 126 || code === backslash) return false;
      at += 1;
      code = bytes[at] as number;
    }
    if (at - from > maxTextBytes) return false;
    this.#text ??= byteText.decode(bytes);
    this.#values[index] = this.#texts.push(this.#text.slice(from, at)) - 1;
    this.#kinds[index] = textKind;
    this.#at = at + 1;
    return true;
  }

  /** Passes the time, where there is one, and the line feed. */
  #lineEnd(): boolean {
    this.#time[0] = this.#defaultTime;
    if (this.#bytes[this.#at] === space) {
      this.#at += 1;
      if (!this.#digits()) return false;
    }
    if (this.#bytes[this.#at] === carriageReturn) this.#at += 1;
    if (this.#bytes[this.#at] !== newline) return false;
    this.#at += 1;
    return true;
  }

  /** A time of at most 19 digits, in parts that small integers hold. */
  #digits(): boolean {
    const bytes = this.#bytes;
    const from = this.#at;
    let at = from;
    let high = 0;
    let digit = (bytes[at] as number) - 48;
    while (digit >= 0 && digit <= 9 && at - from < 9) {
      high = high * 10 + digit;
      at += 1;
      digit = (bytes[at] as number) - 48;
    }
    const middle = at;
    let low = 0;
    while (digit >= 0 && digit <= 9 && at - middle < 9) {
      low = low * 10 + digit;
      at += 1;
      digit = (bytes[at] as number) - 48;
    }
    let lowDigits = at - middle;
    if (digit >= 0 && digit <= 9) {
      // Of 19 digits the last is finer than a microsecond, or the time is out of range.
      if (this.#unit !== 0) return false;
      lowDigits += 1;
      at += 1;
      low *= 10;
    }
    if (at === from) return false;
    const time =
      this.#unit !== 0
        ? (high * (powersOfTen[lowDigits] as number) + low) * this.#unit
        : lowDigits >= 3
          ? high * (powersOfTen[lowDigits - 3] as number) + Math.floor(low / 1000)
          : Math.floor((high * (powersOfTen[lowDigits] as number) + low) / 1000);
    this.#time[0] = time;
    this.#at = at;
    return time <= maxPointTime;
  }

  #add(fields: number): void {
    const time = this.#time[0] as number;
    for (let index = 0; index < fields; index += 1) {
      const series = this.place(this.#table.names[this.#entries[index] as number] as KnownName);
      const value = this.#values[index] as number;
      const kind = this.#kinds[index] as number;
      if (kind === textKind) this.#builder.addText(series, time, this.#texts[value] as string);
      else this.#builder.addPoint(series, time, value, kind);
    }
  }
}
