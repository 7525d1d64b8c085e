import { type Detection, detectionTypes, type Position } from '@pisync/protocol';

/** What the first byte says: which kind of identity the rest is. */
const SEQ = 1;
const EVENT_ID = 2;
const DIGEST = 3;
/** Bytes of all that is no text. */
const FIXED = 128;
/** Up to here a loop is faster than a call. */
const SHORT_TEXT = 64;

/** Views of up to so many bytes are kept. */
const KEPT_VIEWS = 512;

/** Grows to the largest detection that has come. */
let bytes = Buffer.allocUnsafeSlow(8192);
let view = new DataView(bytes.buffer, bytes.byteOffset);
/** The first bytes, by how many: a view costs more than what it shows. */
let views: (Uint8Array | undefined)[] = [];

/**
 * The bytes whose equality is the identity of a detection with a `seq`.
 *
 * Texts stand with their UTF-8 length before them as four bytes, numbers as doubles, all little-endian. Sealed blocks hold the
 * hash of these bytes, so they may never change for detections that can be stored today; the same holds for
 * {@link eventIdBytes} and {@link digestBytes}.
 *
 * @returns a view that is valid until the next call of any function here
 */
export function seqBytes(deviceId: string, epoch: string, seq: number): Uint8Array {
  return written(number(text(start(SEQ, deviceId), epoch), seq));
}

/** As {@link seqBytes}, of a detection that the sender gave an id. */
export function eventIdBytes(deviceId: string, eventId: string): Uint8Array {
  return written(text(start(EVENT_ID, deviceId), eventId));
}

/**
 * As {@link seqBytes}, of a detection that is recognised by its body: equal bytes are equal bodies of one device. Of the bytes
 * of an absent field there is only its cleared bit. The two zeros are one number.
 */
export function digestBytes(detection: Detection): Uint8Array {
  const flagsAt = start(DIGEST, detection.deviceId);
  return written(texts(detection, numbers(detection, flagsAt), flagsAt));
}
/** Writes the numbers that there are behind the flags, which it sets. @returns the place behind them */
function numbers(detection: Detection, flagsAt: number): number {
  const { deviceTime, channel, frequencyMhz, signalDbm, position } = detection;
  let at = flagsAt + 3;
  let present = 0;
  if (deviceTime !== null) {
    present |= 1;
    at = number(at, deviceTime);
  }
  if (channel !== null) {
    present |= 2;
    at = number(at, channel);
  }
  if (frequencyMhz !== null) {
    present |= 4;
    at = number(at, frequencyMhz);
  }
  if (signalDbm !== null) {
    present |= 8;
    at = number(at, signalDbm);
  }
  view.setUint16(flagsAt, present, true);
  return position === null ? at : place(at, position, flagsAt);
}

/** As {@link numbers}, of the position. */
function place(from: number, position: Position, flagsAt: number): number {
  const { altitude, accuracy, heading, speed } = position;
  let at = number(number(from, position.lat), position.lon);
  let present = 16;
  if (altitude !== null) {
    present |= 32;
    at = number(at, altitude);
  }
  if (accuracy !== null) {
    present |= 64;
    at = number(at, accuracy);
  }
  if (heading !== null) {
    present |= 128;
    at = number(at, heading);
  }
  if (speed !== null) {
    present |= 256;
    at = number(at, speed);
  }
  view.setUint16(flagsAt, view.getUint16(flagsAt, true) | present, true);
  return at;
}

/** As {@link numbers}, of the texts and the type. */
function texts(detection: Detection, from: number, flagsAt: number): number {
  const { name, security, capabilities, metadata } = detection;
  let at = text(from, detection.identity);
  let present = view.getUint16(flagsAt, true);
  if (name !== null) {
    present |= 512;
    at = text(at, name);
  }
  if (security !== null) {
    present |= 1024;
    at = text(at, security);
  }
  if (capabilities !== null) {
    present |= 2048;
    at = text(at, capabilities);
  }
  if (metadata !== null) {
    present |= 4096;
    at = text(at, metadata);
  }
  view.setUint16(flagsAt, present, true);
  view.setUint8(flagsAt + 2, detectionTypes.indexOf(detection.type));
  return at;
}

/** The first bytes. */
function written(length: number): Uint8Array {
  if (length > KEPT_VIEWS) return bytes.subarray(0, length);
  let first = views[length];
  if (first === undefined) {
    first = bytes.subarray(0, length);
    views[length] = first;
  }
  return first;
}

function start(kind: number, deviceId: string): number {
  bytes[0] = kind;
  return text(1, deviceId);
}

function number(at: number, value: number): number {
  // The sum has no negative zero.
  view.setFloat64(at, value + 0, true);
  return at + 8;
}

function text(at: number, value: string): number {
  const begin = at + 4;
  reserve(begin, value.length * 3);
  const ascii = value.length <= SHORT_TEXT ? writeAscii(begin, value) : -1;
  const length = ascii >= 0 ? ascii : bytes.write(value, begin);
  view.setUint32(at, length, true);
  return begin + length;
}

/** @returns the length, or -1 where the text is not ASCII */
function writeAscii(begin: number, value: string): number {
  const into = bytes;
  const { length } = value;
  for (let index = 0; index < length; index++) {
    const code = value.charCodeAt(index);
    if (code > 0x7f) return -1;
    into[begin + index] = code;
  }
  return length;
}

/** Makes room for a text of so many bytes and for all fixed fields that may follow it. */
function reserve(at: number, more: number): void {
  if (at + more + FIXED <= bytes.length) return;
  const larger = Buffer.allocUnsafeSlow((at + more + FIXED) * 2);
  bytes.copy(larger, 0, 0, at);
  bytes = larger;
  views = [];
  view = new DataView(larger.buffer, larger.byteOffset);
}
