import type { ErrorCode } from '../errors.ts';
import { maxKeptBytes } from '../json/item-reader.ts';
import { PendingBytes } from '../json/pending-bytes.ts';
import { KnownName, type KnownSeries, type SeriesTable, seriesId } from './known-series.ts';
import { type LinePrecision, MappingFault, mapLine } from './line-mapping.ts';
import { findLineEnd, type Line, LineFault, parseLine } from './line-protocol-line.ts';
import { PlainLineReader } from './plain-line-reader.ts';
import { type PointBatch, textKind } from './point-batch.ts';
import { PointBatchBuilder } from './point-batch-builder.ts';

/** What a {@link LineProtocolDecoder} is made with. */
export interface LineProtocolOptions {
  /** What is remembered from request to request; one for all decoders of a server. It also says which tags name the device. */
  readonly known: KnownSeries;
  /** Unit of the lines' times. */
  readonly precision: LinePrecision;
  /** Time of lines that have none, microseconds since the epoch. */
  readonly defaultTime: number;
  /** Bytes of one line, without its line feed. */
  readonly maxLineBytes: number;
  /** Points of one body. */
  readonly maxPoints: number;
}

/** A line that was rejected. */
export interface LineProblem {
  /** Number of the line, from 1; of the first where a text in quotes spans several. */
  readonly line: number;
  /** The line's own text, at most 64 KiB; what is no UTF-8 in it is U+FFFD. */
  readonly text: string;
  /** True where `text` was cut. */
  readonly truncated: boolean;
  readonly code: ErrorCode;
  /** The tag or field that is wrong; null where it is the line. */
  readonly field: string | null;
  /** What is wrong and how to mend it, for a person. */
  readonly detail: string;
  /** The device id where one could be read, well formed or not; at most 128 characters. */
  readonly deviceId: string | null;
}

/** What a body of lines held. */
export interface DecodedLines {
  readonly batch: PointBatch;
  /** In the order of the lines. */
  readonly errors: readonly LineProblem[];
  /** Lines that held points or were rejected: neither blank nor comments. */
  readonly lines: number;
  /** Set where reading stopped because of `maxPoints`: the body as a whole is to be refused. */
  readonly broken: { readonly code: 'too_many_items'; readonly detail: string } | null;
}

const newline = 10;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Decodes a body of Influx line protocol v1 while its bytes arrive; chunks may end anywhere.
 *
 * One bad line never harms the others: it is reported whole, and reading goes on behind its line feed. Where quotes were
 * never closed that is the first line feed, so that no more is lost than the line that forgot them. Holds at most one
 * line (`maxLineBytes`) besides the chunk at hand. Everything comes at the end, as one batch.
 */
export class LineProtocolDecoder {
  readonly #options: LineProtocolOptions;
  readonly #table: SeriesTable;
  readonly #builder = new PointBatchBuilder();
  readonly #plain: PlainLineReader;
  readonly #pending = new PendingBytes(Number.POSITIVE_INFINITY);
  readonly #errors: LineProblem[] = [];
  /** Series that the table has no place for. */
  readonly #strangers = new Map<string, KnownName>();
  /** True within a line that is too long: the rest of it is passed over. */
  #skipping = false;
  #broken: DecodedLines['broken'] = null;

  constructor(options: LineProtocolOptions) {
    this.#options = options;
    this.#table = options.known.table();
    this.#plain = new PlainLineReader(this.#table, this.#builder, options);
  }

  /** Why the body cannot be read any further, null while it can: reading on is of no use then. */
  get broken(): DecodedLines['broken'] {
    return this.#broken;
  }

  push(chunk: Uint8Array): void {
    if (this.#broken !== null) return;
    let bytes = chunk;
    if (this.#skipping) {
      const end = bytes.indexOf(newline);
      if (end < 0) return;
      this.#skipping = false;
      this.#plain.lines += 1;
      bytes = bytes.subarray(end + 1);
    }
    if (this.#pending.size > 0) {
      this.#pending.append(bytes);
      const size = this.#pending.size;
      // Without a line feed no line can have ended.
      if (size <= this.#options.maxLineBytes && !bytes.includes(newline)) return;
      bytes = this.#pending.take(size);
      this.#pending.clear();
    }
    this.#keep(bytes, this.#decode(bytes, false));
  }

  /** Call once, after the last `push`. */
  end(): DecodedLines {
    if (this.#pending.size > 0 && this.#broken === null)
      this.#decode(this.#pending.take(this.#pending.size), true);
    return {
      batch: this.#builder.finish(),
      errors: this.#errors,
      lines: this.#plain.dataLines + this.#errors.length,
      broken: this.#broken,
    };
  }

  /** Keeps what no line feed has ended yet, from `from` on. */
  #keep(bytes: Uint8Array, from: number): void {
    if (from >= bytes.length || this.#broken !== null) return;
    const rest = bytes.subarray(from);
    if (rest.length <= this.#options.maxLineBytes) {
      this.#pending.append(rest);
      return;
    }
    this.#problem(rest, this.#tooLong());
    this.#skipping = true;
  }

  /** @returns where the line begins that the bytes do not hold whole, or their length */
  #decode(bytes: Uint8Array, last: boolean): number {
    this.#own();
    this.#plain.over(bytes);
    const plainEnd = bytes.lastIndexOf(newline) + 1;
    let at = 0;
    for (;;) {
      at = this.#plain.read(at, plainEnd);
      if (this.#plain.full) this.#stop();
      if (at >= bytes.length || this.#broken !== null) return at;
      let end = findLineEnd(bytes, at);
      // Quotes that keep a line open for too long have misled: what they hold are lines of their own.
      const first = end - at > this.#options.maxLineBytes ? bytes.indexOf(newline, at) : -1;
      if (first >= 0) end = first;
      else if (end === bytes.length && !last) return at;
      at = this.#line(bytes, at, end) + 1;
    }
  }

  /** Another decoder may have used the table meanwhile: then the places of the names are its own. */
  #own(): void {
    if (this.#table.owner === this) return;
    this.#table.owner = this;
    for (let place = 0; place < this.#builder.seriesCount; place += 1) {
      (this.#builder.seriesAt(place) as KnownName).place = place;
    }
  }

  /** Decodes the line from `from` to `end`, the general way. @returns where it ends: sooner, if its quotes misled */
  #line(bytes: Uint8Array, from: number, end: number): number {
    const raw = bytes.subarray(from, end);
    let to = end;
    try {
      if (raw.length > this.#options.maxLineBytes) throw this.#tooLong();
      const text = decodeText(raw);
      const line = parseLine(text);
      if (line !== null) this.#add(raw, text, line);
    } catch (fault) {
      if (fault instanceof LineFault) {
        const first = raw.indexOf(newline);
        if (first >= 0) to = from + first;
        const detail = `the line ${fault.detail}, at character ${fault.at + 1}`;
        this.#problem(bytes.subarray(from, to), new MappingFault('invalid_line', null, detail, null));
      } else if (fault instanceof MappingFault) this.#problem(raw, fault);
      else throw fault;
    }
    this.#plain.lines += lineFeeds(bytes, from, Math.min(to + 1, bytes.length));
    return to;
  }

  #add(raw: Uint8Array, text: string, line: Line): void {
    const { known, precision, defaultTime, maxPoints } = this.#options;
    const mapped = mapLine(line, known.deviceTags, precision);
    if (this.#builder.count + mapped.points.length > maxPoints) {
      this.#stop();
      return;
    }
    const time = mapped.time ?? defaultTime;
    const series = mapped.points.map(({ key }) => this.#name(mapped.deviceId, key));
    mapped.points.forEach(({ value, kind, text: words }, index) => {
      const place = this.#plain.place(series[index] as KnownName);
      if (kind === textKind) this.#builder.addText(place, time, words);
      else this.#builder.addPoint(place, time, value, kind);
    });
    this.#plain.dataLines += 1;
    this.#learn(raw, text, line, series);
  }

  /** The one object for this series within the body: the table's, or the decoder's own where the table is full. */
  #name(deviceId: string, key: string): KnownName {
    const known = this.#table.name(deviceId, key);
    if (known !== undefined) return known;
    const id = seriesId(deviceId, key);
    let stranger = this.#strangers.get(id);
    if (stranger === undefined) {
      stranger = new KnownName(deviceId, key);
      this.#strangers.set(id, stranger);
    }
    return stranger;
  }

  /** Remembers which bytes named the series, unless an escape or a space before them makes them unusual. */
  #learn(raw: Uint8Array, text: string, { headEnd, names }: Line, series: readonly KnownName[]): void {
    const part = (from: number, to: number): Uint8Array =>
      raw.length === text.length ? raw.subarray(from, to) : encoder.encode(text.slice(from, to));
    const headText = text.slice(0, headEnd);
    if (headText.startsWith(' ') || headText.includes('\\')) return;
    const head = this.#table.learn(-1, part(0, headEnd), undefined);
    if (head < 0) return;
    for (let index = 0; index < series.length; index += 1) {
      const from = names[2 * index] as number;
      const to = names[2 * index + 1] as number;
      if (text.slice(from, to).includes('\\')) continue;
      this.#table.learn(head, part(from, to), series[index]);
    }
  }

  #stop(): void {
    const detail = `the body holds more than ${this.#options.maxPoints} points; send fewer at a time`;
    this.#broken = { code: 'too_many_items', detail };
  }

  #tooLong(): MappingFault {
    const detail = `the line takes more than ${this.#options.maxLineBytes} bytes`;
    return new MappingFault('item_too_large', null, detail, null);
  }

  #problem(raw: Uint8Array, { code, field, detail, deviceId }: MappingFault): void {
    const ended = raw[raw.length - 1] === 13 ? raw.subarray(0, raw.length - 1) : raw;
    const tooLong = code === 'item_too_large' && raw.length > this.#options.maxLineBytes;
    const kept = tooLong ? Math.min(maxKeptBytes, this.#options.maxLineBytes) : maxKeptBytes;
    const text = lenientUtf8.decode(ended.subarray(0, kept));
    const truncated = tooLong || ended.length > kept;
    this.#errors.push({ line: this.#plain.lines + 1, text, truncated, code, field, detail, deviceId });
  }
}

function decodeText(raw: Uint8Array): string {
  try {
    return strictUtf8.decode(raw);
  } catch {
    throw new LineFault(0, 'is not valid UTF-8');
  }
}

function lineFeeds(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = bytes.indexOf(newline, from); at >= 0 && at < to; at = bytes.indexOf(newline, at + 1))
    count += 1;
  return count;
}
