import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type ClockQuality, type Observation, PisyncError, syncStatus } from '@pisync/protocol';
import { tieOf } from '../../../../core/identity.ts';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { StoredSyncEvent } from '../../../../ports/store.ts';
import { ByteReader, ByteWriter } from '../../sealed/bytes.ts';

/*
 * A block of sealed history, version 1 (docs/spec/sqlite-format.md): rows sorted by device, then by history key, column
 * by column, in one zstd frame with a checksum.
 */

/** One row of sealed history: an event by its device's number. */
export interface BlockRow extends Omit<Observation, 'kind' | 'deviceId' | 'epoch'> {
  readonly device: number;
  readonly position: number;
  readonly epochIndex: number;
  readonly tie: number;
  /** True where the identity is a hash; then its 64 bits follow. */
  readonly hashed: boolean;
  readonly hashHigh: number;
  readonly hashLow: number;
}

/** A finished block and the place of its first row. */
export interface SealedBlock {
  readonly device: number;
  readonly timestamp: number;
  readonly data: Uint8Array;
}

const VERSION = 1;
/** Version and length before compression come before the frame. */
const HEAD_BYTES = 5;
/** No writer makes a block as large as this: a larger number is damage. */
const LARGEST_BLOCK = 64 * 1024 * 1024;
const SEQ = 1;
const DEVICE_TIME = 2;
const SENT_AT = 4;
const SPEED = 8;
const DURATION = 16;
const BYTES = 32;
const EVENT_ID = 64;
const METADATA = 128;
const HASH = 256;
const QUALITY_SHIFT = 9;

/** Columns by what they hold, in the order of the block: the places of the rows, then their payload. */
interface Columns<T> {
  readonly devices: T;
  readonly flags: T;
  readonly timestamps: T;
  readonly received: T;
  readonly deviceTimes: T;
  readonly sent: T;
  readonly epochs: T;
  readonly seqs: T;
  readonly positions: T;
  readonly files: T;
  readonly errors: T;
  readonly speeds: T;
  readonly durations: T;
  readonly bytes: T;
  readonly hashes: T;
  readonly texts: T;
}

const columnCount = 16;

function columnsOf<T>(next: () => T): Columns<T> {
  // Object literals are evaluated in order: the order above is the order in the block.
  return {
    devices: next(),
    flags: next(),
    timestamps: next(),
    received: next(),
    deviceTimes: next(),
    sent: next(),
    epochs: next(),
    seqs: next(),
    positions: next(),
    files: next(),
    errors: next(),
    speeds: next(),
    durations: next(),
    bytes: next(),
    hashes: next(),
    texts: next(),
  };
}

/** Collects rows in order and turns them into a block. */
export class BlockBuilder {
  readonly #columns = columnsOf(() => new ByteWriter(1024));
  readonly #ordered: readonly ByteWriter[] = Object.values(this.#columns);
  #rows = 0;
  #device = 0;
  #timestamp = 0;
  #position = 0;
  #seq = 0;
  /** Place of the first row. */
  firstDevice = 0;
  firstTimestamp = 0;

  get rows(): number {
    return this.#rows;
  }

  /** Bytes collected, before compression. */
  get size(): number {
    let sum = 0;
    for (const column of this.#ordered) sum += column.at;
    return sum;
  }

  add(row: BlockRow): void {
    const { devices, flags, timestamps, received, deviceTimes, sent, epochs, seqs } = this.#columns;
    if (this.#rows === 0) {
      this.firstDevice = row.device;
      this.firstTimestamp = row.timestamp;
    }
    this.#rows += 1;
    devices.signed(row.device - this.#device);
    flags.varint(flagsOf(row));
    timestamps.signed(row.timestamp - this.#timestamp);
    received.varint(row.receivedAt - row.timestamp);
    if (row.deviceTime !== null) deviceTimes.signed(row.deviceTime - row.timestamp);
    if (row.sentAt !== null) sent.signed(row.receivedAt - row.sentAt);
    epochs.varint(row.epochIndex);
    if (row.seq !== null) {
      seqs.signed(row.seq - this.#seq);
      this.#seq = row.seq;
    }
    this.#addPayload(row);
    this.#device = row.device;
    this.#timestamp = row.timestamp;
    this.#position = row.position;
  }

  #addPayload(row: BlockRow): void {
    const { positions, files, errors, speeds, durations, bytes, hashes, texts } = this.#columns;
    positions.signed(row.position - this.#position);
    files.varint(row.totalFilesSynced);
    errors.varint(row.totalErrors);
    if (row.internetSpeed !== null) writeDecimal(speeds, row.internetSpeed);
    if (row.syncDurationMs !== null) durations.varint(row.syncDurationMs);
    if (row.bytesSynced !== null) bytes.varint(row.bytesSynced);
    if (row.hashed) {
      hashes.reserve(8);
      hashes.u32(row.hashHigh);
      hashes.u32(row.hashLow);
    }
    if (row.eventId !== null) texts.text(row.eventId);
    if (row.metadata !== null) texts.text(row.metadata);
  }

  /** The block's bytes; the builder is empty afterwards. */
  finish(level: number): Buffer {
    const whole = new ByteWriter(this.size + columnCount * 5 + 16);
    whole.varint(this.#rows);
    for (const column of this.#ordered) {
      whole.varint(column.at);
      whole.raw(column.written());
      column.at = 0;
    }
    this.#rows = 0;
    this.#device = this.#timestamp = this.#position = this.#seq = 0;
    const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = constants;
    const size = whole.at;
    const frame = zstdCompressSync(whole.written(), {
      params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 },
    });
    const head = Buffer.alloc(HEAD_BYTES);
    head[0] = VERSION;
    head.writeUInt32LE(size, 1);
    return Buffer.concat([head, frame]);
  }
}

function flagsOf(row: BlockRow): number {
  return (
    (row.seq === null ? 0 : SEQ) |
    (row.deviceTime === null ? 0 : DEVICE_TIME) |
    (row.sentAt === null ? 0 : SENT_AT) |
    (row.internetSpeed === null ? 0 : SPEED) |
    (row.syncDurationMs === null ? 0 : DURATION) |
    (row.bytesSynced === null ? 0 : BYTES) |
    (row.eventId === null ? 0 : EVENT_ID) |
    (row.metadata === null ? 0 : METADATA) |
    (row.hashed ? HASH : 0) |
    (clockQualities.indexOf(row.clockQuality) << QUALITY_SHIFT)
  );
}

/** Decimal digits behind the point that {@link writeDecimal} tries. */
const scales = [1, 10, 100, 1000];

/** A non-negative double: a short decimal as an integer with its scale, anything else bit for bit. */
function writeDecimal(writer: ByteWriter, value: number): void {
  for (let scale = 0; scale < scales.length; scale++) {
    const digits = Math.round(value * (scales[scale] as number));
    if (digits < 2 ** 40 && digits / (scales[scale] as number) === value && !Object.is(value, -0)) {
      writer.varint(digits * 5 + scale);
      return;
    }
  }
  writer.varint(4);
  writer.reserve(8);
  writer.f64(value);
}

function readDecimal(reader: ByteReader): number {
  const code = reader.varint();
  const scale = code % 5;
  return scale === 4 ? reader.f64() : (code - scale) / 5 / (scales[scale] as number);
}

/**
 * Reads the rows of a block.
 *
 * @param device - only this device's rows; all where undefined
 * @throws {PisyncError} `store_damaged` if the bytes are no block of a known version or fail their checksum
 */
export function readBlock(block: Uint8Array, device?: number): BlockRow[] {
  try {
    if (block[0] !== VERSION) throw new RangeError(`block version ${block[0]}`);
    return readColumns(inflate(block), device);
  } catch (cause) {
    throw new PisyncError('store_damaged', {
      detail: `a block of history cannot be read: ${String(cause)}`,
      cause,
    });
  }
}

/** The length is known, so that the bytes need not be put together from pieces. */
function inflate(block: Uint8Array): Buffer {
  const length = Buffer.from(block.buffer, block.byteOffset, block.byteLength).readUInt32LE(1);
  if (length > LARGEST_BLOCK) throw new RangeError(`a block of ${length} bytes`);
  return zstdDecompressSync(block.subarray(HEAD_BYTES), { chunkSize: Math.max(64, length + 1) });
}

function readColumns(bytes: Buffer, wanted: number | undefined): BlockRow[] {
  const head = new ByteReader(bytes);
  const count = head.varint();
  const columns = columnsOf(() => {
    const length = head.varint();
    const column = new ByteReader(bytes, head.at);
    head.at += length;
    return column;
  });
  if (head.at !== bytes.length) throw new RangeError('column lengths do not add up');
  const rows: BlockRow[] = [];
  const at = { device: 0, timestamp: 0, position: 0, seq: 0 };
  for (let index = 0; index < count; index++) {
    const row = readRow(columns, at);
    if (wanted === undefined || row.device === wanted) rows.push(row);
    else if (row.device > wanted) break;
  }
  return rows;
}

interface RunningValues {
  device: number;
  timestamp: number;
  position: number;
  seq: number;
}

function readRow(columns: Columns<ByteReader>, at: RunningValues): BlockRow {
  const flags = columns.flags.varint();
  at.device += columns.devices.signed();
  at.timestamp += columns.timestamps.signed();
  at.position += columns.positions.signed();
  const counts = (flags & SEQ) !== 0;
  if (counts) at.seq += columns.seqs.signed();
  const receivedAt = at.timestamp + columns.received.varint();
  const hashed = (flags & HASH) !== 0;
  const hashHigh = hashed ? columns.hashes.u32() : 0;
  const hashLow = hashed ? columns.hashes.u32() : 0;
  return {
    device: at.device,
    position: at.position,
    timestamp: at.timestamp,
    receivedAt,
    clockQuality: clockQualities[flags >> QUALITY_SHIFT] as ClockQuality,
    deviceTime: (flags & DEVICE_TIME) === 0 ? null : at.timestamp + columns.deviceTimes.signed(),
    sentAt: (flags & SENT_AT) === 0 ? null : receivedAt - columns.sent.signed(),
    epochIndex: columns.epochs.varint(),
    seq: counts ? at.seq : null,
    tie: counts ? at.seq : hashed ? tieOf(hashHigh, hashLow) : at.position,
    totalFilesSynced: columns.files.varint(),
    totalErrors: columns.errors.varint(),
    internetSpeed: (flags & SPEED) === 0 ? null : readDecimal(columns.speeds),
    syncDurationMs: (flags & DURATION) === 0 ? null : columns.durations.varint(),
    bytesSynced: (flags & BYTES) === 0 ? null : columns.bytes.varint(),
    eventId: (flags & EVENT_ID) === 0 ? null : columns.texts.text(),
    metadata: (flags & METADATA) === 0 ? null : columns.texts.text(),
    hashed,
    hashHigh,
    hashLow,
  };
}

/** Oldest first within a device; devices by number. The order of rows in a block and of blocks in a run. */
export function compareRows(a: BlockRow, b: BlockRow): number {
  return a.device - b.device || a.timestamp - b.timestamp || a.epochIndex - b.epochIndex || a.tie - b.tie;
}

/** A row as the port tells it. */
export function toStoredEvent(row: BlockRow, deviceId: string, epoch: string | null): StoredSyncEvent {
  return {
    kind: 'sync_event',
    deviceId,
    epoch,
    seq: row.seq,
    eventId: row.eventId,
    deviceTime: row.deviceTime,
    sentAt: row.sentAt,
    totalFilesSynced: row.totalFilesSynced,
    totalErrors: row.totalErrors,
    internetSpeed: row.internetSpeed,
    syncDurationMs: row.syncDurationMs,
    bytesSynced: row.bytesSynced,
    metadata: row.metadata,
    receivedAt: row.receivedAt,
    timestamp: row.timestamp,
    clockQuality: row.clockQuality,
    position: row.position,
    epochIndex: row.epochIndex,
    status: syncStatus(row.totalFilesSynced, row.totalErrors),
  };
}
