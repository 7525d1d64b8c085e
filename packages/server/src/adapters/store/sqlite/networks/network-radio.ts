import { type DetectionType, detectionTypes, parseMacAddress } from '@pisync/protocol';
import type { NetworkKey } from '../../../../core/detections/networks/network.ts';

/**
 * Type and identity of a network as one value that is its key: small, for lookups by it go everywhere in a large index,
 * and sorted as networks are listed. A MAC address is a number, 2 ** 48 times the type's place in `detectionTypes` and
 * the address; anything else is the digit of that place and the identity as text, which SQLite sorts behind all numbers.
 */
export type Radio = number | string;

const ADDRESSES = 2 ** 48;
const BYTE = 256;

export function isWifi(radio: Radio): radio is number {
  return typeof radio === 'number' && radio < ADDRESSES;
}

/** True for the address of a Wi-Fi network that a device made up for itself; see `isLocalAddress`. */
export function isLocalRadio(radio: number): boolean {
  return Math.floor(radio / 2 ** 41) % 2 === 1;
}

export function radioOf(type: DetectionType, identity: string): Radio {
  const place = detectionTypes.indexOf(type);
  if (type === 'cellular' || parseMacAddress(identity) !== identity) return `${place}${identity}`;
  // Two halves, each within 32 bits: shifting is faster than parsing digit by digit.
  const high = (hexByte(identity, 0) << 16) | (hexByte(identity, 3) << 8) | hexByte(identity, 6);
  const low = (hexByte(identity, 9) << 16) | (hexByte(identity, 12) << 8) | hexByte(identity, 15);
  return place * ADDRESSES + high * BYTE ** 3 + low;
}

/** Two upper-case hexadecimal digits. */
function hexByte(text: string, at: number): number {
  return (hexDigit(text.charCodeAt(at)) << 4) | hexDigit(text.charCodeAt(at + 1));
}

function hexDigit(code: number): number {
  return code < 58 ? code - 48 : code - 55;
}

/** Place of a radio's type in `detectionTypes`. */
export function radioType(radio: Radio): number {
  return typeof radio === 'number' ? Math.floor(radio / ADDRESSES) : Number(radio[0]);
}

export function radioKey(radio: Radio): NetworkKey {
  const type = detectionTypes[radioType(radio)] as DetectionType;
  if (typeof radio === 'string') return { type, identity: radio.slice(1) };
  return { type, identity: lowerIdentity(radio).toUpperCase() };
}

const lowerHex = Array.from({ length: BYTE }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The identity in lower case, as {@link radioKey} tells it: for searches through all of them. */
export function lowerIdentity(radio: Radio): string {
  if (typeof radio === 'string') return radio.slice(1).toLowerCase();
  const high = Math.floor(radio / BYTE ** 3) & 0xff_ff_ff;
  const low = radio % BYTE ** 3;
  const [a, b, c] = [lowerHex[high >> 16], lowerHex[(high >> 8) & 255], lowerHex[high & 255]];
  return `${a}:${b}:${c}:${lowerHex[low >> 16]}:${lowerHex[(low >> 8) & 255]}:${lowerHex[low & 255]}`;
}

/** The order in which SQLite sorts radios, which is that of `compareNetworks`. */
export function compareRadios(a: Radio, b: Radio): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  if (typeof b === 'number') return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
