import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { decodePointBlock, decodePointSeries, readPointHead } from '../../sealed/points/point-block.ts';
import { type PointColumns, pointSpace } from '../../sealed/points/point-columns.ts';
import type { PointCursor } from '../../sealed/points/point-merge.ts';
import { POINT_BLOCKS_PER_RUN } from './point-run.ts';

/** Blocks read in one go: a read transaction ends with them, so that no checkpoint waits for a long pass. */
const BLOCKS_AT_ONCE = 8;
const NOTHING: PointColumns = {
  count: 0,
  series: new Int32Array(0),
  times: new Float64Array(0),
  values: new Float64Array(0),
  kinds: new Uint8Array(0),
  texts: [],
};

/** All points of a run. */
export class RunCursor implements PointCursor {
  columns = NOTHING;
  at = 0;
  end = 0;
  readonly #some: StatementSync;
  readonly #last: number;
  #next: number;
  #blocks: Uint8Array[] = [];

  constructor(db: DatabaseSync, run: number) {
    this.#some = db.prepare(
      `SELECT data FROM point_block WHERE id >= ? AND id < ? ORDER BY id LIMIT ${BLOCKS_AT_ONCE}`,
    );
    this.#next = run * POINT_BLOCKS_PER_RUN;
    this.#last = this.#next + POINT_BLOCKS_PER_RUN;
  }

  advance(): boolean {
    if (this.#blocks.length === 0) {
      const rows = this.#some.all(this.#next, this.#last) as unknown as { data: Uint8Array }[];
      this.#blocks = rows.map(({ data }) => data);
      this.#next += rows.length;
    }
    const block = this.#blocks.shift();
    if (block === undefined) return false;
    this.columns = decodePointBlock(block);
    this.at = 0;
    this.end = this.columns.count;
    return true;
  }
}

interface BlockRow {
  readonly id: number;
  readonly series: number;
  readonly time: number;
  readonly data: Uint8Array;
}

/**
 * The points of some series in a run, from `from` on and before `to`. No piece holds points of two series. A block that
 * several of them share is decoded once.
 */
export class SeriesCursor implements PointCursor {
  columns = NOTHING;
  at = 0;
  end = 0;
  /** Takes the pieces that are not shared: each is used for a moment only. */
  readonly #space = pointSpace();
  readonly #byId: StatementSync;
  readonly #seek: StatementSync;
  readonly #run: number;
  readonly #series: readonly number[];
  readonly #from: number;
  readonly #to: number;
  /** Index of the series at hand. */
  #place = 0;
  /** The block that goes on with it: undefined where it was not looked for yet, null behind the last one. */
  #next: BlockRow | null | undefined;
  /** The block that was decoded as a whole, and its columns. */
  #shared: (BlockRow & { readonly columns: PointColumns; readonly last: number }) | undefined;

  /** @param series - numbers, ascending */
  constructor(db: DatabaseSync, run: number, series: readonly number[], from: number, to: number) {
    this.#run = run;
    this.#series = series;
    this.#from = from;
    this.#to = to;
    this.#byId = db.prepare(
      'SELECT id, series, time, data FROM point_block WHERE id >= ? AND id < ? ORDER BY id LIMIT 1',
    );
    this.#seek = db.prepare(
      `SELECT id, series, time, data FROM point_block WHERE run = ? AND (series, time) <= (?, ?)
       ORDER BY series DESC, time DESC LIMIT 1`,
    );
  }

  advance(): boolean {
    for (; this.#place < this.#series.length; this.#place++) {
      const series = this.#series[this.#place] as number;
      if (this.#next === undefined) this.#next = this.#first(series);
      while (this.#next !== null) {
        const block: BlockRow = this.#next;
        const { lastSeries } = readPointHead(block.data);
        this.#next = lastSeries > series ? null : this.#following(block.id + 1, series);
        if (this.#show(this.#columnsOf(block, series, lastSeries), series)) return true;
      }
      this.#next = undefined;
    }
    return false;
  }

  /** The block in which the stretch of a series begins if the run has it. */
  #first(series: number): BlockRow | null {
    const shared = this.#shared;
    // All that the run has of a series between the first and the last of a block lies in that block.
    if (shared !== undefined && shared.series < series && series < shared.last) return shared;
    const found = this.#seek.get(this.#run, series, this.#from) as unknown as BlockRow | undefined;
    return found ?? this.#following(this.#run * POINT_BLOCKS_PER_RUN, series);
  }

  /** The block with this id, unless all of it lies behind the stretch of the series. */
  #following(id: number, series: number): BlockRow | null {
    const last = (this.#run + 1) * POINT_BLOCKS_PER_RUN;
    const block = this.#byId.get(id, last) as unknown as BlockRow | undefined;
    if (block === undefined || block.series > series) return null;
    return block.series === series && block.time >= this.#to ? null : block;
  }

  #columnsOf(block: BlockRow, series: number, last: number): PointColumns {
    if (this.#shared?.id === block.id) return this.#shared.columns;
    const next = this.#series[this.#place + 1];
    if (next === undefined || next > last) return decodePointSeries(block.data, series, this.#space);
    const columns = decodePointBlock(block.data);
    this.#shared = { ...block, columns, last };
    return columns;
  }

  #show(columns: PointColumns, series: number): boolean {
    const first = lowerBound(columns.series, 0, columns.count, series);
    const last = lowerBound(columns.series, first, columns.count, series + 1);
    this.columns = columns;
    this.at = lowerBound(columns.times, first, last, this.#from);
    this.end = lowerBound(columns.times, first, last, this.#to);
    return this.at < this.end;
  }
}

/** Points that lie in memory. */
export class ColumnsCursor implements PointCursor {
  readonly columns: PointColumns;
  at = 0;
  readonly end: number;

  constructor(columns: PointColumns) {
    this.columns = columns;
    this.end = columns.count;
  }

  advance(): boolean {
    return false;
  }
}

/** Index of the first number of a part that is not less than another. */
function lowerBound(
  column: PointColumns['series'] | Float64Array,
  from: number,
  to: number,
  least: number,
): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((column[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
