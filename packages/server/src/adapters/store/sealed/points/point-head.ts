import { crc32 } from 'node:zlib';
import { MAX_BLOCK_POINTS, NUMBER_KIND, type PointColumns } from './point-columns.ts';

/*
 * The head of a block of points, versions 1 and 2 (docs/spec/sqlite-points.md): what can be known without decompressing. Its last
 * four bytes are the CRC-32 of those before; among these is that of the frame, so that no byte of a block is unguarded.
 */

/** What a block of one series says about its numbers, in the order of its points. */
export interface NumberFigures {
  /** Points of kind number, at least 1. */
  readonly numbers: number;
  /** Added up one by one from 0; infinite where that overflows. */
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
}

/** What the head of a block says. */
export interface PointBlockHead {
  readonly count: number;
  readonly firstSeries: number;
  readonly lastSeries: number;
  /** Microseconds, inclusive. */
  readonly minTime: number;
  readonly maxTime: number;
  /** Null where the block holds several series, or no number. Booleans and texts never count. */
  readonly figures: NumberFigures | null;
  /** Bytes of the head itself. */
  readonly headBytes: number;
  /** Whether the content is not compressed, and its planes are packed. */
  readonly plain: boolean;
  /** Bytes of the content before compression. */
  readonly contentBytes: number;
  readonly frameCrc: number;
}

const VERSION = 2;
/** Had no plain content. */
const OLDEST_VERSION = 1;
/** Flags. */
const HAS_FIGURES = 1;
const IS_PLAIN = 2;
const PLAIN_BYTES = 40;
const FIGURE_BYTES = 42;
/** No writer makes a block as large as this: a larger number is damage. */
const LARGEST_CONTENT = 64 * 1024 * 1024;

/** Writes the head before the frame, which already lies in `block` from `headBytes` on. */
export function writePointHead(block: Buffer, head: Omit<PointBlockHead, 'frameCrc'>): void {
  const { figures, headBytes, plain } = head;
  if (head.contentBytes > LARGEST_CONTENT) throw new RangeError(`a block of ${head.contentBytes} bytes`);
  block[0] = VERSION;
  block[1] = (figures === null ? 0 : HAS_FIGURES) | (plain ? IS_PLAIN : 0);
  block.writeUInt16LE(head.count, 2);
  block.writeUInt32LE(head.firstSeries, 4);
  block.writeUInt32LE(head.lastSeries, 8);
  block.writeDoubleLE(head.minTime, 12);
  block.writeDoubleLE(head.maxTime, 20);
  block.writeUInt32LE(head.contentBytes, 28);
  block.writeUInt32LE(crc32(block.subarray(headBytes)), 32);
  if (figures !== null) {
    block.writeUInt16LE(figures.numbers, 36);
    block.writeDoubleLE(figures.sum, 38);
    block.writeDoubleLE(figures.min, 46);
    block.writeDoubleLE(figures.max, 54);
    block.writeDoubleLE(figures.first, 62);
    block.writeDoubleLE(figures.last, 70);
  }
  block.writeUInt32LE(crc32(block.subarray(0, headBytes - 4)), headBytes - 4);
}

/** Bytes of a head with or without figures. */
export function headBytesOf(figures: NumberFigures | null): number {
  return figures === null ? PLAIN_BYTES : PLAIN_BYTES + FIGURE_BYTES;
}

/** @throws {RangeError} if the bytes do not begin with an undamaged head of a known version */
export function parsePointHead(bytes: Uint8Array): PointBlockHead {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version = 0, flags = 0] = block;
  if (version < OLDEST_VERSION || version > VERSION) throw new RangeError(`point block version ${version}`);
  const headBytes = (flags & HAS_FIGURES) !== 0 ? PLAIN_BYTES + FIGURE_BYTES : PLAIN_BYTES;
  if (block.length < headBytes) throw new RangeError('the head is cut off');
  if (block.readUInt32LE(headBytes - 4) !== crc32(block.subarray(0, headBytes - 4))) {
    throw new RangeError('the head fails its checksum');
  }
  const count = block.readUInt16LE(2);
  const contentBytes = block.readUInt32LE(28);
  if (count === 0 || count > MAX_BLOCK_POINTS || contentBytes > LARGEST_CONTENT) {
    throw new RangeError(`a block of ${count} points and ${contentBytes} bytes`);
  }
  return {
    count,
    firstSeries: block.readUInt32LE(4),
    lastSeries: block.readUInt32LE(8),
    minTime: block.readDoubleLE(12),
    maxTime: block.readDoubleLE(20),
    figures: headBytes === PLAIN_BYTES ? null : parseFigures(block),
    headBytes,
    plain: (flags & IS_PLAIN) !== 0,
    contentBytes,
    frameCrc: block.readUInt32LE(32),
  };
}

function parseFigures(block: Buffer): NumberFigures {
  return {
    numbers: block.readUInt16LE(36),
    sum: block.readDoubleLE(38),
    min: block.readDoubleLE(46),
    max: block.readDoubleLE(54),
    first: block.readDoubleLE(62),
    last: block.readDoubleLE(70),
  };
}

/** The figures of the numbers among points `from` to `to`; null where there is none. */
export function figuresOf({ values, kinds }: PointColumns, from: number, to: number): NumberFigures | null {
  let numbers = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let [first, last] = [-1, -1];
  for (let index = from; index < to; index++) {
    if (kinds[index] !== NUMBER_KIND) continue;
    const value = values[index] as number;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (first < 0) first = index;
    last = index;
    numbers += 1;
  }
  if (numbers === 0) return null;
  return { numbers, sum, min, max, first: values[first] as number, last: values[last] as number };
}
