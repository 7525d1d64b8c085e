import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../core/telemetry/aggregate.ts';
import { HOUR } from '../../../../core/telemetry/hour-fold.ts';
import { decodeRollupBlock, type RollupRows } from './rollup-block.ts';

interface BlockRow {
  readonly series: number;
  /** In hours since the epoch. */
  readonly start: number;
  readonly data: Uint8Array;
}

const NONE = new Float64Array(0);

/** Reads the rows of one width of a run; null where there are none. @param width - in hours, as it is stored */
export function openRollups(db: DatabaseSync, run: number, width: number): RollupReader | null {
  const any = db.prepare('SELECT 1 FROM point_rollup WHERE run = ? AND width = ? LIMIT 1').get(run, width);
  return any === undefined ? null : new RollupReader(db, run, width);
}

/** Rows of one width of one run. Cheapest where series and times are asked for in their order: the last block stays decoded. */
export class RollupReader {
  readonly #run: number;
  readonly #width: number;
  readonly #before: StatementSync;
  readonly #after: StatementSync;
  #block: RollupRows | null = null;

  constructor(db: DatabaseSync, run: number, width: number) {
    this.#run = run;
    this.#width = width;
    const select =
      'SELECT series, start, data FROM point_rollup WHERE run = ? AND width = ? AND (series, start)';
    this.#before = db.prepare(`${select} <= (?, ?) ORDER BY series DESC, start DESC LIMIT 1`);
    this.#after = db.prepare(`${select} > (?, ?) ORDER BY series, start LIMIT 1`);
  }

  /**
   * The rows of a series that begin in a stretch, in microseconds; valid for ever.
   *
   * @param from - inclusive
   * @param to - exclusive
   */
  read(series: number, from: number, to: number): Float64Array {
    const parts: Float64Array[] = [];
    let block = this.#find(series, from);
    while (block !== null) {
      const first = lowerBound(block, series, from);
      const end = lowerBound(block, series, to);
      if (end > first) parts.push(block.rows.subarray(first * AGGREGATE_LENGTH, end * AGGREGATE_LENGTH));
      block = end < block.count ? null : this.#next(block, series, to);
    }
    return parts.length > 1 ? joined(parts) : (parts[0] ?? NONE);
  }

  /** The block in which the stretch begins if there is one. */
  #find(series: number, from: number): RollupRows | null {
    const known = this.#block;
    if (known !== null && lowerBound(known, series, from) < known.count) {
      // A row at or before the stretch lies in it, too: none of another block comes in between.
      if (compare(known, 0, series, from) <= 0) return known;
    }
    const start = Math.ceil(from / HOUR);
    const found = this.#before.get(this.#run, this.#width, series, start) as unknown as BlockRow | undefined;
    return this.#decoded(found) ?? this.#decoded(this.#following(-1, 0));
  }

  /** The block behind, unless it begins behind the stretch. */
  #next(block: RollupRows, series: number, to: number): RollupRows | null {
    const last = block.count - 1;
    const found = this.#following(block.series[last] as number, startOf(block, last) / HOUR);
    if (found === undefined || found.series > series) return null;
    return found.series === series && found.start * HOUR >= to ? null : this.#decoded(found);
  }

  #following(series: number, start: number): BlockRow | undefined {
    return this.#after.get(this.#run, this.#width, series, start) as unknown as BlockRow | undefined;
  }

  #decoded(row: BlockRow | undefined): RollupRows | null {
    if (row === undefined) return null;
    const known = this.#block;
    if (known !== null && compare(known, 0, row.series, row.start * HOUR) === 0) return known;
    this.#block = decodeRollupBlock(row.data);
    return this.#block;
  }
}

function startOf({ rows }: RollupRows, at: number): number {
  return rows[at * AGGREGATE_LENGTH + field.start] as number;
}

function compare(block: RollupRows, at: number, series: number, start: number): number {
  return (block.series[at] as number) - series || startOf(block, at) - start;
}

/** Index of the first row that is not before a place. */
function lowerBound(block: RollupRows, series: number, start: number): number {
  let low = 0;
  let high = block.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(block, middle, series, start) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
