import type { PointBatch } from '@pisync/protocol';
import { ByteReader, ByteWriter } from '../format/bytes.ts';

/*
 * A parcel of points: what crosses from the HTTP thread to the writer and is a row of the point log as it is. All numbers
 * little-endian; the columns begin at multiples of 8, so that they are read where they lie.
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
  for (const { deviceId, key } of series) {
    writer.ascii(deviceId);
    writeKey(writer, key);
  }
  for (const text of texts) writer.text(text);
  return writer.written();
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

  readonly #raw: Uint8Array;
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
      reader.raw(reader.u8());
      reader.raw(reader.u16());
    }
    this.names[this.seriesCount] = reader.at;
    this.#raw = bytes;
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

  /** Calls `visit` with the place and length of the device id of each series that has a point left. */
  visitDevices(visit: (at: number, length: number) => void): void {
    const kept = this.#dropped === 0 ? null : new Uint8Array(this.seriesCount);
    for (let at = 0; kept !== null && at < this.count; at++) {
      if (!Number.isNaN(this.times[at])) kept[this.seriesOf[at] as number] = 1;
    }
    for (let index = 0; index < this.seriesCount; index++) {
      if (kept !== null && kept[index] === 0) continue;
      const at = this.names[index] as number;
      visit(at + 1, this.bytes[at] as number);
    }
  }

  /** The parcel as it stands in the log. */
  get parcel(): Uint8Array {
    return this.#raw;
  }
}
