import type { PointBatch } from '@pisync/protocol';
import { ByteReader, ByteWriter } from '../../sealed/bytes.ts';

/*
 * A parcel of points: what crosses from the HTTP thread to the writer. All numbers little-endian; the columns begin at
 * multiples of 8, so that they are read where they lie.
 *
 *   u32 version · u32 points · u32 series · u32 flags · f64 times[] · f64 values[] · u32 series of each point[] ·
 *   u8 kinds[] if flag 1 · names · texts if flag 2
 *
 * A name is u8 length and device id, u16 length and key. A text is as ByteWriter.text writes it.
 */
const VERSION = 1;
const HEAD = 16;
const KINDS = 1;
const TEXTS = 2;

/** The parcel of a batch, in an array buffer of its own. */
export function packPoints(batch: PointBatch): Uint8Array {
  const { count, series, seriesOf, times, values, kinds, texts } = batch;
  const mixed = kinds.some((kind) => kind !== 0);
  const fixed = HEAD + count * 20 + (mixed ? count : 0);
  const writer = new ByteWriter(fixed + series.length * 48);
  writer.u32(VERSION);
  writer.u32(count);
  writer.u32(series.length);
  writer.u32((mixed ? KINDS : 0) | (texts.length > 0 ? TEXTS : 0));
  writer.raw(bytesOf(times, count * 8));
  writer.raw(bytesOf(values, count * 8));
  writer.raw(bytesOf(seriesOf, count * 4));
  if (mixed) writer.raw(bytesOf(kinds, count));
  writeNames(writer, series);
  for (const text of texts) writer.text(text);
  return writer.written();
}

/** Keys of series as they stand in names, two bytes of length included: the devices of a fleet have the same ones. */
const keyBytes = new Map<string, Uint8Array>();
const MOST_KEYS = 4096;

function writeNames(writer: ByteWriter, series: PointBatch['series']): void {
  for (const { deviceId, key } of series) {
    let named = keyBytes.get(key);
    if (named === undefined) {
      named = bytesOfKey(key);
      if (keyBytes.size >= MOST_KEYS) keyBytes.clear();
      keyBytes.set(key, named);
    }
    const { length } = deviceId;
    writer.reserve(1 + length + named.length);
    const { bytes } = writer;
    let { at } = writer;
    bytes[at++] = length;
    // So short, that a call for each would cost more.
    for (let index = 0; index < length; index++) bytes[at++] = deviceId.charCodeAt(index);
    for (let index = 0; index < named.length; index++) bytes[at++] = named[index] as number;
    writer.at = at;
  }
}

function bytesOfKey(key: string): Uint8Array {
  const writer = new ByteWriter(2 + key.length * 3);
  writeKey(writer, key);
  return Uint8Array.from(writer.written());
}

function bytesOf(column: Float64Array | Int32Array | Uint8Array, length: number): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, length);
}

function writeKey(writer: ByteWriter, key: string): void {
  const start = writer.at;
  writer.reserve(2 + key.length * 3);
  writer.at = start + 2;
  const length = writer.bytes.write(key, writer.at, 'utf8');
  writer.at = start;
  writer.u16(length);
  writer.at = start + 2 + length;
}

/** The bytes by which a series is known: its name as it stands in a parcel. */
export function seriesBytes(deviceId: string, key: string): Uint8Array {
  const writer = new ByteWriter(160 + key.length);
  writer.ascii(deviceId);
  writeKey(writer, key);
  return writer.written();
}

/** The device id and key in the bytes that {@link seriesBytes} makes. */
export function readSeriesBytes(bytes: Uint8Array): { readonly deviceId: string; readonly key: string } {
  const reader = new ByteReader(bytes);
  const deviceId = reader.ascii();
  return { deviceId, key: reader.raw(reader.u16()).toString('utf8') };
}

/** A parcel that is read where it lies. Its bytes must begin at a multiple of 8 in their buffer. */
export class ParcelView {
  readonly count: number;
  readonly seriesCount: number;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly seriesOf: Uint32Array;
  /** Null where all are numbers. */
  readonly kinds: Uint8Array | null;
  readonly texts: readonly string[];
  readonly bytes: Buffer;
  /** Where each name begins, and at the end where the last one ends. */
  readonly names: Uint32Array;

  #dropped = 0;

  /** @throws {RangeError} for bytes that are no parcel */
  constructor(bytes: Uint8Array) {
    const reader = new ByteReader(bytes);
    this.bytes = reader.bytes;
    const version = reader.u32();
    if (version !== VERSION) throw new RangeError(`a parcel of points of version ${version}`);
    const count = reader.u32();
    this.count = count;
    this.seriesCount = reader.u32();
    const flags = reader.u32();
    const base = bytes.byteOffset + HEAD;
    this.times = new Float64Array(bytes.buffer, base, count);
    this.values = new Float64Array(bytes.buffer, base + count * 8, count);
    this.seriesOf = new Uint32Array(bytes.buffer, base + count * 16, count);
    reader.at = HEAD + count * 20;
    this.kinds = (flags & KINDS) === 0 ? null : reader.raw(count);
    this.names = new Uint32Array(this.seriesCount + 1);
    for (let index = 0; index < this.seriesCount; index++) {
      this.names[index] = reader.at;
      reader.at += 1 + reader.u8At(reader.at);
      reader.at += 2 + reader.u16At(reader.at);
    }
    this.names[this.seriesCount] = reader.at;
    const texts: string[] = [];
    if ((flags & TEXTS) !== 0) while (reader.at < bytes.length) texts.push(reader.text());
    this.texts = texts;
  }

  /** Takes points out before the parcel is kept: their times become `NaN`, and they are none from then on. */
  drop(from: number, to: number): void {
    this.times.fill(Number.NaN, from, to);
    this.#dropped += to - from;
  }

  /** False where nothing is left of the parcel. */
  get holdsPoints(): boolean {
    return this.#dropped < this.count;
  }

  /** Calls `visit` with the place and length of the device id of each series that has a point left; neighbours' once. */
  visitDevices(visit: (at: number, length: number) => void): void {
    const kept = this.#dropped === 0 ? null : this.#seriesLeft();
    const { bytes, names } = this;
    let before = -1;
    for (let index = 0; index < this.seriesCount; index++) {
      if (kept !== null && kept[index] === 0) continue;
      const at = names[index] as number;
      if (before < 0 || !sameAscii(bytes, before, at)) visit(at + 1, bytes[at] as number);
      before = at;
    }
  }

  /** What is left of it, with the places in `names` of the series that have a point left, in order of their first. */
  kept(): Pick<ParcelView, 'count' | 'times' | 'values' | 'kinds' | 'seriesOf' | 'texts'> & {
    readonly names: Uint32Array;
  } {
    const { count, times, values, kinds, seriesOf, texts } = this;
    if (this.#dropped === 0 && !this.#seriesLeft().includes(0)) {
      const names = Uint32Array.from({ length: this.seriesCount }, (_, index) => index);
      return { count, times, values, kinds, seriesOf, texts, names };
    }
    const rows: number[] = [];
    // The first point of a series may have been dropped: then another one decides its place.
    const places = new Map<number, number>();
    for (let at = 0; at < count; at++) {
      if (Number.isNaN(times[at])) continue;
      rows.push(at);
      const series = seriesOf[at] as number;
      if (!places.has(series)) places.set(series, places.size);
    }
    return {
      count: rows.length,
      times: Float64Array.from(rows, (at) => times[at] as number),
      values: Float64Array.from(rows, (at) => values[at] as number),
      kinds: kinds === null ? null : Uint8Array.from(rows, (at) => kinds[at] as number),
      seriesOf: Uint32Array.from(rows, (at) => places.get(seriesOf[at] as number) as number),
      texts,
      names: Uint32Array.from(places.keys()),
    };
  }

  /** 1 for each series that has a point left. */
  #seriesLeft(): Uint8Array {
    const left = new Uint8Array(this.seriesCount);
    const { count, times, seriesOf } = this;
    for (let at = 0; at < count; at++) if (!Number.isNaN(times[at])) left[seriesOf[at] as number] = 1;
    return left;
  }
}

/** True where the same text lies at both places, with its length before it. */
function sameAscii(bytes: Uint8Array, a: number, b: number): boolean {
  const length = bytes[a] as number;
  for (let at = 0; at <= length; at++) if (bytes[a + at] !== bytes[b + at]) return false;
  return true;
}
