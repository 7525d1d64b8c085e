import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { PisyncError } from '@pisync/protocol';
import { ByteReader, freeBytes } from '../../sealed/bytes.ts';
import { BlockBuilder, type BlockRow, compareRows, type SealedBlock } from '../format/block.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import { RecordView } from '../format/record.ts';
import type { FinishedRun } from '../state/engine.ts';
import { mergeSorted, type Run, runRows } from '../state/sealed-history.ts';
import { countingSort } from './counting-sort.ts';

/** A block is finished at so many rows or bytes, whichever is first: small enough to read one for a page of history. */
const BLOCK_ROWS = 256;
const BLOCK_BYTES = 65_536;
/** Blocks handed over at once. */
const SLICE_BLOCKS = 64;
const MERGED_LEVEL = 3;
/** What is merged again soon is compressed for speed. */
const SEALED_LEVEL = 1;

/** What of the tail a run is made of; the arrays are in log order. */
export interface SealOrder {
  readonly run: number;
  /** Log rows after `afterChunk` up to `lastChunk`. */
  readonly afterChunk: number;
  readonly lastChunk: number;
  readonly firstPosition: number;
  readonly devices: Int32Array;
  readonly epochs: Int32Array;
  readonly ties: Float64Array;
}

export interface MergeOrder {
  readonly run: number;
  readonly level: number;
  readonly runs: readonly Run[];
}

/** Some finished blocks; `finished` is set with the last ones. */
export interface Slice {
  readonly blocks: SealedBlock[];
  readonly finished: FinishedRun | null;
}

/** Sorts a stretch of the log into a run of the lowest level. */
export function* seal(db: DatabaseSync, order: SealOrder): Generator<Slice, void> {
  const stretch = readStretch(db, order);
  const rows = sortedRows(stretch, order);
  yield* buildRun(rows, { run: order.run, level: 0, identities: stretch.identities });
  freeBytes(stretch.bytes, stretch.offsets, stretch.timestamps, order.devices, order.epochs, order.ties);
}

/** Merges runs into one of a higher level. */
export function* merge(db: DatabaseSync, order: MergeOrder): Generator<Slice, void> {
  const sources = order.runs.map((run) => runRows(db, run.id));
  const identities = order.runs.reduce((sum, run) => sum + run.identities, 0);
  yield* buildRun(mergeSorted(sources, compareRows), { run: order.run, level: order.level, identities });
}

interface Stretch {
  readonly bytes: Buffer;
  readonly offsets: Uint32Array;
  readonly timestamps: Float64Array;
  readonly identities: number;
}

function readStretch(db: DatabaseSync, order: SealOrder): Stretch {
  const bytes = readLog(db, order);
  const count = order.devices.length;
  const offsets = new Uint32Array(count);
  const timestamps = new Float64Array(count);
  const reader = new ByteReader(bytes);
  const view = new RecordView();
  let identities = 0;
  let at = 0;
  while (reader.at < bytes.length) {
    const offset = reader.at;
    view.read(reader);
    if (view.isMark) continue;
    offsets[at] = offset;
    timestamps[at] = view.timestamp;
    if (view.hashed) identities += 1;
    at += 1;
  }
  if (at !== count) throw new TypeError(`${at} records in the log where ${count} were announced`);
  return { bytes, offsets, timestamps, identities };
}

/** The records of the stretch one behind the other; row by row, so that they are in memory once. */
function readLog(db: DatabaseSync, { afterChunk, lastChunk }: SealOrder): Buffer {
  const sized = db.prepare('SELECT sum(length(data)) AS bytes FROM log WHERE chunk > ? AND chunk <= ?');
  const { bytes: size } = sized.get(afterChunk, lastChunk) as { bytes: number };
  const bytes = Buffer.allocUnsafeSlow(size);
  const rows = db.prepare('SELECT crc, data FROM log WHERE chunk > ? AND chunk <= ? ORDER BY chunk');
  let at = 0;
  for (const row of rows.iterate(afterChunk, lastChunk) as Iterable<unknown>) {
    const { crc, data } = row as { crc: number; data: Uint8Array };
    if (crc32(data) !== crc)
      throw new PisyncError('store_damaged', { detail: 'a row of the log fails its checksum' });
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/** Groups by device with a counting sort, then sorts each device's few by history key. */
function* sortedRows(stretch: Stretch, order: SealOrder): Generator<BlockRow, void> {
  const { devices, epochs, ties } = order;
  const { timestamps } = stretch;
  const byDevice = countingSort(devices);
  const reader = new ByteReader(stretch.bytes);
  const view = new RecordView();
  const compare = (a: number, b: number): number =>
    (timestamps[a] as number) - (timestamps[b] as number) ||
    (epochs[a] as number) - (epochs[b] as number) ||
    (ties[a] as number) - (ties[b] as number);
  for (let from = 0; from < byDevice.length; ) {
    const device = devices[byDevice[from] as number] as number;
    let to = from + 1;
    while (to < byDevice.length && devices[byDevice[to] as number] === device) to += 1;
    if (to - from > 1) byDevice.subarray(from, to).sort(compare);
    for (; from < to; from++) {
      const at = byDevice[from] as number;
      reader.at = stretch.offsets[at] as number;
      view.read(reader);
      view.device = device;
      view.position = order.firstPosition + at;
      view.epochIndex = epochs[at] as number;
      view.tie = ties[at] as number;
      yield view;
    }
  }
}

interface Building {
  readonly run: number;
  readonly level: number;
  readonly identities: number;
}

/**
 * Turns sorted rows into the blocks of a run.
 *
 * @param building - how many of the rows have a hash as identity, at least
 */
export function* buildRun(
  rows: Iterable<BlockRow>,
  { run, level, identities }: Building,
): Generator<Slice, void> {
  const builder = new BlockBuilder();
  const filter = identities > 0 ? IdentityFilter.for(identities) : null;
  let events = 0;
  let bytes = 0;
  let minTimestamp = Number.MAX_SAFE_INTEGER;
  let maxTimestamp = Number.MIN_SAFE_INTEGER;
  let blocks: SealedBlock[] = [];
  const finishBlock = (): void => {
    const { firstDevice: device, firstTimestamp: timestamp } = builder;
    const data = builder.finish(level === 0 ? SEALED_LEVEL : MERGED_LEVEL);
    bytes += data.length;
    blocks.push({ device, timestamp, data });
  };
  for (const row of rows) {
    builder.add(row);
    events += 1;
    if (row.timestamp < minTimestamp) minTimestamp = row.timestamp;
    if (row.timestamp > maxTimestamp) maxTimestamp = row.timestamp;
    if (row.hashed) filter?.add(row.hashHigh, row.hashLow);
    if (builder.rows < BLOCK_ROWS && ((builder.rows & 15) !== 0 || builder.size < BLOCK_BYTES)) continue;
    finishBlock();
    if (blocks.length < SLICE_BLOCKS) continue;
    yield { blocks, finished: null };
    blocks = [];
  }
  if (builder.rows > 0) finishBlock();
  const kept = filter?.bytes ?? null;
  const finished = { run, level, events, bytes, minTimestamp, maxTimestamp, identities, filter: kept };
  yield { blocks, finished };
}
