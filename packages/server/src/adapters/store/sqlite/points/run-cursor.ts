import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { decodePointBlock, decodePointSeries } from '../format/point-block.ts';
import type { PointColumns } from '../format/point-columns.ts';
import type { PointCursor } from './point-merge.ts';
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

interface BlockPlace {
  readonly id: number;
  readonly series: number;
  readonly time: number;
  readonly data: Uint8Array;
}

/** The points of one series in a run, from `from` on and before `to`. */
export class SeriesCursor implements PointCursor {
  columns = NOTHING;
  at = 0;
  end = 0;
  readonly #byId: StatementSync;
  readonly #series: number;
  readonly #from: number;
  readonly #to: number;
  #last: number;
  #block: BlockPlace | undefined;

  constructor(db: DatabaseSync, run: number, series: number, from: number, to: number) {
    this.#series = series;
    this.#from = from;
    this.#to = to;
    const first = run * POINT_BLOCKS_PER_RUN;
    this.#last = first + POINT_BLOCKS_PER_RUN;
    this.#byId = db.prepare(
      'SELECT id, series, time, data FROM point_block WHERE id >= ? AND id < ? ORDER BY id LIMIT 1',
    );
    const seek = db.prepare(
      `SELECT id, series, time, data FROM point_block WHERE run = ? AND (series, time) <= (?, ?)
       ORDER BY series DESC, time DESC LIMIT 1`,
    );
    this.#block = (seek.get(run, series, from) ?? this.#byId.get(first, this.#last)) as unknown as
      | BlockPlace
      | undefined;
  }

  advance(): boolean {
    for (let block = this.#block; block !== undefined; block = this.#block) {
      if (block.series > this.#series || (block.series === this.#series && block.time >= this.#to))
        return false;
      this.#block = this.#byId.get(block.id + 1, this.#last) as unknown as BlockPlace | undefined;
      this.columns = decodePointSeries(block.data, this.#series);
      const { times, count } = this.columns;
      this.at = lowerBound(times, count, this.#from);
      this.end = lowerBound(times, count, this.#to);
      if (this.at < this.end) return true;
    }
    return false;
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

/** Index of the first time that is not before `time`. */
function lowerBound(times: Float64Array, count: number, time: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
