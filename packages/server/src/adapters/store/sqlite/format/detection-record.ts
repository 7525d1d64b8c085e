import {
  type ClockQuality,
  type Detection,
  type DetectionType,
  detectionTypes,
  type ObservedDetection,
  type Position,
} from '@pisync/protocol';
import type { StoredDetection } from '../../../../core/detections/detection-columns.ts';
import { detectionIdentityHash, sameDetectionBody } from '../../../../core/detections/detection-identity.ts';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { ByteReader, ByteWriter } from '../../sealed/bytes.ts';
import type { TextMemo } from './text-memo.ts';

/*
 * A record of a detection: u32 length of the whole record, u32 flags, then the fields in the order of `writeDetection`. It
 * crosses from the HTTP thread to the writer, is appended to the log as it is, and is read again at start and when detections
 * are sealed. What says what was observed stands together at the end, so that two bodies are compared as bytes.
 */
const SEQ = 1;
const EVENT_ID = 2;
const SENT_AT = 4;
const HASH = 8;
const DEVICE_TIME = 0x10;
const POSITION = 0x20;
const CHANNEL = 0x40;
const FREQUENCY = 0x80;
const SIGNAL = 0x100;
const ALTITUDE = 0x200;
const ACCURACY = 0x400;
const HEADING = 0x800;
const SPEED = 0x1000;
const NAME = 0x2000;
const SECURITY = 0x4000;
const CAPABILITIES = 0x8000;
const METADATA = 0x10000;
const TYPE_SHIFT = 17;
const TYPE_MASK = 3;
const QUALITY_SHIFT = 19;
/** The flags that are part of the body, the type among them. */
const BODY_FLAGS = 0x7fff0;

/** Bytes of length and flags. */
const HEAD = 8;
/** Bytes of the numbers before and within the body, at most: what is reserved before they are written unchecked. */
const FIXED = 128;
/** Up to here a loop is faster than a call; its length takes one byte. */
const SHORT_TEXT = 64;

/** Appends one record. Ids are ASCII by the protocol's rules; texts are UTF-8; every number comes back bit for bit. */
export function writeDetection(writer: ByteWriter, detection: ObservedDetection): void {
  const start = writer.at;
  const hash = detectionIdentityHash(detection);
  const { deviceId, seq, eventId, sentAt } = detection;
  writer.reserve(FIXED + deviceId.length);
  writer.at = start + HEAD;
  id(writer, deviceId);
  writer.f64(detection.receivedAt);
  writer.f64(detection.timestamp);
  let flags =
    (detectionTypes.indexOf(detection.type) << TYPE_SHIFT) |
    (clockQualities.indexOf(detection.clockQuality) << QUALITY_SHIFT);
  if (seq !== null) {
    flags |= SEQ;
    id(writer, detection.epoch as string);
    writer.varint(seq);
  }
  writer.reserve(FIXED);
  if (hash !== null) {
    flags |= HASH;
    writer.u32(hash.high);
    writer.u32(hash.low);
  }
  if (sentAt !== null) flags |= optional(writer, SENT_AT, sentAt);
  if (eventId !== null) flags |= optionalText(writer, EVENT_ID, eventId);
  flags |= writeNumbers(writer, detection);
  flags |= writeTexts(writer, detection);
  const end = writer.at;
  writer.at = start;
  writer.u32(end - start);
  writer.u32(flags);
  writer.at = end;
}

function writeNumbers(writer: ByteWriter, detection: Detection): number {
  const { deviceTime, channel, frequencyMhz, signalDbm, position } = detection;
  writer.reserve(FIXED);
  let flags = 0;
  if (position !== null) {
    flags |= optional(writer, POSITION, position.lat);
    writer.f64(position.lon);
  }
  if (deviceTime !== null) flags |= optional(writer, DEVICE_TIME, deviceTime);
  if (channel !== null) flags |= optional(writer, CHANNEL, channel);
  if (frequencyMhz !== null) flags |= optional(writer, FREQUENCY, frequencyMhz);
  if (signalDbm !== null) flags |= optional(writer, SIGNAL, signalDbm);
  if (position === null) return flags;
  const { altitude, accuracy, heading, speed } = position;
  if (altitude !== null) flags |= optional(writer, ALTITUDE, altitude);
  if (accuracy !== null) flags |= optional(writer, ACCURACY, accuracy);
  if (heading !== null) flags |= optional(writer, HEADING, heading);
  if (speed !== null) flags |= optional(writer, SPEED, speed);
  return flags;
}

function writeTexts(writer: ByteWriter, detection: Detection): number {
  const { name, security, capabilities, metadata } = detection;
  let flags = optionalText(writer, 0, detection.identity);
  if (name !== null) flags |= optionalText(writer, NAME, name);
  if (security !== null) flags |= optionalText(writer, SECURITY, security);
  if (capabilities !== null) flags |= optionalText(writer, CAPABILITIES, capabilities);
  if (metadata !== null) flags |= optionalText(writer, METADATA, metadata);
  return flags;
}

function optional(writer: ByteWriter, flag: number, value: number): number {
  writer.f64(value);
  return flag;
}

function optionalText(writer: ByteWriter, flag: number, value: string): number {
  if (value.length > SHORT_TEXT || !ascii(writer, value)) writer.text(value);
  return flag;
}

function id(writer: ByteWriter, value: string): void {
  if (value.length > SHORT_TEXT || !ascii(writer, value)) writer.ascii(value);
}

/** Writes a short text with its length before it as one byte. False, and nothing written, where it is not ASCII. */
function ascii(writer: ByteWriter, value: string): boolean {
  writer.reserve(value.length + 1);
  const { bytes, at } = writer;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 0x7f) return false;
    bytes[at + 1 + index] = code;
  }
  bytes[at] = value.length;
  writer.at = at + 1 + value.length;
  return true;
}

/**
 * A record as the writer reads it, one instance reused for all: what identifies the detection at once, what it says only
 * where asked for. Everything is read where the record lies, so that a view is valid until these bytes change.
 */
export class DetectionView {
  /** Null where the device does not count. */
  seq: number | null = null;
  receivedAt = 0;
  /** Corrected time, epoch milliseconds. */
  timestamp = 0;
  /** True where the detection has an identity. */
  hashed = false;
  hashHigh = 0;
  hashLow = 0;
  /** The bytes that the record lies in, and where its device id and epoch lie there. */
  bytes: Buffer = Buffer.alloc(0);
  idAt = 0;
  idLength = 0;
  epochAt = 0;
  epochLength = 0;
  /** Set by the owner: the detection's place in the order of commits. */
  ordinal = 0;
  #reader: ByteReader | undefined;
  #flags = 0;
  #sentAt = 0;
  #bodyAt = 0;
  #end = 0;
  readonly #memo: TextMemo | undefined;

  /** @param memo - for one that makes whole detections of many records */
  constructor(memo?: TextMemo) {
    this.#memo = memo;
  }

  /**
   * Reads the record at `reader.at` and leaves `reader.at` behind it. The view keeps the reader, and moves it and puts it
   * back whenever it is asked for more.
   */
  read(reader: ByteReader): void {
    const start = reader.at;
    this.#end = start + reader.u32();
    if (this.#end < start + HEAD) throw new RangeError(`a record of ${this.#end - start} bytes`);
    const flags = reader.u32();
    this.#flags = flags;
    this.#reader = reader;
    this.bytes = reader.bytes;
    this.idLength = reader.u8();
    this.idAt = reader.at;
    reader.at += this.idLength;
    this.receivedAt = reader.f64();
    this.timestamp = reader.f64();
    this.seq = null;
    if ((flags & SEQ) !== 0) {
      this.epochLength = reader.u8();
      this.epochAt = reader.at;
      reader.at += this.epochLength;
      this.seq = reader.varint();
    }
    this.hashed = (flags & HASH) !== 0;
    if (this.hashed) {
      this.hashHigh = reader.u32();
      this.hashLow = reader.u32();
    }
    this.#sentAt = reader.at;
    if ((flags & SENT_AT) !== 0) reader.at += 8;
    if ((flags & EVENT_ID) !== 0) {
      const length = reader.varint();
      reader.at += length;
    }
    this.#bodyAt = reader.at;
    reader.at = this.#end;
  }

  get deviceId(): string {
    return this.#textAt(this.idAt, this.idLength);
  }

  get epoch(): string | null {
    if (this.seq === null) return null;
    return this.#textAt(this.epochAt, this.epochLength);
  }

  get eventId(): string | null {
    const behindSentAt = this.#sentAt + ((this.#flags & SENT_AT) !== 0 ? 8 : 0);
    return (this.#flags & EVENT_ID) === 0 ? null : this.#readAt(behindSentAt, (reader) => reader.text());
  }

  /** True where the detection is recognised by its whole body. */
  get byDigest(): boolean {
    return this.hashed && (this.#flags & (SEQ | EVENT_ID)) === 0;
  }

  /** The time that the device told, where the detection is recognised by its whole body; that is never without one. */
  get digestTime(): number | null {
    if (!this.byDigest) return null;
    return this.bytes.readDoubleLE(this.#bodyAt + ((this.#flags & POSITION) !== 0 ? 16 : 0));
  }

  /** Index into `detectionTypes`. */
  get typeIndex(): number {
    return (this.#flags >> TYPE_SHIFT) & TYPE_MASK;
  }

  /** Degrees; `NaN` where the detection has no position. */
  get lat(): number {
    return (this.#flags & POSITION) === 0 ? Number.NaN : this.bytes.readDoubleLE(this.#bodyAt);
  }

  get lon(): number {
    return (this.#flags & POSITION) === 0 ? Number.NaN : this.bytes.readDoubleLE(this.#bodyAt + 8);
  }

  /** dBm; `NaN` for none. */
  get signal(): number {
    const flags = this.#flags;
    if ((flags & SIGNAL) === 0) return Number.NaN;
    // The order in which a body is read, below.
    const before =
      ((flags & POSITION) !== 0 ? 2 : 0) +
      ((flags & DEVICE_TIME) !== 0 ? 1 : 0) +
      ((flags & CHANNEL) !== 0 ? 1 : 0) +
      ((flags & FREQUENCY) !== 0 ? 1 : 0);
    return this.bytes.readDoubleLE(this.#bodyAt + before * 8);
  }

  /** The detection as it was written. */
  toObserved(): ObservedDetection {
    return this.#readAt(this.#bodyAt, (reader) => this.#observed(reader));
  }

  #observed(reader: ByteReader): ObservedDetection {
    const flags = this.#flags;
    const lat = (flags & POSITION) !== 0 ? reader.f64() : 0;
    const lon = (flags & POSITION) !== 0 ? reader.f64() : 0;
    const deviceTime = (flags & DEVICE_TIME) !== 0 ? reader.f64() : null;
    const channel = (flags & CHANNEL) !== 0 ? reader.f64() : null;
    const frequencyMhz = (flags & FREQUENCY) !== 0 ? reader.f64() : null;
    const signalDbm = (flags & SIGNAL) !== 0 ? reader.f64() : null;
    const position = (flags & POSITION) !== 0 ? readPosition(reader, flags, lat, lon) : null;
    return {
      kind: 'detection',
      deviceId: this.deviceId,
      epoch: this.epoch,
      seq: this.seq,
      eventId: this.eventId,
      deviceTime,
      sentAt: (flags & SENT_AT) !== 0 ? this.bytes.readDoubleLE(this.#sentAt) : null,
      type: detectionTypes[(flags >> TYPE_SHIFT) & TYPE_MASK] as DetectionType,
      identity: this.#text(reader),
      name: (flags & NAME) !== 0 ? this.#text(reader) : null,
      security: (flags & SECURITY) !== 0 ? this.#text(reader) : null,
      channel,
      frequencyMhz,
      signalDbm,
      position,
      capabilities: (flags & CAPABILITIES) !== 0 ? this.#text(reader) : null,
      metadata: (flags & METADATA) !== 0 ? reader.text() : null,
      receivedAt: this.receivedAt,
      timestamp: this.timestamp,
      clockQuality: clockQualities[flags >> QUALITY_SHIFT] as ClockQuality,
    };
  }

  /** As {@link toObserved}, with its ordinal. */
  toStored(): StoredDetection {
    return Object.assign(this.toObserved(), { ordinal: this.ordinal });
  }

  #text(reader: ByteReader): string {
    const length = reader.varint();
    reader.at += length;
    return this.#textAt(reader.at - length, length);
  }

  /** Ids are ASCII, which is UTF-8. */
  #textAt(at: number, length: number): string {
    return this.#memo?.read(this.bytes, at, length) ?? this.bytes.toString('utf8', at, at + length);
  }

  /** True where the detection says the same as `other`, whoever sent them and however they are identified. */
  sameBody(other: Detection): boolean {
    return sameDetectionBody(this.toObserved(), other);
  }

  /** As {@link sameBody}, of a detection that lies as a record, too: mostly decided by its bytes. */
  sameBodyAs(other: DetectionView): boolean {
    const differs = ((this.#flags ^ other.#flags) & BODY_FLAGS) !== 0;
    if (differs) return false;
    const { bytes } = other;
    // Equal bodies have different bytes where one says 0 and the other -0.
    return (
      this.bytes.compare(bytes, other.#bodyAt, other.#end, this.#bodyAt, this.#end) === 0 ||
      this.sameBody(other.toObserved())
    );
  }

  #readAt<T>(at: number, read: (reader: ByteReader) => T): T {
    const reader = this.#reader as ByteReader;
    const back = reader.at;
    reader.at = at;
    const value = read(reader);
    reader.at = back;
    return value;
  }
}

function readPosition(reader: ByteReader, flags: number, lat: number, lon: number): Position {
  return {
    lat,
    lon,
    altitude: (flags & ALTITUDE) !== 0 ? reader.f64() : null,
    accuracy: (flags & ACCURACY) !== 0 ? reader.f64() : null,
    heading: (flags & HEADING) !== 0 ? reader.f64() : null,
    speed: (flags & SPEED) !== 0 ? reader.f64() : null,
  };
}
