import { ByteReader, ByteWriter } from '../../sealed/bytes.ts';
import type { ParcelView } from './point-parcel.ts';

/*
 * A row of the point log: the points of a parcel that were kept. A series is told by its number; its name stands in the row
 * only where it is new with it, for names are most of a parcel, and what a commit writes is what it costs. All numbers little-endian; the
 * columns begin at multiples of 4, and those of doubles of 8.
 *
 *   u32 version · u32 points · u32 series · u32 flags · f64 base · u32 known · u32 new · f64 values[] ·
 *   times: f64[], or u32[] behind the base with flag 4 · u32 series of each point[], absent with flag 8 ·
 *   u32 number of each series[] · u8 kinds[] if flag 1 · names of the new series · texts if flag 2
 */
const VERSION = 2;
const HEAD = 32;
const KINDS = 1;
const TEXTS = 2;
const SHORT_TIMES = 4;
const ONE_EACH = 8;

const FIRST_CAPACITY = 65_536;

/** Points that are kept, in columns. */
export interface KeptPoints {
  readonly count: number;
  /** Microseconds since the epoch. */
  readonly times: Float64Array;
  /** For a text, its place in `texts`. */
  readonly values: Float64Array;
  /** The series of each point by its place in `numbers`. */
  readonly seriesOf: Uint32Array;
  /** Null where all are numbers. */
  readonly kinds: Uint8Array | null;
  /** Numbers of the series, each with at least one point, in order of their first. */
  readonly numbers: Uint32Array;
  readonly texts: readonly string[];
}

/** Gives series their numbers: known names the ones they have, others the next ones. */
export interface SeriesNumbers {
  /** How many there are. */
  readonly count: number;
  intern(bytes: Buffer, at: number, length: number): number;
}

/** Writes rows, one after the other, in the same memory. */
export class PointLogRows {
  readonly #writer = new ByteWriter(FIRST_CAPACITY);

  /**
   * Numbers the series of a parcel and writes its row.
   *
   * @returns the points as they are kept, and the row, valid until the next one is written
   */
  write(
    parcel: ParcelView,
    series: SeriesNumbers,
  ): { readonly points: KeptPoints; readonly data: Uint8Array } {
    const known = series.count;
    const kept = parcel.kept();
    const numbers = new Uint32Array(kept.names.length);
    for (let at = 0; at < numbers.length; at++) {
      const name = kept.names[at] as number;
      const from = parcel.names[name] as number;
      numbers[at] = series.intern(parcel.bytes, from, (parcel.names[name + 1] as number) - from);
    }
    const points: KeptPoints = { ...kept, numbers };
    this.#columns(points, known, series.count - known);
    const writer = this.#writer;
    if (series.count > known) this.#newNames(parcel, kept.names, numbers, known);
    for (const text of points.texts) writer.text(text);
    return { points, data: writer.written() };
  }

  /** New series are numbered in the order in which they come here. */
  #newNames(parcel: ParcelView, names: Uint32Array, numbers: Uint32Array, known: number): void {
    let next = known;
    for (const [at, name] of names.entries()) {
      if (numbers[at] !== next) continue;
      next += 1;
      this.#writer.raw(parcel.bytes.subarray(parcel.names[name], parcel.names[name + 1]));
    }
  }

  #columns(
    { count, times, values, seriesOf, kinds, numbers, texts }: KeptPoints,
    known: number,
    added: number,
  ): void {
    const writer = this.#writer;
    const { base, offsets } = shortTimes(times, count);
    const oneEach = isOneEach(seriesOf, numbers.length);
    writer.at = 0;
    writer.reserve(HEAD + count * 21 + numbers.length * 4);
    writer.u32(VERSION);
    writer.u32(count);
    writer.u32(numbers.length);
    writer.u32(
      (kinds === null ? 0 : KINDS) |
        (texts.length > 0 ? TEXTS : 0) |
        (offsets === null ? 0 : SHORT_TIMES) |
        (oneEach ? ONE_EACH : 0),
    );
    writer.f64(base);
    writer.u32(known);
    writer.u32(added);
    writer.raw(bytesOf(values));
    writer.raw(bytesOf(offsets ?? times));
    if (!oneEach) writer.raw(bytesOf(seriesOf));
    writer.raw(bytesOf(numbers));
    if (kinds !== null) writer.raw(kinds);
  }
}

/**
 * Reads a row, and numbers the series that are new with it.
 *
 * @throws {RangeError} for bytes that are no row, and where the series do not get the numbers that the row says
 */
export function readPointLogRow(data: Uint8Array, series: SeriesNumbers): KeptPoints {
  // A column is read where it lies, which its place in memory must allow.
  const bytes = data.byteOffset % 8 === 0 ? data : Uint8Array.from(data);
  const reader = new ByteReader(bytes);
  const version = reader.u32();
  if (version !== VERSION) throw new RangeError(`a row of the point log of version ${version}`);
  const count = reader.u32();
  const seriesCount = reader.u32();
  const flags = reader.u32();
  const base = reader.f64();
  const known = reader.u32();
  const added = reader.u32();
  let at = bytes.byteOffset + HEAD;
  const next = (size: number): number => {
    at += size;
    return at - size;
  };
  const { buffer } = bytes;
  const values = new Float64Array(buffer, next(count * 8), count);
  const times =
    (flags & SHORT_TIMES) === 0
      ? new Float64Array(buffer, next(count * 8), count)
      : Float64Array.from(new Uint32Array(buffer, next(count * 4), count), (offset) => base + offset);
  const seriesOf =
    (flags & ONE_EACH) === 0
      ? new Uint32Array(buffer, next(count * 4), count)
      : Uint32Array.from({ length: count }, (_, index) => index);
  const numbers = new Uint32Array(buffer, next(seriesCount * 4), seriesCount);
  const kinds = (flags & KINDS) === 0 ? null : new Uint8Array(buffer, next(count), count);
  reader.at = at - bytes.byteOffset;
  readNames(reader, series, known, added);
  for (const number of numbers) {
    if (number >= series.count) throw new RangeError(`a point of series ${number}, which has no name`);
  }
  const texts: string[] = [];
  if ((flags & TEXTS) !== 0) while (reader.at < bytes.length) texts.push(reader.text());
  return { count, times, values, seriesOf, kinds, numbers, texts };
}

function readNames(reader: ByteReader, series: SeriesNumbers, known: number, added: number): void {
  for (let number = known; number < known + added; number++) {
    const start = reader.at;
    reader.at += 1 + reader.u8At(reader.at);
    reader.at += 2 + reader.u16At(reader.at);
    const given = series.intern(reader.bytes, start, reader.at - start);
    if (given !== number) throw new RangeError(`series ${number} of the point log is known as ${given}`);
  }
}

/** Times as distances from the earliest, where 32 bits hold them all. */
function shortTimes(times: Float64Array, count: number): { base: number; offsets: Uint32Array | null } {
  let base = Number.POSITIVE_INFINITY;
  for (let at = 0; at < count; at++) base = Math.min(base, times[at] as number);
  if (!Number.isFinite(base)) return { base: 0, offsets: null };
  const offsets = new Uint32Array(count);
  for (let at = 0; at < count; at++) {
    const offset = (times[at] as number) - base;
    offsets[at] = offset;
    if (offsets[at] !== offset || base + offset !== times[at]) return { base: 0, offsets: null };
  }
  return { base, offsets };
}

function isOneEach(seriesOf: Uint32Array, series: number): boolean {
  if (seriesOf.length !== series) return false;
  for (let at = 0; at < series; at++) if (seriesOf[at] !== at) return false;
  return true;
}

function bytesOf(column: Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
