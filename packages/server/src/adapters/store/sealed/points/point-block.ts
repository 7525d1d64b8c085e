import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { PisyncError } from '@pisync/protocol';
import { ByteReader, ByteWriter, freeBytes } from '../bytes.ts';
import { packPlanes, savedByPacking } from './packed-planes.ts';
import {
  MAX_BLOCK_POINTS,
  NUMBER_KIND,
  type PointColumns,
  type PointSpace,
  pointSpace,
  type Runs,
  TEXT_KIND,
} from './point-columns.ts';
import { fromDigits, isRaw, readExceptions, toDigits, writeExceptions } from './point-decimals.ts';
import { figuresOf, headBytesOf, type PointBlockHead, parsePointHead, writePointHead } from './point-head.ts';
import type { PlanePlace } from './point-planes.ts';
import { hasSmallSteps } from './point-shape.ts';
import { readStream, writeStream } from './point-stream.ts';

/*
 * A block of points, version 2 (docs/spec/sqlite-points.md): a head that answers without decompressing, then the content, which
 * is one zstd frame where that pays. In it points stand in runs of one series, column by column.
 */

/** Flags of the content. */
const HAS_KINDS = 1;
const RAW_TIMES = 2;
/** zstd output is never put into Node's shared pool of small buffers, so that it can be freed. */
const LEAST_CHUNK = 128 * 1024;
const WRITER_BYTES = MAX_BLOCK_POINTS * 4;
/** The content is kept plain where that takes no more than so many times the bytes: it is read in half of the time. */
const PLAIN_WORTH = 1.05;

let writer = new ByteWriter(WRITER_BYTES);
const plainWriter = new ByteWriter(WRITER_BYTES);
/** Planes of the block in writing. */
let places: PlanePlace[] = [];
const starts = new Int32Array(MAX_BLOCK_POINTS + 1);
const scales = new Uint8Array(MAX_BLOCK_POINTS);
const raw = new Uint8Array(MAX_BLOCK_POINTS);
const times = new Float64Array(MAX_BLOCK_POINTS);
const values = new Float64Array(MAX_BLOCK_POINTS);
const digits = new Float64Array(MAX_BLOCK_POINTS);

/**
 * Makes a block of the points `from` to `to` (exclusive), 1 to {@link MAX_BLOCK_POINTS} of them, ordered by series.
 *
 * Times within a series may be in any order; those that ascend cost least.
 *
 * @param level - of zstd: 1 for what will soon be merged, 3 for what stays
 * @throws {RangeError} if a time is no safe integer, the series do not ascend, a text is missing, or all of it is larger
 * than 64 MiB
 */
export function encodePointBlock(columns: PointColumns, from: number, to: number, level: number): Buffer {
  const count = to - from;
  if (!(count >= 1 && count <= MAX_BLOCK_POINTS)) throw new RangeError(`a block of ${count} points`);
  const runs = findRuns(columns.series, from, to);
  const [minTime, maxTime] = takeTimes(columns.times, from, to);
  writer.at = 0;
  places = [];
  const { hasKinds, texts } = takeValues(columns, from, to);
  const rawTimes = !haveSmallSteps(runs);
  writer.varint((hasKinds ? HAS_KINDS : 0) | (rawTimes ? RAW_TIMES : 0));
  writeRuns(columns.series, from, runs);
  raw.fill(rawTimes ? 1 : 0, 0, runs.count);
  writeStream(writer, times, runs, raw, places);
  toDigits(values, runs, scales, raw, digits);
  writer.raw(scales.subarray(0, runs.count));
  writeStream(writer, digits, runs, raw, places);
  writeExceptions(writer, values);
  if (hasKinds) {
    writer.raw(columns.kinds.subarray(from, to));
    writer.varint(texts.length);
    for (const text of texts) writer.text(text);
  }
  const figures = runs.count === 1 ? figuresOf(columns, from, to) : null;
  const { block, plain } = contentOf(level, headBytesOf(figures));
  writePointHead(block, {
    count,
    firstSeries: columns.series[from] as number,
    lastSeries: columns.series[to - 1] as number,
    minTime,
    maxTime,
    figures,
    headBytes: headBytesOf(figures),
    plain,
    contentBytes: plain ? block.length - headBytesOf(figures) : writer.at,
  });
  releaseWriter();
  return block;
}

function findRuns(series: PointColumns['series'], from: number, to: number): Runs {
  let count = 0;
  let before = -1;
  for (let index = from; index < to; index++) {
    const next = series[index] as number;
    if (next === before) continue;
    if (!(next > before && next <= 0x7fff_ffff)) throw new RangeError(`series ${next} behind ${before}`);
    starts[count++] = index - from;
    before = next;
  }
  starts[count] = to - from;
  return { count, starts };
}

function takeTimes(source: Float64Array, from: number, to: number): [least: number, most: number] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (let index = from; index < to; index++) {
    // As an integer -0 is 0.
    const time = (source[index] as number) + 0;
    whole = whole && Math.floor(time) === time;
    least = Math.min(least, time);
    most = Math.max(most, time);
    times[index - from] = time;
  }
  if (!(whole && Number.isSafeInteger(least) && Number.isSafeInteger(most))) {
    throw new RangeError('a time is no safe integer');
  }
  return [least, most];
}

/** Copies the values; texts get the numbers of their first appearance in this block. */
function takeValues(columns: PointColumns, from: number, to: number): { hasKinds: boolean; texts: string[] } {
  const { kinds } = columns;
  values.set(columns.values.subarray(from, to));
  let other = from;
  while (other < to && kinds[other] === NUMBER_KIND) other += 1;
  const texts: string[] = [];
  const numbers = new Map<string, number>();
  for (let index = other; index < to; index++) {
    if (kinds[index] !== TEXT_KIND) continue;
    const text = columns.texts[columns.values[index] as number];
    if (text === undefined) throw new RangeError(`text ${columns.values[index]} is missing`);
    let number = numbers.get(text);
    if (number === undefined) {
      number = texts.push(text) - 1;
      numbers.set(text, number);
    }
    values[index - from] = number;
  }
  return { hasKinds: other < to, texts };
}

function haveSmallSteps({ count }: Runs): boolean {
  for (let run = 0; run < count; run++) {
    if (!hasSmallSteps(times, starts[run] as number, starts[run + 1] as number)) return false;
  }
  return true;
}

function writeRuns(series: PointColumns['series'], from: number, { count }: Runs): void {
  writer.varint(count);
  let before = series[from] as number;
  for (let run = 1; run < count; run++) {
    const next = series[from + (starts[run] as number)] as number;
    writer.varint(next - before);
    before = next;
  }
  for (let run = 1; run < count; run++) writer.varint((starts[run] as number) - (starts[run - 1] as number));
}

/** What was written, behind room for the head: compressed, or plain where that is hardly larger. */
function contentOf(level: number, headBytes: number): { block: Buffer; plain: boolean } {
  const { ZSTD_c_compressionLevel, ZSTD_c_contentSizeFlag } = constants;
  const frame = zstdCompressSync(writer.written(), {
    params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_contentSizeFlag]: 0 },
    chunkSize: Math.max(LEAST_CHUNK, writer.at + 1024),
  });
  const plain = writer.at - savedByPacking(places) <= frame.length * PLAIN_WORTH;
  plainWriter.at = 0;
  if (plain) packPlanes(writer.written(), places, plainWriter);
  const content = plain ? plainWriter.written() : frame;
  const block = Buffer.allocUnsafeSlow(headBytes + content.length);
  block.set(content, headBytes);
  freeBytes(frame);
  return { block, plain };
}

/** Long texts are rare; the memory for them is not kept. */
function releaseWriter(): void {
  if (writer.bytes.length <= 1024 * 1024) return;
  const { bytes } = writer;
  writer = new ByteWriter(WRITER_BYTES);
  freeBytes(bytes);
}

/**
 * What a block says without being decompressed.
 *
 * @throws {PisyncError} `store_damaged` if the head is not of a known version or fails its checksum
 */
export function readPointHead(bytes: Uint8Array): PointBlockHead {
  return orDamaged(() => parsePointHead(bytes));
}

/**
 * The points of a block, in its order.
 *
 * @param space - takes the points where many blocks are read for a moment each: the columns are its arrays, and are
 * overwritten by the next block; room for {@link MAX_BLOCK_POINTS}
 * @throws {PisyncError} `store_damaged` if any byte of the block is not what was written
 */
export function decodePointBlock(bytes: Uint8Array, space?: PointSpace): PointColumns {
  return orDamaged(() => {
    const head = parsePointHead(bytes);
    return decode(bytes, head, null, space);
  });
}

/**
 * The points of one series of a block; none where it has no such series.
 *
 * @param space - as for {@link decodePointBlock}
 * @throws {PisyncError} `store_damaged` as {@link decodePointBlock} does, unless the head already denies the series
 */
export function decodePointSeries(bytes: Uint8Array, series: number, space?: PointSpace): PointColumns {
  return orDamaged(() => {
    const head = parsePointHead(bytes);
    if (series < head.firstSeries || series > head.lastSeries) return noPoints();
    return decode(bytes, head, series, space);
  });
}

function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new PisyncError('store_damaged', {
      detail: `a block of points cannot be read: ${String(cause)}`,
      cause,
    });
  }
}

function decode(
  bytes: Uint8Array,
  head: PointBlockHead,
  series: number | null,
  space: PointSpace | undefined,
): PointColumns {
  const content = contentIn(bytes, head);
  const reader = new ByteReader(content);
  const flags = reader.varint();
  const { runs, numbers } = readRuns(reader, head);
  const from = series === null ? 0 : numbers.indexOf(series);
  if (from < 0) return noPoints();
  const to = series === null ? runs.count : from + 1;
  const first = starts[from] as number;
  const last = starts[to] as number;
  const target = space ?? pointSpace(last - first);
  writeSeries(target.series, runs, numbers, from, to);
  raw.fill(flags & RAW_TIMES ? 1 : 0, 0, runs.count);
  readStream(reader, runs, raw, from, to, target.times, head.plain);
  readValues(reader, runs, from, to, target.values, head.plain);
  const texts = readKinds(reader, flags & HAS_KINDS, head.count, first, last, target.kinds);
  if (reader.at !== content.length) throw new RangeError('the content does not add up');
  if (!head.plain) freeBytes(content);
  return { ...target, count: last - first, texts };
}

/** By hand where runs are short: a call to fill each would take longer. */
function writeSeries(out: Int32Array, runs: Runs, numbers: Int32Array, from: number, to: number): void {
  let at = 0;
  for (let run = from; run < to; run++) {
    const length = (runs.starts[run + 1] as number) - (runs.starts[run] as number);
    const number = numbers[run] as number;
    if (length > 64) out.fill(number, at, at + length);
    else for (let index = at; index < at + length; index++) out[index] = number;
    at += length;
  }
}

function noPoints(): PointColumns {
  return { ...pointSpace(0), count: 0, texts: [] };
}

function readValues(
  reader: ByteReader,
  runs: Runs,
  from: number,
  to: number,
  out: Float64Array,
  packed: boolean,
): void {
  scales.set(reader.raw(runs.count));
  for (let run = 0; run < runs.count; run++) raw[run] = isRaw(scales[run] as number) ? 1 : 0;
  readStream(reader, runs, raw, from, to, out, packed);
  const first = starts[from] as number;
  for (let run = from; run < to; run++) {
    const start = (starts[run] as number) - first;
    fromDigits(out, start, (starts[run + 1] as number) - first, scales[run] as number);
  }
  readExceptions(reader, out, first, starts[to] as number);
}

function readKinds(
  reader: ByteReader,
  hasKinds: number,
  count: number,
  from: number,
  to: number,
  out: Uint8Array,
): readonly string[] {
  if (hasKinds === 0) {
    out.fill(NUMBER_KIND, 0, to - from);
    return [];
  }
  out.set(reader.raw(count).subarray(from, to));
  const texts: string[] = [];
  for (let left = reader.varint(); left > 0; left--) texts.push(reader.text());
  return texts;
}

function contentIn(bytes: Uint8Array, head: PointBlockHead): Uint8Array {
  const frame = bytes.subarray(head.headBytes);
  if (crc32(frame) !== head.frameCrc) throw new RangeError('the content fails its checksum');
  if (head.plain) {
    if (frame.length !== head.contentBytes) throw new RangeError(`${frame.length} bytes of content`);
    return frame;
  }
  const content = zstdDecompressSync(frame, { chunkSize: Math.max(LEAST_CHUNK, head.contentBytes + 1) });
  if (content.length !== head.contentBytes) throw new RangeError(`${content.length} bytes in the frame`);
  return content;
}

function readRuns(reader: ByteReader, head: PointBlockHead): { runs: Runs; numbers: Int32Array } {
  const count = reader.varint();
  if (!(count >= 1 && count <= head.count)) throw new RangeError(`${count} runs`);
  const numbers = new Int32Array(count);
  numbers[0] = head.firstSeries;
  for (let run = 1; run < count; run++) numbers[run] = (numbers[run - 1] as number) + reader.varint();
  starts[0] = 0;
  for (let run = 1; run < count; run++) starts[run] = (starts[run - 1] as number) + reader.varint();
  starts[count] = head.count;
  return { runs: { count, starts }, numbers };
}
