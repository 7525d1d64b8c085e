import type { ByteReader, ByteWriter } from '../bytes.ts';
import { MAX_BLOCK_POINTS } from './point-columns.ts';
import type { PlanePlace, PlaneView } from './point-planes.ts';

/*
 * Planes of a content that is not compressed: of the highest plane only the bits that some word needs, side by side from the
 * lowest bit of each byte up. zstd would save little more of numbers that are noise, and takes half of the time of reading.
 */

const unpacked = new Uint8Array(MAX_BLOCK_POINTS * 8);

/** Copies what was written, its planes packed: before them stand the bits of a word in place of the planes' number. */
export function packPlanes(written: Buffer, places: readonly PlanePlace[], out: ByteWriter): void {
  let done = 0;
  for (const { at, width, count, bits } of places) {
    out.raw(written.subarray(done, at));
    out.reserve(1 + width * count);
    out.u8(bits);
    const full = bits >>> 3;
    out.raw(written.subarray(at + 1, at + 1 + full * count));
    if ((bits & 7) !== 0) packPlane(written, at + 1 + full * count, count, bits & 7, out);
    done = at + 1 + width * count;
  }
  out.raw(written.subarray(done));
}

function packPlane(bytes: Buffer, from: number, count: number, bits: number, out: ByteWriter): void {
  let word = 0;
  let filled = 0;
  for (let index = from; index < from + count; index++) {
    word |= (bytes[index] as number) << filled;
    filled += bits;
    if (filled < 8) continue;
    out.u8(word & 0xff);
    word >>>= 8;
    filled -= 8;
  }
  if (filled > 0) out.u8(word);
}

/** Bytes that {@link packPlanes} leaves out. */
export function savedByPacking(places: readonly PlanePlace[]): number {
  return places.reduce((sum, { width, count, bits }) => sum + width * count - packedBytes(count, bits), 0);
}

function packedBytes(count: number, bits: number): number {
  return (bits >>> 3) * count + (((bits & 7) * count + 7) >>> 3);
}

/** The view of packed planes at the reader's place, which moves behind them. Valid until the next one. */
export function viewPackedPlanes(reader: ByteReader, count: number): PlaneView {
  const bits = reader.u8();
  const { bytes, at } = reader;
  reader.at += packedBytes(count, bits);
  if (!(bits <= 64 && reader.at <= bytes.length)) throw new RangeError(`${bits} bits of ${count}`);
  const full = bits >>> 3;
  const rest = bits & 7;
  if (rest === 0) return { bytes, at, width: full, count };
  unpacked.set(bytes.subarray(at, at + full * count));
  unpackPlane(bytes, at + full * count, count, rest, full * count);
  return { bytes: unpacked, at: 0, width: full + 1, count };
}

/** Eight at a time, which lie in as many bytes as one of them has bits; the last ones, behind which bytes may end, one by one. */
function unpackPlane(bytes: Buffer, from: number, count: number, bits: number, to: number): void {
  const mask = (1 << bits) - 1;
  const [second, third] = [2 * bits, 3 * bits];
  // Where the fifth of eight begins: in half of the bytes, and in the middle of the next one where their number is odd.
  const half = bits >>> 1;
  const odd = (bits & 1) << 2;
  const end = to + count;
  let at = from;
  let place = to;
  for (; place + 16 < end; place += 8, at += bits) {
    const low = wordAt(bytes, at);
    unpacked[place] = low & mask;
    unpacked[place + 1] = (low >>> bits) & mask;
    unpacked[place + 2] = (low >>> second) & mask;
    unpacked[place + 3] = (low >>> third) & mask;
    const high = wordAt(bytes, at + half) >>> odd;
    unpacked[place + 4] = high & mask;
    unpacked[place + 5] = (high >>> bits) & mask;
    unpacked[place + 6] = (high >>> second) & mask;
    unpacked[place + 7] = (high >>> third) & mask;
  }
  for (let word = 0, filled = 0; place < end; place++) {
    if (filled < bits) {
      word |= (bytes[at++] as number) << filled;
      filled += 8;
    }
    unpacked[place] = word & mask;
    word >>>= bits;
    filled -= bits;
  }
}

function wordAt(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
