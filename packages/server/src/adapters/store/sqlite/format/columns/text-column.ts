import { type ByteReader, type ByteWriter, freeBytes } from '../../../sealed/bytes.ts';
import { MAX_BLOCK_POINTS } from '../../../sealed/points/point-columns.ts';
import { readNumbers, writeNumbers } from './number-column.ts';

/*
 * A column of texts: each different one once, in the order of first use, then which of them each row has. Addresses of radios, of
 * which a block has hundreds, are kept as six bytes.
 */

const COLON = 58;
const ADDRESS_LENGTH = 17;
const ADDRESS_BYTES = 6;
const DIGITS = '0123456789ABCDEF';

const codes = new Float64Array(MAX_BLOCK_POINTS);

/** Writes the first `count` of well-formed texts, as many as a column has at most; null for none. */
export function writeTexts(writer: ByteWriter, texts: readonly (string | null)[], count: number): void {
  const numbers = new Map<string, number>();
  for (let row = 0; row < count; row++) {
    const text = texts[row] as string | null;
    let code = text === null ? Number.NaN : numbers.get(text);
    if (code === undefined) {
      code = numbers.size;
      numbers.set(text as string, code);
    }
    codes[row] = code;
  }
  const different = [...numbers.keys()];
  writer.varint(different.length);
  if (different.length > 0) writeDifferent(writer, different);
  writeNumbers(writer, codes, count);
}

/** Lengths first, then all characters, then all addresses: bytes of a kind stand together. */
function writeDifferent(writer: ByteWriter, texts: readonly string[]): void {
  const plain: string[] = [];
  const addresses: string[] = [];
  for (const text of texts) {
    const address = isAddress(text);
    // One more than the length, since 0 says that it is an address.
    writer.varint(address ? 0 : text.length + 1);
    (address ? addresses : plain).push(text);
  }
  writer.text(plain.join(''));
  writer.reserve(addresses.length * ADDRESS_BYTES);
  for (let byte = 0; byte < ADDRESS_BYTES; byte++) {
    for (const address of addresses) {
      writer.u8((digitOf(address, byte * 3) << 4) | digitOf(address, byte * 3 + 1));
    }
  }
}

/** True for the one spelling that comes back: upper case, with colons. */
function isAddress(text: string): boolean {
  if (text.length !== ADDRESS_LENGTH) return false;
  for (let at = 0; at < ADDRESS_LENGTH; at++) {
    if (at % 3 === 2 ? text.charCodeAt(at) !== COLON : digitOf(text, at) < 0) return false;
  }
  return true;
}

/** The hexadecimal digit, negative where it is none in upper case. */
function digitOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 65 && code <= 70 ? code - 55 : -1;
}

/** Reads what {@link writeTexts} wrote of `count` rows. */
export function readTexts(reader: ByteReader, count: number): (string | null)[] {
  const different = readDifferent(reader);
  const numbers = readNumbers(reader, count);
  const texts: (string | null)[] = new Array(count);
  for (let row = 0; row < count; row++) texts[row] = different[numbers[row] as number] ?? null;
  freeBytes(numbers);
  return texts;
}

function readDifferent(reader: ByteReader): string[] {
  const count = reader.varint();
  if (count === 0) return [];
  if (count > reader.bytes.length) throw new RangeError(`${count} texts`);
  const lengths: number[] = [];
  let addresses = 0;
  for (let index = 0; index < count; index++) {
    const length = reader.varint();
    if (length === 0) addresses += 1;
    lengths.push(length);
  }
  const plain = reader.text();
  const spelled = readAddresses(reader.raw(addresses * ADDRESS_BYTES), addresses);
  let at = 0;
  let address = 0;
  return lengths.map((length) => {
    if (length === 0) {
      address += ADDRESS_LENGTH;
      return spelled.slice(address - ADDRESS_LENGTH, address);
    }
    at += length - 1;
    return plain.slice(at - length + 1, at);
  });
}

/** Spells all addresses, one behind the other: much faster than one by one. */
function readAddresses(planes: Uint8Array, count: number): string {
  const text = Buffer.allocUnsafeSlow(count * ADDRESS_LENGTH).fill(COLON);
  for (let byte = 0; byte < ADDRESS_BYTES; byte++) {
    for (let index = 0; index < count; index++) {
      const value = planes[byte * count + index] as number;
      const at = index * ADDRESS_LENGTH + byte * 3;
      text[at] = DIGITS.charCodeAt(value >> 4);
      text[at + 1] = DIGITS.charCodeAt(value & 15);
    }
  }
  const spelled = text.toString('latin1');
  freeBytes(text);
  return spelled;
}
