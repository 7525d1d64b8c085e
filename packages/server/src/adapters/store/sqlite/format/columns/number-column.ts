import { type ByteReader, type ByteWriter, freeBytes } from '../../../sealed/bytes.ts';
import { MAX_BLOCK_POINTS, type Runs } from '../../../sealed/points/point-columns.ts';
import {
  fromDigits,
  isRaw,
  readExceptions,
  toDigits,
  writeExceptions,
} from '../../../sealed/points/point-decimals.ts';
import { readStream, writeStream } from '../../../sealed/points/point-stream.ts';

/*
 * A column of numbers: what is there, then its numbers as one run of points is kept (docs/spec/sqlite-format.md): decimals as
 * integers of small differences, anything else bit for bit.
 */

/** What of a column is there. */
const ALL = 0;
const NONE = 1;
const SOME = 2;
/** All are one and the same. */
const SAME = 3;

const present = new Float64Array(MAX_BLOCK_POINTS);
const digits = new Float64Array(MAX_BLOCK_POINTS);
/** What is written in the place of numbers. */
const scratch = new Float64Array(MAX_BLOCK_POINTS);
const scales = new Uint8Array(1);
const raw = new Uint8Array(1);

function oneRun(count: number): Runs {
  return { count: 1, starts: Int32Array.of(0, count) };
}

/**
 * Writes the first `count` numbers, at most {@link MAX_BLOCK_POINTS}. Every double survives bit for bit, -0 included; a `NaN` stands
 * for none.
 */
export function writeNumbers(writer: ByteWriter, values: Float64Array, count: number): void {
  if (isConstant(values, count)) {
    writer.reserve(9);
    writer.u8(SAME);
    writer.f64(values[0] as number);
    return;
  }
  let there = 0;
  for (let row = 0; row < count; row++) {
    const value = values[row] as number;
    if (!Number.isNaN(value)) present[there++] = value;
  }
  writer.reserve(2 + ((count + 7) >> 3));
  writer.u8(there === count ? ALL : there === 0 ? NONE : SOME);
  if (there > 0 && there < count) writeBitmap(writer, values, count);
  if (there === 0) return;
  const run = oneRun(there);
  toDigits(present, run, scales, raw, digits);
  writer.reserve(1);
  writer.u8(scales[0] as number);
  writeStream(writer, digits, run, raw);
  writeExceptions(writer, present);
}

/** True where all numbers are the same double; false for none at all. */
function isConstant(values: Float64Array, count: number): boolean {
  const first = values[0] as number;
  for (let row = 1; row < count; row++) if (!Object.is(values[row], first)) return false;
  return count > 0 && !Number.isNaN(first);
}

function writeBitmap(writer: ByteWriter, values: Float64Array, count: number): void {
  for (let row = 0; row < count; row += 8) {
    let bits = 0;
    for (let bit = 0; bit < 8 && row + bit < count; bit++) {
      if (!Number.isNaN(values[row + bit] as number)) bits |= 1 << bit;
    }
    writer.u8(bits);
  }
}

/** Reads what {@link writeNumbers} wrote of `count` numbers. */
export function readNumbers(reader: ByteReader, count: number): Float64Array {
  const out = new Float64Array(count);
  const kind = reader.u8();
  if (kind === ALL) readPresent(reader, count, out);
  else if (kind === NONE) out.fill(Number.NaN);
  else if (kind === SOME) readSome(reader, count, out);
  else if (kind === SAME) out.fill(reader.f64());
  else throw new RangeError(`a column of kind ${kind}`);
  return out;
}

function readSome(reader: ByteReader, count: number, out: Float64Array): void {
  const bitmap = reader.raw((count + 7) >> 3);
  let there = 0;
  for (let row = 0; row < count; row++) there += ((bitmap[row >> 3] as number) >> (row & 7)) & 1;
  const values = new Float64Array(there);
  readPresent(reader, there, values);
  let at = 0;
  for (let row = 0; row < count; row++) {
    const isThere = ((bitmap[row >> 3] as number) >> (row & 7)) & 1;
    out[row] = isThere === 1 ? (values[at++] as number) : Number.NaN;
  }
  freeBytes(values);
}

function readPresent(reader: ByteReader, count: number, out: Float64Array): void {
  if (count === 0) return;
  const run = oneRun(count);
  const scale = reader.u8();
  raw[0] = isRaw(scale) ? 1 : 0;
  readStream(reader, run, raw, 0, 1, out);
  fromDigits(out, 0, count, scale);
  readExceptions(reader, out, 0, count);
}

/**
 * Writes numbers of which each mostly differs from its neighbour in `base` as the one before did; or by themselves, where they change
 * less often than that difference.
 *
 * @param base - numbers that are read before these
 */
export function writeRelative(
  writer: ByteWriter,
  values: Float64Array,
  base: Float64Array,
  count: number,
): void {
  const differences = scratch;
  let changes = 0;
  let differing = 0;
  let exact = true;
  for (let row = 0; row < count; row++) {
    const value = values[row] as number;
    const from = base[row] as number;
    const difference = value - from;
    differences[row] = difference;
    exact &&= Number.isNaN(value) || Object.is(from + difference, value);
    if (row === 0) continue;
    if (value !== values[row - 1]) changes += 1;
    if (difference !== differences[row - 1]) differing += 1;
  }
  const relative = exact && differing < changes;
  writer.reserve(1);
  writer.u8(relative ? 1 : 0);
  writeNumbers(writer, relative ? differences : values, count);
}

/** Reads what {@link writeRelative} wrote. */
export function readRelative(reader: ByteReader, base: Float64Array, count: number): Float64Array {
  const relative = reader.u8() === 1;
  const out = readNumbers(reader, count);
  if (relative) for (let row = 0; row < count; row++) out[row]! += base[row] as number;
  return out;
}

/**
 * Writes places in a table whose entries stand in the order of their first use: each as the distance to the place that a new entry
 * would have, for what was used lately is used again.
 */
export function writeCodes(writer: ByteWriter, codes: Uint32Array, count: number): void {
  const distances = scratch;
  let next = 0;
  for (let row = 0; row < count; row++) {
    const code = codes[row] as number;
    if (code > next) throw new RangeError(`code ${code} where the next new one is ${next}`);
    distances[row] = next - code;
    if (code === next) next += 1;
  }
  writeNumbers(writer, distances, count);
}

/** Reads what {@link writeCodes} wrote. */
export function readCodes(reader: ByteReader, count: number): Uint32Array {
  const distances = readNumbers(reader, count);
  const codes = new Uint32Array(count);
  let next = 0;
  for (let row = 0; row < count; row++) {
    const distance = distances[row] as number;
    codes[row] = next - distance;
    if (distance === 0) next += 1;
  }
  freeBytes(distances);
  return codes;
}
