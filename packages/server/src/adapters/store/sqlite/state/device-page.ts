import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { SeqSet } from '../../../../core/seq-set.ts';
import { SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import { ByteReader, ByteWriter, freeBytes } from '../../sealed/bytes.ts';

/** One epoch of a device's outbox. Its place in the device's list, from 1, is the epoch index. */
export interface DeviceEpoch {
  readonly name: string;
  readonly seen: SeqSet;
}

/** A page of the device table as it was taken: its head ready as bytes, its rows as they lay in memory. */
export interface PageImage {
  readonly page: number;
  readonly count: number;
  /** Count, then ids (each with its length before it), then epochs by {@link writeEpochs}. */
  readonly head: Uint8Array;
  readonly rows: Float64Array;
  /** Per device, as {@link DeviceTable.noteDigest} left it. */
  readonly digestTimes: Float64Array;
}

/** A page as it is put back. */
export interface LoadedPage {
  readonly page: number;
  readonly rows: Float64Array;
  readonly ids: readonly Uint8Array[];
  readonly epochs: DeviceEpoch[][];
  readonly digestTimes: Float64Array;
  /** What the ids lie in; to be freed when the page has been put back. */
  readonly bytes: Uint8Array;
}

/**
 * A page as it is stored: the head, then the rows field by field, since the values of one field are alike, then the digest
 * times; all in one zstd frame with a checksum.
 */
export function packPage({ count, head, rows, digestTimes }: PageImage): Buffer {
  const writer = new ByteWriter(head.length + rows.byteLength + digestTimes.byteLength);
  writer.raw(head);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    for (let slot = 0; slot < count; slot++) writer.f64(rows[slot * SYNC_STATE_LENGTH + field] as number);
  }
  for (const time of digestTimes) writer.f64(time);
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = constants;
  const packed = zstdCompressSync(writer.written(), {
    params: { [ZSTD_c_compressionLevel]: 1, [ZSTD_c_checksumFlag]: 1 },
  });
  freeBytes(writer.bytes);
  return packed;
}

/** Writes a device's epochs with their ranges, each number as the distance from the one before. */
export function writeEpochs(writer: ByteWriter, epochs: readonly DeviceEpoch[]): void {
  writer.varint(epochs.length);
  for (const { name, seen } of epochs) {
    writer.ascii(name);
    writer.varint(seen.length / 2);
    let before = 0;
    for (const seq of seen) {
      writer.varint(seq - before);
      before = seq;
    }
  }
}

/** Room for a usual page at once, which saves putting it together from pieces. */
const PAGE_CHUNK = 128 * 1024;

/** The inverse of {@link packPage}. */
export function unpackPage(page: number, bytes: Uint8Array): LoadedPage {
  const unpacked = zstdDecompressSync(bytes, { chunkSize: PAGE_CHUNK });
  const reader = new ByteReader(unpacked);
  const count = reader.varint();
  const ids: Uint8Array[] = [];
  for (let slot = 0; slot < count; slot++) ids.push(reader.raw(reader.u8()));
  const epochs: DeviceEpoch[][] = [];
  for (let slot = 0; slot < count; slot++) epochs.push(readEpochs(reader));
  const rows = new Float64Array(count * SYNC_STATE_LENGTH);
  // An older PiSync knew fewer fields; the last column is that of the digest times, whatever there is before.
  const fields = (unpacked.length - reader.at) / 8 / Math.max(1, count) - 1;
  for (let field = 0; field < fields; field++) {
    for (let slot = 0; slot < count; slot++) rows[slot * SYNC_STATE_LENGTH + field] = reader.f64();
  }
  const digestTimes = new Float64Array(count);
  for (let slot = 0; slot < count; slot++) digestTimes[slot] = reader.f64();
  return { page, rows, ids, epochs, digestTimes, bytes: unpacked };
}

function readEpochs(reader: ByteReader): DeviceEpoch[] {
  const epochs: DeviceEpoch[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.ascii();
    const seen: SeqSet = [];
    let before = 0;
    for (let numbers = reader.varint() * 2; numbers > 0; numbers--) {
      before += reader.varint();
      seen.push(before);
    }
    epochs.push({ name, seen });
  }
  return epochs;
}
