import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { kindBit, type SeriesRecord } from '../../../../ports/telemetry-store.ts';
import { ByteReader, ByteWriter } from '../../sealed/bytes.ts';
import { KeyIndex } from '../state/key-index.ts';
import { readSeriesBytes, seriesBytes } from './point-parcel.ts';

/** Series of one page: the unit in which they are written to disk. */
const PAGE_SERIES = 1024;
const FIRST_CAPACITY = 1024;
const NUMBER = 0;
const TEXT = 2;
const ALL_KINDS = 7;
/** In the byte of a page: the kind of the newest value, and above it the kinds of all. */
const KIND_BITS = 4;
const KIND_MASK = 0b11;

/**
 * All series by number, with the newest point of each. Numbers are given in the order of first appearance and never
 * change. 100,000 series are about 12 MB.
 */
export class SeriesTable {
  /** Series by the bytes of their names. */
  readonly #index = new KeyIndex();
  readonly #devices = new KeyIndex();
  /** Metric and tags by their bytes: many devices have the same. */
  readonly #keys = new KeyIndex();
  #deviceOf = new Int32Array(FIRST_CAPACITY);
  #keyOf = new Int32Array(FIRST_CAPACITY);
  /** Per device: its newest series + 1; per series: the device's one before + 1. */
  #ofDevice = new Int32Array(FIRST_CAPACITY);
  #before = new Int32Array(FIRST_CAPACITY);
  /** Position in the tail of each series' newest point; 0 for none. Rebuilt at start, never written. */
  heads = new Float64Array(FIRST_CAPACITY);
  #times = new Float64Array(FIRST_CAPACITY).fill(Number.NEGATIVE_INFINITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  /** Kinds of all values there ever were, each by its {@link kindBit}. */
  #seen = new Uint8Array(FIRST_CAPACITY);
  readonly #texts = new Map<number, string>();
  /** Pages that differ from the disk. */
  readonly #dirty = new Set<number>();

  get count(): number {
    return this.#index.count;
  }

  /** Number of the series whose name lies in `bytes`, made now if there was none. */
  intern(bytes: Buffer, at: number, length: number): number {
    const known = this.#index.find(bytes, at, length);
    if (known >= 0) return known;
    const number = this.#index.count;
    if (number >= this.heads.length) this.#grow();
    this.#index.add(number, bytes, at, length);
    const idLength = bytes[at] as number;
    const device = added(this.#devices, bytes, at + 1, idLength);
    if (device >= this.#ofDevice.length) this.#ofDevice = grown(this.#ofDevice, new Int32Array(device * 2));
    this.#before[number] = this.#ofDevice[device] as number;
    this.#ofDevice[device] = number + 1;
    this.#deviceOf[number] = device;
    this.#keyOf[number] = added(this.#keys, bytes, at + 1 + idLength + 2, length - idLength - 3);
    return number;
  }

  /** Number of a series; -1 where it was never seen. */
  find(deviceId: string, key: string): number {
    const bytes = seriesBytes(deviceId, key);
    return this.#index.find(bytes, 0, bytes.length);
  }

  name(series: number): { readonly deviceId: string; readonly key: string } {
    return readSeriesBytes(this.#index.key(series));
  }

  /** How many different keys the series have, numbered from 0. */
  get keys(): number {
    return this.#keys.count;
  }

  /** Number of the key of a series. */
  keyOf(series: number): number {
    return this.#keyOf[series] as number;
  }

  key(number: number): string {
    return Buffer.from(this.#keys.key(number)).toString('utf8');
  }

  /** How many devices the series have, numbered from 0. */
  get devices(): number {
    return this.#devices.count;
  }

  /** Number of the device of a series. */
  deviceOf(series: number): number {
    return this.#deviceOf[series] as number;
  }

  deviceId(number: number): string {
    return this.#devices.id(number);
  }

  /** Series of a device, in the order of their numbers. */
  ofDevice(deviceId: string): number[] {
    const device = this.#devices.findText(deviceId);
    const found: number[] = [];
    for (
      let next = device < 0 ? 0 : (this.#ofDevice[device] as number);
      next > 0;
      next = this.#before[next - 1] as number
    ) {
      found.push(next - 1);
    }
    return found.reverse();
  }

  /** Notes a point that was committed after all before: it is the newest where no other has a later time. */
  note(series: number, time: number, value: number, kind: number, texts: readonly string[]): void {
    this.#dirty.add(Math.floor(series / PAGE_SERIES));
    this.#seen[series]! |= kindBit(kind);
    if (time < (this.#times[series] as number)) return;
    this.#times[series] = time;
    this.#values[series] = value;
    if (kind === NUMBER && this.#kinds[series] === NUMBER) return;
    this.#kinds[series] = kind;
    if (kind === TEXT) this.#texts.set(series, texts[value] as string);
    else this.#texts.delete(series);
  }

  latest(series: number): Pick<SeriesRecord, 'time' | 'value' | 'kinds'> {
    const value = this.#values[series] as number;
    const kind = this.#kinds[series];
    const shown = kind === TEXT ? (this.#texts.get(series) as string) : kind === NUMBER ? value : value === 1;
    return { time: this.#times[series] as number, value: shown, kinds: this.#seen[series] as number };
  }

  #grow(): void {
    const size = this.heads.length * 2;
    const filled = this.#times.length;
    this.heads = grown(this.heads, new Float64Array(size));
    this.#times = grown(this.#times, new Float64Array(size));
    this.#times.fill(Number.NEGATIVE_INFINITY, filled);
    this.#values = grown(this.#values, new Float64Array(size));
    this.#kinds = grown(this.#kinds, new Uint8Array(size));
    this.#seen = grown(this.#seen, new Uint8Array(size));
    this.#deviceOf = grown(this.#deviceOf, new Int32Array(size));
    this.#keyOf = grown(this.#keyOf, new Int32Array(size));
    this.#before = grown(this.#before, new Int32Array(size));
  }

  /** The pages that differ from the disk, ready to be compressed; they count as clean from here. */
  takePages(): { readonly page: number; readonly data: Uint8Array }[] {
    const pages = [...this.#dirty].map((page) => ({ page, data: this.#page(page) }));
    this.#dirty.clear();
    return pages;
  }

  /** Count; for each its name with two bytes of length before it, time, value and kinds; then the texts of those of kind text. */
  #page(page: number): Uint8Array {
    const from = page * PAGE_SERIES;
    const to = Math.min(from + PAGE_SERIES, this.count);
    const writer = new ByteWriter((to - from) * 96);
    writer.varint(to - from);
    for (let series = from; series < to; series++) {
      const name = this.#index.key(series);
      writer.reserve(2 + name.length + 17);
      writer.u16(name.length);
      writer.raw(name);
      writer.reserve(17);
      writer.f64(this.#times[series] as number);
      writer.f64(this.#values[series] as number);
      writer.u8((this.#kinds[series] as number) | ((this.#seen[series] as number) << KIND_BITS));
    }
    for (let series = from; series < to; series++) {
      if (this.#kinds[series] === TEXT) writer.text(this.#texts.get(series) as string);
    }
    return new Uint8Array(writer.written());
  }

  /** Puts a page back as {@link packSeriesPage} made it. Pages must come in their order. */
  loadPage(packed: Uint8Array): void {
    const reader = new ByteReader(zstdDecompressSync(packed));
    const texts: number[] = [];
    for (let left = reader.varint(); left > 0; left--) {
      const length = reader.u16();
      const series = this.intern(reader.bytes, reader.at, length);
      reader.at += length;
      this.#times[series] = reader.f64();
      this.#values[series] = reader.f64();
      const kinds = reader.u8();
      this.#kinds[series] = kinds & KIND_MASK;
      // An older PiSync noted the newest kind only: then there may be any.
      this.#seen[series] = kinds >> KIND_BITS || ALL_KINDS;
      if (this.#kinds[series] === TEXT) texts.push(series);
    }
    for (const series of texts) this.#texts.set(series, reader.text());
  }
}

/** A page as it is stored: one zstd frame with a checksum. */
export function packSeriesPage(data: Uint8Array): Buffer {
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = constants;
  return zstdCompressSync(data, { params: { [ZSTD_c_compressionLevel]: 1, [ZSTD_c_checksumFlag]: 1 } });
}

/** Number of a key, which is added where it is not known. */
function added(index: KeyIndex, bytes: Buffer, at: number, length: number): number {
  const known = index.find(bytes, at, length);
  if (known >= 0) return known;
  const number = index.count;
  index.add(number, bytes, at, length);
  return number;
}

function grown<Column extends Float64Array | Int32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
