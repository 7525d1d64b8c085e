import { type Detection, detectionTypes } from '@pisync/protocol';

/** What the first byte says: which kind of identity the rest is. */
const SEQ = 1;
const EVENT_ID = 2;
const DIGEST = 3;
/** Bytes of all that is no text. */
const FIXED = 128;
/** Up to here a loop is faster than a call. */
const SHORT_TEXT = 64;

/** Grows to the largest detection that has come. */
let bytes = Buffer.allocUnsafeSlow(8192);
let view = new DataView(bytes.buffer, bytes.byteOffset);
let at = 0;

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
  start(SEQ, deviceId);
  text(epoch);
  number(seq);
  return bytes.subarray(0, at);
}

/** As {@link seqBytes}, of a detection that the sender gave an id. */
export function eventIdBytes(deviceId: string, eventId: string): Uint8Array {
  start(EVENT_ID, deviceId);
  text(eventId);
  return bytes.subarray(0, at);
}

/**
 * As {@link seqBytes}, of a detection that is recognised by its body: equal bytes are equal bodies of one device. Of the bytes
 * of an absent field there is only its cleared bit. The two zeros are one number.
 */
export function digestBytes(detection: Detection): Uint8Array {
  const { deviceTime, name, security, channel, frequencyMhz, signalDbm, position, capabilities, metadata } =
    detection;
  start(DIGEST, detection.deviceId);
  const flagsAt = at;
  at += 3;
  let present = 0;
  if (deviceTime !== null) present |= optional(1, deviceTime);
  if (channel !== null) present |= optional(2, channel);
  if (frequencyMhz !== null) present |= optional(4, frequencyMhz);
  if (signalDbm !== null) present |= optional(8, signalDbm);
  if (position !== null) {
    const { altitude, accuracy, heading, speed } = position;
    present |= optional(16, position.lat);
    number(position.lon);
    if (altitude !== null) present |= optional(32, altitude);
    if (accuracy !== null) present |= optional(64, accuracy);
    if (heading !== null) present |= optional(128, heading);
    if (speed !== null) present |= optional(256, speed);
  }
  text(detection.identity);
  if (name !== null) present |= optionalText(512, name);
  if (security !== null) present |= optionalText(1024, security);
  if (capabilities !== null) present |= optionalText(2048, capabilities);
  if (metadata !== null) present |= optionalText(4096, metadata);
  view.setUint16(flagsAt, present, true);
  view.setUint8(flagsAt + 2, detectionTypes.indexOf(detection.type));
  return bytes.subarray(0, at);
}

function start(kind: number, deviceId: string): void {
  at = 0;
  bytes[at++] = kind;
  text(deviceId);
}

function optional(flag: number, value: number): number {
  number(value);
  return flag;
}

function optionalText(flag: number, value: string): number {
  text(value);
  return flag;
}

function number(value: number): void {
  // The sum has no negative zero.
  view.setFloat64(at, value + 0, true);
  at += 8;
}

function text(value: string): void {
  reserve(value.length * 3);
  const begin = at + 4;
  const length = value.length <= SHORT_TEXT ? ascii(value, begin) : -1;
  at = begin + (length >= 0 ? length : bytes.write(value, begin));
  view.setUint32(begin - 4, at - begin, true);
}

/** @returns the length, or -1 where the text is not ASCII */
function ascii(value: string, begin: number): number {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 0x7f) return -1;
    bytes[begin + index] = code;
  }
  return value.length;
}

/** Makes room for a text of so many bytes and for all fixed fields that may follow it. */
function reserve(more: number): void {
  if (at + more + FIXED <= bytes.length) return;
  const larger = Buffer.allocUnsafeSlow((at + more + FIXED) * 2);
  bytes.copy(larger, 0, 0, at);
  bytes = larger;
  view = new DataView(larger.buffer, larger.byteOffset);
}
