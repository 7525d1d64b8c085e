import type { ByteReader, ByteWriter } from '../bytes.ts';
import { MAX_BLOCK_POINTS } from './point-columns.ts';

/*
 * Words of 64 bits as byte planes: all lowest bytes, then all next ones, as many planes as the largest word needs. zstd finds
 * in a plane of small differences what it would not find among interleaved bytes.
 */

const HALF = 2 ** 32;

/** Where planes lie in what was written. */
export interface PlanePlace {
  /** Of the byte before the planes, which says how many there are. */
  readonly at: number;
  readonly width: number;
  readonly count: number;
  /** Bits of the largest word: the highest plane has at least one of them. */
  readonly bits: number;
}

/** Words in halves of 32 bits, written one by one and then kept as planes. */
export class WordPlanes {
  readonly low = new Uint32Array(MAX_BLOCK_POINTS);
  readonly high = new Uint32Array(MAX_BLOCK_POINTS);
  count = 0;

  /** Adds integers of magnitude below 2^52, zigzag: 0, -1, 1, -2 … are 0, 1, 2, 3 … */
  addSigned(values: Float64Array, from: number, to: number): void {
    const { low, high } = this;
    let at = this.count;
    for (let index = from; index < to; index++) {
      const value = values[index] as number;
      if (value >= -0x4000_0000 && value < 0x4000_0000) {
        low[at] = (value << 1) ^ (value >> 31);
        high[at++] = 0;
        continue;
      }
      const word = value >= 0 ? value * 2 : value * -2 - 1;
      low[at] = word;
      high[at++] = Math.floor(word / HALF);
    }
    this.count = at;
  }

  addWord(low: number, high: number): void {
    this.low[this.count] = low;
    this.high[this.count++] = high;
  }

  /** Writes `u8` number of planes, then the planes; empty afterwards. @param places - takes where they lie */
  finish(writer: ByteWriter, places?: PlanePlace[]): void {
    const { low, high, count } = this;
    let lows = 0;
    let highs = 0;
    for (let index = 0; index < count; index++) {
      lows |= low[index] as number;
      highs |= high[index] as number;
    }
    const bits = highs === 0 ? 32 - Math.clz32(lows) : 64 - Math.clz32(highs);
    const width = (bits + 7) >>> 3;
    places?.push({ at: writer.at, width, count, bits });
    writer.reserve(1 + width * count);
    writer.u8(width);
    for (let plane = 0; plane < width; plane++) {
      const half = plane < 4 ? low : high;
      const shift = (plane & 3) * 8;
      const { bytes } = writer;
      let at = writer.at;
      for (let index = 0; index < count; index++) bytes[at++] = (half[index] as number) >>> shift;
      writer.at = at;
    }
    this.count = 0;
  }
}

/** Planes that were read: where they lie, not yet what they say. */
export interface PlaneView {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly width: number;
  readonly count: number;
}

/** The view of the planes at the reader's place, which moves behind them. */
export function viewPlanes(reader: ByteReader, count: number): PlaneView {
  const width = reader.u8();
  const view = { bytes: reader.bytes, at: reader.at, width, count };
  reader.at += width * count;
  if (!(width <= 8 && reader.at <= reader.bytes.length)) throw new RangeError(`${width} planes of ${count}`);
  return view;
}

/** Reads the words `from` to `to` as signed integers into `out` from its start. */
export function readSigned(planes: PlaneView, from: number, to: number, out: Float64Array): void {
  const { bytes, width, count } = planes;
  let at = planes.at + from;
  const length = to - from;
  if (width === 0) {
    out.fill(0, 0, length);
  } else if (width === 1) {
    for (let index = 0; index < length; index++) {
      const word = bytes[at++] as number;
      out[index] = (word >>> 1) ^ -(word & 1);
    }
  } else if (width === 2) {
    for (let index = 0; index < length; index++, at++) {
      const word = (bytes[at] as number) | ((bytes[at + count] as number) << 8);
      out[index] = (word >>> 1) ^ -(word & 1);
    }
  } else {
    for (let index = 0; index < length; index++, at++) {
      const low = lowWord(bytes, at, width, count);
      if (width <= 4) out[index] = (low >>> 1) ^ -(low & 1);
      else {
        const word = highWord(bytes, at, width, count) * HALF + (low >>> 0);
        out[index] = (low & 1) === 0 ? word / 2 : -(word + 1) / 2;
      }
    }
  }
}

/** The low half of the word whose lowest byte is at `at`, as a signed integer of 32 bits. */
export function lowWord(bytes: Uint8Array, at: number, width: number, count: number): number {
  let word = width > 0 ? (bytes[at] as number) : 0;
  if (width > 1) word |= (bytes[at + count] as number) << 8;
  if (width > 2) word |= (bytes[at + 2 * count] as number) << 16;
  if (width > 3) word |= (bytes[at + 3 * count] as number) << 24;
  return word;
}

/** The high half, unsigned. */
export function highWord(bytes: Uint8Array, at: number, width: number, count: number): number {
  return width > 4 ? lowWord(bytes, at + 4 * count, width - 4, count) >>> 0 : 0;
}
