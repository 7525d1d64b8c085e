import type { ByteReader, ByteWriter } from '../bytes.ts';
import { viewPackedPlanes } from './packed-planes.ts';
import { MAX_BLOCK_POINTS, type Runs } from './point-columns.ts';
import {
  highWord,
  lowWord,
  type PlanePlace,
  type PlaneView,
  readSigned,
  viewPlanes,
  WordPlanes,
} from './point-planes.ts';
import { findShape, fold, hasSmallSteps, type Shape, unfold } from './point-shape.ts';
import { unfoldBytes } from './unfold-bytes.ts';

/*
 * A column of numbers of a block: the first of each run, the shapes, then what is kept of all others as planes. Runs that are
 * long have a shape of their own; all short ones share one, since three points do not pay for it.
 * Raw runs hold any doubles: their first one as it is, the others as the difference in bits (XOR) to the one before.
 */

/** Points from which on a run has a shape of its own. */
const LONG_RUN = 32;
const PLAIN_FIRSTS = 3;

/** Whether the upper half of a double is the second one in memory. */
const UPPER = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

const planes = new WordPlanes();
const kept = new Float64Array(MAX_BLOCK_POINTS);
const firsts = new Float64Array(MAX_BLOCK_POINTS);

/**
 * Writes the numbers of all runs.
 *
 * @param values - safe integers with small steps in each run that is not raw
 * @param raw - 1 for each run of any doubles
 * @param places - takes where planes lie
 */
export function writeStream(
  writer: ByteWriter,
  values: Float64Array,
  runs: Runs,
  raw: Uint8Array,
  places?: PlanePlace[],
): void {
  const { count, starts } = runs;
  for (let run = 0; run < count; run++) {
    firsts[run] = raw[run] === 1 ? (firsts[run - 1] ?? 0) : (values[starts[run] as number] as number);
  }
  writeFirsts(writer, count, places);
  for (let run = 0; run < count; run++) {
    if (raw[run] !== 1) continue;
    writer.reserve(8);
    writer.f64(values[starts[run] as number] as number);
  }
  const shapes = writeShapes(writer, values, runs, raw);
  for (let run = 0; run < count; run++) {
    const from = starts[run] as number;
    const to = starts[run + 1] as number;
    if (raw[run] === 1) addBits(values, from, to);
    else {
      fold(values, from, to, shapes[run] as Shape, kept);
      planes.addSigned(kept, 0, to - from - 1);
    }
  }
  planes.finish(writer, places);
}

function writeFirsts(writer: ByteWriter, count: number, places: PlanePlace[] | undefined): void {
  if (count === 1) {
    writer.signed(firsts[0] as number);
    return;
  }
  writer.reserve(1 + 8 * count);
  if (!hasSmallSteps(firsts, 0, count)) {
    writer.u8(PLAIN_FIRSTS);
    for (let run = 0; run < count; run++) writer.f64(firsts[run] as number);
    return;
  }
  const shape = findShape(firsts, { count: 1, starts: Int32Array.of(0, count) }, [0]);
  writeShape(writer, shape);
  writer.signed(firsts[0] as number);
  fold(firsts, 0, count, shape, kept);
  planes.addSigned(kept, 0, count - 1);
  planes.finish(writer, places);
}

/** Finds and writes the shape of each run: first the shared one, if any run uses it. */
function writeShapes(writer: ByteWriter, values: Float64Array, runs: Runs, raw: Uint8Array): Shape[] {
  const { short, long } = shapedRuns(runs, raw);
  const shared = short.length === 0 ? anyShape : findShape(values, runs, short);
  if (short.length > 0) writeShape(writer, shared);
  const shapes: Shape[] = new Array(runs.count).fill(shared);
  for (const run of long) {
    const shape = findShape(values, runs, [run]);
    shapes[run] = shape;
    writeShape(writer, shape);
  }
  return shapes;
}

/** For runs of one point, of which nothing is kept but the first. */
const anyShape: Shape = { order: 1, divisor: 1, center: 0 };

/** The runs that have a shape: the short ones share it, each long one has its own. */
function shapedRuns({ count, starts }: Runs, raw: Uint8Array): { short: number[]; long: number[] } {
  const short: number[] = [];
  const long: number[] = [];
  for (let run = 0; run < count; run++) {
    const length = (starts[run + 1] as number) - (starts[run] as number);
    if (length > 1 && raw[run] !== 1) (length < LONG_RUN ? short : long).push(run);
  }
  return { short, long };
}

function writeShape(writer: ByteWriter, shape: Shape): void {
  writer.varint(shape.order);
  writer.varint(shape.divisor);
  writer.signed(shape.center);
}

const bitsSpace = new DataView(new ArrayBuffer(8));

function addBits(values: Float64Array, from: number, to: number): void {
  bitsSpace.setFloat64(0, values[from] as number);
  let high = bitsSpace.getUint32(0);
  let low = bitsSpace.getUint32(4);
  for (let index = from + 1; index < to; index++) {
    bitsSpace.setFloat64(0, values[index] as number);
    const nextHigh = bitsSpace.getUint32(0);
    const nextLow = bitsSpace.getUint32(4);
    planes.addWord(low ^ nextLow, high ^ nextHigh);
    high = nextHigh;
    low = nextLow;
  }
}

/**
 * Reads the numbers of the runs `from` to `to` into `out` from its start. The reader ends behind the column.
 *
 * @param raw - as it was when the column was written
 * @param packed - whether the planes are
 */
export function readStream(
  reader: ByteReader,
  runs: Runs,
  raw: Uint8Array,
  from: number,
  to: number,
  out: Float64Array,
  packed = false,
): void {
  const { count, starts } = runs;
  readFirsts(reader, count, to, packed);
  for (let run = 0; run < count; run++) if (raw[run] === 1) firsts[run] = reader.f64();
  const shapes = readShapes(reader, runs, raw);
  const planed = (starts[count] as number) - count;
  const view = packed ? viewPackedPlanes(reader, planed) : viewPlanes(reader, planed);
  const first = starts[from] as number;
  const skipped = first - from;
  const narrow = view.width <= 1;
  // Words of raw runs mean nothing as integers, but cost time.
  if (!narrow && raw.subarray(from, to).includes(0)) {
    readSigned(view, skipped, (starts[to] as number) - to, kept);
  }
  for (let run = from; run < to; run++) {
    const start = starts[run] as number;
    const length = (starts[run + 1] as number) - start;
    const place = start - first;
    if (raw[run] === 1) readBits(view, start - run, length, firsts[run] as number, out, place);
    else if (narrow)
      unfoldBytes(view, start - run, length, shapes[run] as Shape, firsts[run] as number, out, place);
    else {
      const shape = shapes[run] as Shape;
      unfold(kept, start - run - skipped, length, shape, firsts[run] as number, out, place);
    }
  }
}

function readFirsts(reader: ByteReader, count: number, wanted: number, packed: boolean): void {
  if (count === 1) {
    firsts[0] = reader.signed();
    return;
  }
  if (reader.bytes[reader.at] === PLAIN_FIRSTS) {
    reader.at += 1;
    for (let run = 0; run < count; run++) firsts[run] = reader.f64();
    return;
  }
  const shape = readShape(reader);
  const first = reader.signed();
  const view = packed ? viewPackedPlanes(reader, count - 1) : viewPlanes(reader, count - 1);
  readSigned(view, 0, wanted - 1, kept);
  unfold(kept, 0, wanted, shape, first, firsts, 0);
}

function readShapes(reader: ByteReader, runs: Runs, raw: Uint8Array): Shape[] {
  const { short, long } = shapedRuns(runs, raw);
  const shapes: Shape[] = new Array(runs.count).fill(short.length === 0 ? anyShape : readShape(reader));
  for (const run of long) shapes[run] = readShape(reader);
  return shapes;
}

function readShape(reader: ByteReader): Shape {
  return { order: reader.varint(), divisor: reader.varint(), center: reader.signed() };
}

function readBits(
  view: PlaneView,
  from: number,
  length: number,
  first: number,
  out: Float64Array,
  place: number,
): void {
  const halves = new Uint32Array(out.buffer, out.byteOffset, out.length * 2);
  out[place] = first;
  let low = halves[2 * place + 1 - UPPER] as number;
  let high = halves[2 * place + UPPER] as number;
  for (let index = 1; index < length; index++) {
    const at = view.at + from + index - 1;
    low ^= lowWord(view.bytes, at, view.width, view.count);
    high ^= highWord(view.bytes, at, view.width, view.count);
    halves[2 * (place + index) + 1 - UPPER] = low;
    halves[2 * (place + index) + UPPER] = high;
  }
}
