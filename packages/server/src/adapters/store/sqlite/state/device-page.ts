import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { SeqSet } from '../../../../core/seq-set.ts';
import { SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import { ByteReader, ByteWriter } from '../format/bytes.ts';

/** One epoch of a device's outbox. Its place in the device's list, from 1, is the epoch index. */
export interface DeviceEpoch {
  readonly name: string;
  readonly seen: SeqSet;
}

/** A page of the device table outside of it. */
export interface PageImage {
  readonly page: number;
  readonly rows: Float64Array;
  readonly ids: string[];
  readonly epochs: DeviceEpoch[][];
}

/**
 * A page as it is stored: count, ids, epochs with their ranges, then the rows field by field, since the values of one
 * field are alike; all in one zstd frame with a checksum.
 */
export function packPage(image: PageImage): Buffer {
  const count = image.ids.length;
  const writer = new ByteWriter(count * (SYNC_STATE_LENGTH * 8 + 32) + 64);
  writer.varint(count);
  for (const id of image.ids) writer.ascii(id);
  for (const epochs of image.epochs) writeEpochs(writer, epochs);
  writer.reserve(count * SYNC_STATE_LENGTH * 8);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    for (let slot = 0; slot < count; slot++)
      writer.f64(image.rows[slot * SYNC_STATE_LENGTH + field] as number);
  }
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = constants;
  return zstdCompressSync(writer.written(), {
    params: { [ZSTD_c_compressionLevel]: 1, [ZSTD_c_checksumFlag]: 1 },
  });
}

function writeEpochs(writer: ByteWriter, epochs: readonly DeviceEpoch[]): void {
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

/** The inverse of {@link packPage}. */
export function unpackPage(page: number, bytes: Uint8Array): PageImage {
  const reader = new ByteReader(zstdDecompressSync(bytes));
  const count = reader.varint();
  const ids: string[] = [];
  for (let slot = 0; slot < count; slot++) ids.push(reader.ascii());
  const epochs: DeviceEpoch[][] = [];
  for (let slot = 0; slot < count; slot++) epochs.push(readEpochs(reader));
  const rows = new Float64Array(count * SYNC_STATE_LENGTH);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    for (let slot = 0; slot < count; slot++) rows[slot * SYNC_STATE_LENGTH + field] = reader.f64();
  }
  return { page, rows, ids, epochs };
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
