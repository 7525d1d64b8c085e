import type { ClockQuality, Observation } from '@pisync/protocol';
import { type IdentityHash, identityHash, identityKind } from '../../../../core/identity.ts';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { ByteReader, ByteWriter } from '../../sealed/bytes.ts';

/*
 * A log record: u16 length of the whole record, u16 flags, then the fields below in order. It crosses from the HTTP
 * thread to the writer, is appended to the log as it is, and is read again at start and when history is sealed.
 */
const SEQ = 1;
const EVENT_ID = 2;
const DEVICE_TIME = 4;
const SENT_AT = 8;
const SPEED = 16;
const DURATION = 32;
const BYTES = 64;
const METADATA = 128;
const HASH = 256;
/** Not an observation: one more conflict of this device was refused. */
const CONFLICT = 512;
const QUALITY_SHIFT = 10;
const QUALITIES = 3;
/** Not an observation: the device was heard of by another kind of observation, or used numbers of its counter for one. */
const CONTACT = 4096;

/** Bytes of the shortest observation: a one-letter device, no optional field. */
export const SMALLEST_RECORD = 24;

/** Bytes of length and flags, and of the length of the id. */
const HEAD = 5;

/** Fixed parts of a record, at most: what {@link writeRecord} reserves before it writes them unchecked. */
const FIXED = 96;

/** Appends one record. Ids are ASCII by the protocol's rules; texts are UTF-8. */
export function writeRecord(writer: ByteWriter, event: Observation): void {
  const start = writer.at;
  const kind = identityKind(event);
  const hash: IdentityHash | null = kind === 'event_id' || kind === 'digest' ? identityHash(event) : null;
  writer.reserve(FIXED + event.deviceId.length);
  writer.at = start + 4;
  writer.ascii(event.deviceId);
  writer.f64(event.receivedAt);
  writer.f64(event.timestamp);
  if (event.seq !== null) {
    writer.ascii(event.epoch as string);
    writer.varint(event.seq);
  }
  if (hash !== null) {
    writer.u32(hash.high);
    writer.u32(hash.low);
  }
  writer.reserve(FIXED);
  if (event.deviceTime !== null) writer.f64(event.deviceTime);
  if (event.sentAt !== null) writer.f64(event.sentAt);
  writer.varint(event.totalFilesSynced);
  writer.varint(event.totalErrors);
  writer.reserve(FIXED);
  if (event.internetSpeed !== null) writer.f64(event.internetSpeed);
  if (event.syncDurationMs !== null) writer.varint(event.syncDurationMs);
  if (event.bytesSynced !== null) writer.varint(event.bytesSynced);
  if (event.eventId !== null) writer.text(event.eventId);
  if (event.metadata !== null) writer.text(event.metadata);
  finish(writer, start, flagsOf(event, hash !== null));
}

/** Appends the mark that a device sent another body under a known identity. */
export function writeConflict(writer: ByteWriter, deviceId: string): void {
  const start = writer.at;
  writer.reserve(FIXED + deviceId.length);
  writer.at = start + 4;
  writer.ascii(deviceId);
  finish(writer, start, CONFLICT);
}

/** Numbers of a counter that were used one after the other. */
export interface CounterRange {
  readonly epoch: string;
  readonly from: number;
  /** Inclusive. */
  to: number;
}

/** Appends the mark that a device was heard of without a sync. */
export function writeContact(
  writer: ByteWriter,
  deviceId: string,
  receivedAt: number,
  range: CounterRange | null,
): void {
  const start = writer.at;
  writer.reserve(FIXED + deviceId.length);
  writer.at = start + 4;
  writer.ascii(deviceId);
  writer.f64(receivedAt);
  if (range !== null) {
    writer.reserve(FIXED);
    writer.ascii(range.epoch);
    writer.varint(range.from);
    writer.varint(range.to - range.from);
  }
  finish(writer, start, CONTACT | (range === null ? 0 : SEQ));
}

function finish(writer: ByteWriter, start: number, flags: number): void {
  const end = writer.at;
  if (end - start > 0xffff) throw new TypeError(`a record of ${end - start} bytes passed validation`);
  writer.at = start;
  writer.u16(end - start);
  writer.u16(flags);
  writer.at = end;
}

function flagsOf(event: Observation, hashed: boolean): number {
  return (
    (event.seq === null ? 0 : SEQ) |
    (event.eventId === null ? 0 : EVENT_ID) |
    (event.deviceTime === null ? 0 : DEVICE_TIME) |
    (event.sentAt === null ? 0 : SENT_AT) |
    (event.internetSpeed === null ? 0 : SPEED) |
    (event.syncDurationMs === null ? 0 : DURATION) |
    (event.bytesSynced === null ? 0 : BYTES) |
    (event.metadata === null ? 0 : METADATA) |
    (hashed ? HASH : 0) |
    (clockQualities.indexOf(event.clockQuality) << QUALITY_SHIFT)
  );
}

/**
 * A record as the writer reads it, one instance reused for all: numbers at once, texts only where asked for. It has the
 * shape of an observation, so that the core's rules take it as it is.
 */
export class RecordView implements Observation {
  readonly kind = 'sync_event';
  seq: number | null = null;
  deviceTime: number | null = null;
  sentAt: number | null = null;
  totalFilesSynced = 0;
  totalErrors = 0;
  internetSpeed: number | null = null;
  syncDurationMs: number | null = null;
  bytesSynced: number | null = null;
  receivedAt = 0;
  timestamp = 0;
  clockQuality: ClockQuality = 'ok';
  /** True for the mark that {@link writeConflict} wrote; then only the id is set. */
  isConflict = false;
  /** True for the mark that {@link writeContact} wrote: id and `receivedAt` are set, and with `seq` its epoch and `lastSeq`. */
  isContact = false;
  lastSeq = 0;
  hashed = false;
  hashHigh = 0;
  hashLow = 0;
  /** The bytes that the record lies in, and where its device id and epoch lie there. */
  bytes: Buffer = Buffer.alloc(0);
  idAt = 0;
  idLength = 0;
  epochAt = 0;
  epochLength = 0;
  /** Set by the owner: the device's number, its place in the log, of `epoch` in its list, of the event in its instant. */
  device = -1;
  position = 0;
  epochIndex = 0;
  tie = 0;
  #reader: ByteReader | undefined;
  #textsAt = 0;
  #flags = 0;

  /** Reads the record at `reader.at` and leaves `reader.at` behind it. */
  read(reader: ByteReader): void {
    const start = reader.at;
    const end = start + reader.u16();
    if (end < start + HEAD) throw new RangeError(`a record of ${end - start} bytes`);
    const flags = reader.u16();
    this.#flags = flags;
    this.#reader = reader;
    this.isConflict = (flags & CONFLICT) !== 0;
    this.isContact = (flags & CONTACT) !== 0;
    this.bytes = reader.bytes;
    this.idLength = reader.u8();
    this.idAt = reader.at;
    reader.at += this.idLength;
    if (this.isContact) this.#readContact(reader, flags);
    else if (!this.isConflict) this.#readFields(reader, flags);
    reader.at = end;
  }

  /** True where the record is no observation. */
  get isMark(): boolean {
    return this.isConflict || this.isContact;
  }

  #readContact(reader: ByteReader, flags: number): void {
    this.receivedAt = reader.f64();
    this.seq = null;
    if ((flags & SEQ) === 0) return;
    this.#readEpoch(reader);
    this.lastSeq = (this.seq as unknown as number) + reader.varint();
  }

  #readEpoch(reader: ByteReader): void {
    this.epochLength = reader.u8();
    this.epochAt = reader.at;
    reader.at += this.epochLength;
    this.seq = reader.varint();
  }

  #readFields(reader: ByteReader, flags: number): void {
    this.receivedAt = reader.f64();
    this.timestamp = reader.f64();
    this.clockQuality = clockQualities[(flags >> QUALITY_SHIFT) & QUALITIES] as ClockQuality;
    this.seq = null;
    if ((flags & SEQ) !== 0) this.#readEpoch(reader);
    this.hashed = (flags & HASH) !== 0;
    if (this.hashed) {
      this.hashHigh = reader.u32();
      this.hashLow = reader.u32();
    }
    this.deviceTime = (flags & DEVICE_TIME) !== 0 ? reader.f64() : null;
    this.sentAt = (flags & SENT_AT) !== 0 ? reader.f64() : null;
    this.totalFilesSynced = reader.varint();
    this.totalErrors = reader.varint();
    this.internetSpeed = (flags & SPEED) !== 0 ? reader.f64() : null;
    this.syncDurationMs = (flags & DURATION) !== 0 ? reader.varint() : null;
    this.bytesSynced = (flags & BYTES) !== 0 ? reader.varint() : null;
    this.#textsAt = reader.at;
  }

  get deviceId(): string {
    return this.bytes.toString('latin1', this.idAt, this.idAt + this.idLength);
  }

  get epoch(): string | null {
    return this.seq === null
      ? null
      : this.bytes.toString('latin1', this.epochAt, this.epochAt + this.epochLength);
  }

  /** True where the event is recognised by its digest; `deviceTime` is set then. */
  get byDigest(): boolean {
    return this.hashed && (this.#flags & EVENT_ID) === 0;
  }

  get eventId(): string | null {
    if ((this.#flags & EVENT_ID) === 0) return null;
    return this.#text();
  }

  get metadata(): string | null {
    if ((this.#flags & METADATA) === 0) return null;
    return this.#text((this.#flags & EVENT_ID) !== 0);
  }

  #text(second = false): string {
    const reader = this.#reader as ByteReader;
    const back = reader.at;
    reader.at = this.#textsAt;
    if (second) reader.text();
    const text = reader.text();
    reader.at = back;
    return text;
  }
}
