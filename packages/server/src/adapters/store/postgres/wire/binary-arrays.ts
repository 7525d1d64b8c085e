import { storableText } from '../connection/arrays.ts';
import { writeBigint } from './binary-bigint.ts';
import { writeMilliseconds } from './binary-time.ts';
import { NONE } from './copy-format.ts';

/*
 * Arrays in the binary form of PostgreSQL (array_send in arrayfuncs.c: dimensions, whether there are nulls, type of the
 * elements, length and lower bound; then length and bytes of each element). The driver sends buffers as they are. Numbers
 * arrive bit for bit, and neither side writes or reads a digit.
 */

const HEADER = 20;
const LENGTH = 4;

/** Numbers of types in `pg_type`. */
const oids = { bigint: 20, smallint: 21, text: 25, double: 701, time: 1184, uuid: 2950 } as const;

/** What writes an element of a fixed size. */
type Write<T> = (into: DataView, at: number, value: T) => void;

function fixedArray<T>(oid: number, size: number, values: readonly (T | null)[], write: Write<T>): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER + values.length * (LENGTH + size));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = writeHeader(bytes, oid, values.length);
  for (const value of values) {
    view.setInt32(at, value === null ? NONE : size);
    at += LENGTH;
    if (value === null) continue;
    write(view, at, value);
    at += size;
  }
  return bytes.subarray(0, at);
}

function writeHeader(bytes: Buffer, oid: number, count: number): number {
  bytes.writeInt32BE(1, 0);
  // Nulls may be among them.
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(oid, 8);
  bytes.writeInt32BE(count, 12);
  bytes.writeInt32BE(1, 16);
  return HEADER;
}

/** As `float8[]`. */
export function doubleArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(oids.double, 8, values, (into, at, value) => into.setFloat64(at, value));
}

/** As `bigint[]`, of whole numbers that a double holds exactly. */
export function bigintArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(oids.bigint, 8, values, writeBigint);
}

/** As `smallint[]`. */
export function smallintArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(oids.smallint, 2, values, (into, at, value) => into.setInt16(at, value));
}

/** As `timestamptz[]`, of epoch milliseconds. */
export function timeArray(values: readonly (number | null)[]): Buffer {
  return fixedArray(oids.time, 8, values, writeMilliseconds);
}

/** As `uuid[]`, of 16 bytes each. */
export function uuidArray(values: readonly Buffer[]): Buffer {
  return fixedArray(oids.uuid, 16, values, (into, at, value) => {
    into.setBigUint64(at, value.readBigUInt64BE());
    into.setBigUint64(at + 8, value.readBigUInt64BE(8));
  });
}

/** As `text[]`, each as {@link storableText} writes it. */
export function textArrayBytes(values: readonly (string | null)[]): Buffer {
  const texts = values.map((value) => (value === null ? null : storableText(value)));
  let room = HEADER + LENGTH * texts.length;
  for (const text of texts) if (text !== null) room += mostBytes(text);
  const bytes = Buffer.allocUnsafe(room);
  let at = writeHeader(bytes, oids.text, texts.length);
  for (const text of texts) {
    const length = text === null ? NONE : bytes.write(text, at + LENGTH);
    bytes.writeInt32BE(length, at);
    at += LENGTH + Math.max(0, length);
  }
  return bytes.subarray(0, at);
}

const SHORT = 256;

/** Bytes that a text takes at most; counted exactly only where that saves memory. */
function mostBytes(text: string): number {
  return text.length > SHORT ? Buffer.byteLength(text) : text.length * 3;
}
