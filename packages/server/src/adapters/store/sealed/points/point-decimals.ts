import type { ByteReader, ByteWriter } from '../bytes.ts';
import { MAX_BLOCK_POINTS, type Runs } from './point-columns.ts';
import { hasSmallSteps } from './point-shape.ts';

/*
 * Values as decimals: a run has the smallest s for which round(v · 10^s) / 10^s is v again, bit for bit. What that leaves
 * out, a few values of more digits and every -0, is listed by its place; a run with many of those is kept raw.
 */

const powers = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/** Scale of a raw run. */
const RAW = powers.length;
/** Up to here a run takes the digits that any of its values needs; beyond, only if more than a few need them. */
const USUAL_DIGITS = 6;
/** One value in so many may be left out. */
const EXCEPTION_SHARE = 32;
const LARGEST_INTEGER = Number.MAX_SAFE_INTEGER;

const zeros = new Int32Array(MAX_BLOCK_POINTS);
const exceptions = new Int32Array(MAX_BLOCK_POINTS);
const needs = new Int32Array(RAW + 1);
let zeroCount = 0;
let exceptionCount = 0;

/**
 * Scales the values of a block's runs to integers.
 *
 * @param scales - takes each run's scale
 * @param raw - takes 1 for each run of which the digits are the values themselves
 * @param digits - takes the integers
 */
export function toDigits(
  values: Float64Array,
  { count, starts }: Runs,
  scales: Uint8Array,
  raw: Uint8Array,
  digits: Float64Array,
): void {
  zeroCount = exceptionCount = 0;
  for (let run = 0; run < count; run++) {
    const from = starts[run] as number;
    const to = starts[run + 1] as number;
    const zerosBefore = zeroCount;
    const exceptionsBefore = exceptionCount;
    let scale = findScale(values, from, to);
    if (scale !== RAW) {
      scaleRun(values, from, to, powers[scale] as number, digits);
      const left = exceptionCount - exceptionsBefore;
      if (left > (to - from) / EXCEPTION_SHARE || !hasSmallSteps(digits, from, to)) scale = RAW;
    }
    if (scale === RAW) {
      zeroCount = zerosBefore;
      exceptionCount = exceptionsBefore;
      for (let index = from; index < to; index++) digits[index] = values[index] as number;
    }
    scales[run] = scale;
    raw[run] = scale === RAW ? 1 : 0;
  }
}

/** The scale that all values of the run need but a few; {@link RAW} where there is none. */
function findScale(values: Float64Array, from: number, to: number): number {
  const few = Math.floor((to - from) / EXCEPTION_SHARE);
  let scale = 0;
  let power = 1;
  let waiting = 0;
  for (let index = from; index < to; index++) {
    const value = values[index] as number;
    if (Math.round(value * power) / power === value) continue;
    const need = digitsOf(value, scale + 1);
    if (need > USUAL_DIGITS) {
      if (waiting === 0) needs.fill(0);
      needs[need]! += 1;
      if (++waiting <= few) continue;
      scale = mostNeeded(few >> 1);
      if (scale === RAW) return RAW;
    } else scale = need;
    power = powers[scale] as number;
    waiting = 0;
  }
  return scale;
}

/** The least scale that is enough for all that wait but `few`; more than that do wait. */
function mostNeeded(few: number): number {
  let scale = RAW;
  let left = needs[scale] as number;
  while (left <= few) {
    scale -= 1;
    left += needs[scale] as number;
  }
  return scale;
}

/** The least scale from `scale` on that gives the value back. */
function digitsOf(value: number, scale: number): number {
  for (let next = scale; next < RAW; next++) {
    const power = powers[next] as number;
    const digits = Math.round(value * power);
    if (Math.abs(digits) > LARGEST_INTEGER) break;
    if (digits / power === value) return next;
  }
  return RAW;
}

/** A value that is left out repeats the integer before it, which costs next to nothing. */
function scaleRun(values: Float64Array, from: number, to: number, power: number, digits: Float64Array): void {
  let before = 0;
  for (let index = from; index < to; index++) {
    const value = values[index] as number;
    const integer = Math.round(value * power);
    if (integer / power === value && integer <= LARGEST_INTEGER && integer >= -LARGEST_INTEGER) {
      // A -0 would be lost among integers anyway; as a sum with 0 none gets among them.
      before = integer + 0;
      if (before === 0 && Object.is(value, -0)) zeros[zeroCount++] = index;
    } else exceptions[exceptionCount++] = index;
    digits[index] = before;
  }
}

/** Writes what {@link toDigits} left out of the block: places of -0, then places and values of the others. */
export function writeExceptions(writer: ByteWriter, values: Float64Array): void {
  writePlaces(writer, zeros, zeroCount);
  writePlaces(writer, exceptions, exceptionCount);
  writer.reserve(8 * exceptionCount);
  for (let index = 0; index < exceptionCount; index++) {
    writer.f64(values[exceptions[index] as number] as number);
  }
}

function writePlaces(writer: ByteWriter, places: Int32Array, count: number): void {
  writer.varint(count);
  let before = 0;
  for (let index = 0; index < count; index++) {
    const place = places[index] as number;
    writer.varint(place - before);
    before = place;
  }
}

/** Turns integers into the values that they stand for. */
export function fromDigits(digits: Float64Array, from: number, to: number, scale: number): void {
  if (scale === 0 || scale === RAW) return;
  const power = powers[scale];
  if (power === undefined) throw new RangeError(`scale ${scale}`);
  for (let index = from; index < to; index++) digits[index] = (digits[index] as number) / power;
}

/** True for the scale of a run whose values are kept as they are. */
export function isRaw(scale: number): boolean {
  return scale === RAW;
}

/** Puts back what was left out among the points `from` to `to`, whose values lie in `values` from its start. */
export function readExceptions(reader: ByteReader, values: Float64Array, from: number, to: number): void {
  const minusZeros = readPlaces(reader);
  const places = readPlaces(reader);
  for (const place of minusZeros) if (place >= from && place < to) values[place - from] = -0;
  for (const place of places) {
    const value = reader.f64();
    if (place >= from && place < to) values[place - from] = value;
  }
}

function readPlaces(reader: ByteReader): readonly number[] {
  const count = reader.varint();
  if (count > MAX_BLOCK_POINTS) throw new RangeError(`${count} exceptions`);
  const places: number[] = [];
  let place = 0;
  for (let index = 0; index < count; index++) {
    place += reader.varint();
    places.push(place);
  }
  return places;
}
