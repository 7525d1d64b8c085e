import { PisyncError } from '@pisync/protocol';
import { ByteReader, ByteWriter } from '../../sealed/bytes.ts';
import { MAX_BLOCK_POINTS } from '../../sealed/points/point-columns.ts';
import { lowWord, viewPlanes, WordPlanes } from '../../sealed/points/point-planes.ts';
import { packSection, unpackSection } from '../format/columns/section.ts';
import type { IdentityFilter } from '../format/identity-filter.ts';

/*
 * The index of a run: which row has an identity, by the upper half of its hash. That half is enough to find the row, and the row says
 * the rest. A run's index is cut into parts by hash, so that a look-up reads one of them (docs/spec/sqlite-format.md).
 */

/** Entries in ascending order of hash; a place is the number of the block in its run times 4,096, and the row in it. */
export interface IdentityEntries {
  readonly hashes: Uint32Array;
  readonly places: Uint32Array;
}

const VERSION = 1;
const HEAD_BYTES = 9;
const USUAL_ENTRIES = 4096;
const ALL_HASHES = 2 ** 32;
/** Bits of a hash that one pass sorts by. */
const PASS_BITS = 11;

const planes = new WordPlanes();

/** In how many parts the index of so many identities is cut: a power of two, so that a part has 2,048 to 4,096 entries, as hashes go. */
export function identityParts(identities: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(identities / USUAL_ENTRIES)));
}

/** The part that a hash belongs to. */
export function identityPartOf(hash: number, parts: number): number {
  return Math.floor(hash / (ALL_HASHES / parts));
}

/** Adds a hash to the filter of a run; the lower half of what a filter takes is made of the upper one. */
export function addToFilter(filter: IdentityFilter, hash: number): void {
  filter.add(hash, stepOf(hash));
}

export function mayHold(filter: IdentityFilter, hash: number): boolean {
  return filter.mayHold(hash, stepOf(hash));
}

/** Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4. */
function stepOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 16), 0x9e37_79b1) >>> 0;
}

/** Sorts entries by hash, those of one hash in their own order: least digits first, three passes over columns. */
export function sortIdentities(entries: IdentityEntries): IdentityEntries {
  let from = entries;
  let to = entriesFor(entries.hashes.length);
  for (let shift = 0; shift < 32; shift += PASS_BITS) {
    sortBy(shift, from, to);
    const free = from === entries ? entriesFor(entries.hashes.length) : from;
    from = to;
    to = free;
  }
  return from;
}

function entriesFor(count: number): IdentityEntries {
  return { hashes: new Uint32Array(count), places: new Uint32Array(count) };
}

function sortBy(shift: number, from: IdentityEntries, to: IdentityEntries): void {
  const { hashes, places } = from;
  const mask = 2 ** PASS_BITS - 1;
  const starts = new Uint32Array(2 ** PASS_BITS + 1);
  for (const hash of hashes) starts[((hash >>> shift) & mask) + 1]! += 1;
  for (let digit = 0; digit < mask; digit++) starts[digit + 1]! += starts[digit] as number;
  for (let at = 0; at < hashes.length; at++) {
    const hash = hashes[at] as number;
    const digit = (hash >>> shift) & mask;
    const place = starts[digit] as number;
    starts[digit] = place + 1;
    to.hashes[place] = hash;
    to.places[place] = places[at] as number;
  }
}

/** The bytes of a part: all entries given. */
export function encodeIdentityPart({ hashes, places }: IdentityEntries, level: number): Uint8Array {
  const count = hashes.length;
  const writer = new ByteWriter(16 + count * 6);
  writer.varint(count);
  let before = 0;
  for (let from = 0; from < count; from += MAX_BLOCK_POINTS) {
    const to = Math.min(count, from + MAX_BLOCK_POINTS);
    for (let index = from; index < to; index++) {
      const hash = hashes[index] as number;
      planes.addWord(hash - before, 0);
      before = hash;
    }
    planes.finish(writer);
    for (let index = from; index < to; index++) planes.addWord(places[index] as number, 0);
    planes.finish(writer);
  }
  const { bytes, contentBytes, crc } = packSection(writer.written(), level);
  const part = ByteWriter.over(Buffer.allocUnsafeSlow(HEAD_BYTES + bytes.length));
  part.u8(VERSION);
  part.u32(contentBytes);
  part.u32(crc);
  part.raw(bytes);
  return part.bytes;
}

/** @throws {PisyncError} `store_damaged` if any byte is not what was written */
export function decodeIdentityPart(part: Uint8Array): IdentityEntries {
  try {
    if (part[0] !== VERSION) throw new RangeError(`version ${part[0]}`);
    const head = new ByteReader(part, 1);
    const [contentBytes, crc] = [head.u32(), head.u32()];
    const content = unpackSection({ bytes: part.subarray(HEAD_BYTES), contentBytes, crc });
    return readEntries(new ByteReader(content));
  } catch (cause) {
    throw new PisyncError('store_damaged', {
      detail: `an index of detections cannot be read: ${String(cause)}`,
      cause,
    });
  }
}

function readEntries(reader: ByteReader): IdentityEntries {
  const count = reader.varint();
  if (count > reader.bytes.length * MAX_BLOCK_POINTS) throw new RangeError(`${count} entries`);
  const hashes = new Uint32Array(count);
  const places = new Uint32Array(count);
  for (let from = 0; from < count; from += MAX_BLOCK_POINTS) {
    const to = Math.min(count, from + MAX_BLOCK_POINTS);
    readWords(reader, hashes.subarray(from, to));
    readWords(reader, places.subarray(from, to));
  }
  for (let index = 1; index < count; index++) hashes[index]! += hashes[index - 1] as number;
  return { hashes, places };
}

function readWords(reader: ByteReader, out: Uint32Array): void {
  const { bytes, at, width, count } = viewPlanes(reader, out.length);
  for (let index = 0; index < count; index++) out[index] = lowWord(bytes, at + index, width, count);
}

/** The places of a hash among the entries of its part. */
export function placesOf({ hashes, places }: IdentityEntries, hash: number): Uint32Array {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((hashes[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (hashes[end] === hash) end += 1;
  return places.subarray(low, end);
}
