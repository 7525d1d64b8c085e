import { PisyncError } from '@pisync/protocol';
import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../core/telemetry/aggregate.ts';
import { HOUR } from '../../../../core/telemetry/hour-fold.ts';
import { decodePointBlock, encodePointBlock } from '../../sealed/points/point-block.ts';
import { MAX_BLOCK_POINTS, pointSpace } from '../../sealed/points/point-columns.ts';

/*
 * A block of rollups (docs/spec/rollups.md): a block of points in which each column of the rows is a series, numbered
 * from 0, and the place of a row is its time. So columns are packed as values are, and guarded by the same checksums.
 */

/** What is kept of a row. The mean is that of sum and count, which is near enough for what is promised of deviations. */
const kept: readonly number[] = [
  field.start,
  field.count,
  field.sum,
  field.min,
  field.max,
  field.firstTime,
  field.first,
  field.lastTime,
  field.last,
  field.squares,
];
/** The number of the series stands before. */
const COLUMNS = 1 + kept.length;
/** Most rows that one block holds. */
export const MAX_ROLLUP_ROWS = Math.floor(MAX_BLOCK_POINTS / COLUMNS);
/** zstd: what is packed here is read far more often than it is written. */
const LEVEL = 3;

/** Rows of one width, by series and time. */
export interface RollupRows {
  readonly count: number;
  /** For each row the number of its series. */
  readonly series: Int32Array;
  /** As `BucketAggregates.toRows` gives them. */
  readonly rows: Float64Array;
}

const space = pointSpace();

/** Makes a block of rows, 1 to {@link MAX_ROLLUP_ROWS} of them. */
export function encodeRollupBlock({ count, series, rows }: RollupRows): Buffer {
  const { series: columns, times, values, kinds } = space;
  kinds.fill(0);
  for (let column = 0; column < COLUMNS; column++) {
    const base = column * count;
    for (let at = 0; at < count; at++) {
      columns[base + at] = column;
      times[base + at] = at;
      const told =
        column === 0 ? series[at] : numberOf(rows, at * AGGREGATE_LENGTH, kept[column - 1] as number);
      values[base + at] = told as number;
    }
  }
  const all = count * COLUMNS;
  return encodePointBlock({ ...space, count: all, texts: [] }, 0, all, LEVEL);
}

/** Times are told from the start of the row, which is told in hours. */
function numberOf(rows: Float64Array, row: number, name: number): number {
  const value = rows[row + name] as number;
  const start = rows[row + field.start] as number;
  if (name === field.start) return start / HOUR;
  return name === field.firstTime || name === field.lastTime ? value - start : value;
}

/**
 * The rows of a block.
 *
 * @throws {PisyncError} `store_damaged` if any byte of the block is not what was written
 */
export function decodeRollupBlock(bytes: Uint8Array): RollupRows {
  const { count: all, series: columns, values } = decodePointBlock(bytes, space);
  const count = all / COLUMNS;
  const rows = new Float64Array(count * AGGREGATE_LENGTH);
  for (let column = 0; column < COLUMNS; column++) {
    const base = column * count;
    if (columns[base] !== column || columns[base + count - 1] !== column) {
      throw new PisyncError('store_damaged', { detail: 'a block of rollups has other columns' });
    }
    if (column === 0) continue;
    const name = kept[column - 1] as number;
    for (let at = 0; at < count; at++) rows[at * AGGREGATE_LENGTH + name] = values[base + at] as number;
  }
  for (let row = 0; row < rows.length; row += AGGREGATE_LENGTH) {
    const start = (rows[row + field.start] as number) * HOUR;
    rows[row + field.start] = start;
    rows[row + field.firstTime]! += start;
    rows[row + field.lastTime]! += start;
    rows[row + field.mean] = (rows[row + field.sum] as number) / (rows[row + field.count] as number);
  }
  return { count, series: Int32Array.from(values.subarray(0, count)), rows };
}
