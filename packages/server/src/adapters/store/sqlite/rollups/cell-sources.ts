import type { DatabaseSync } from 'node:sqlite';
import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../core/telemetry/aggregate.ts';
import { DAY, HOUR } from '../../../../core/telemetry/hour-fold.ts';
import type { PointRun } from '../points/point-run.ts';
import { SeriesCursor } from '../points/run-cursor.ts';
import type { SortedPoints } from '../points/tail-stretch.ts';
import { type Asked, type Cell, cellsOf } from './cells.ts';
import type { Piece } from './pieces-cursor.ts';
import { openRollups, type RollupReader } from './rollup-reader.ts';
import { DAY_ROWS, HOUR_ROWS } from './run-rollups.ts';

/** A run, as far as its rollups go. */
export class RunCells {
  readonly run: PointRun;
  /** Series of which all points that are asked for are still to be read. */
  readonly whole: number[] = [];
  /** Stretches that are still to be read, of other series. */
  readonly pieces: Piece[] = [];
  readonly #db: DatabaseSync;
  readonly #days: RollupReader | null;
  readonly #hours: RollupReader | null;

  constructor(db: DatabaseSync, run: PointRun, { narrow }: Asked) {
    this.#db = db;
    this.run = run;
    this.#hours = openRollups(db, run.id, HOUR_ROWS);
    this.#days = narrow && this.#hours === null ? null : openRollups(db, run.id, DAY_ROWS);
  }

  /** True where there are rows of some series. */
  get hasRows(): boolean {
    return this.#days !== null;
  }

  /** The days of a series that are asked for, at least in part; null where no rows tell of it. */
  days(series: number, { from, to }: Asked): Cell[] | null {
    const rows = this.#days?.read(series, Math.floor(from / DAY) * DAY, to);
    if (rows === undefined || rows.length === 0) return null;
    return cellsOf(rows, DAY).filter(({ first, last }) => last >= from && first < to);
  }

  /** The cells with their hours instead of those days whose rows cannot be used, where these are known. */
  refined(series: number, days: readonly Cell[], asked: Asked): readonly Cell[] {
    if (this.#hours === null || days.every(({ used, rows }) => used || rows === null)) return days;
    const cells: Cell[] = [];
    for (let at = 0; at < days.length; ) {
      const day = days[at] as Cell;
      at += 1;
      if (day.used) {
        cells.push(day);
        continue;
      }
      const from = at - 1;
      while (days[at]?.used === false) at += 1;
      const hours = this.#hours.read(series, day.start, (days[at - 1] as Cell).end);
      cells.push(...splitIntoHours(days.slice(from, at), cellsOf(hours, HOUR), asked));
    }
    return cells;
  }

  /** Which of a series' points are to be read: those that no row stands for. */
  leave(series: number, cells: readonly Cell[], { from, to }: Asked): void {
    // Of series that are read in the same stretch, those that share a block share its decoding: so stretches are wide.
    if (!cells.some(({ used }) => used)) {
      this.whole.push(series);
      return;
    }
    for (let at = 0; at < cells.length; at++) {
      if ((cells[at] as Cell).used) continue;
      const before = cells[at - 1];
      while (cells[at + 1]?.used === false) at += 1;
      const after = cells[at + 1];
      this.pieces.push({
        series,
        from: Math.max(from, before?.end ?? from),
        to: Math.min(to, after?.start ?? to),
      });
    }
  }

  /**
   * When some series have points between two times, to the hour.
   *
   * @param series - ascending
   * @param last - inclusive
   */
  stretches(series: readonly number[], first: number, last: number): Map<number, Cell[]> {
    const found = new Map<number, Cell[]>();
    if (this.run.maxTime < first || this.run.minTime > last) return found;
    const cursor = new SeriesCursor(this.#db, this.run.id, series, first, last + 1);
    while (cursor.advance()) {
      const { columns, at, end } = cursor;
      const number = columns.series[at] as number;
      const cells = found.get(number) ?? [];
      found.set(number, cells);
      addStretches(cells, columns.times, at, end);
    }
    return found;
  }
}

/** The hours of some days in their place; of a day that they do not add up to, the day. */
function splitIntoHours(days: readonly Cell[], hours: readonly Cell[], { from, to }: Asked): Cell[] {
  const cells: Cell[] = [];
  let at = 0;
  for (const day of days) {
    const first = at;
    let count = 0;
    for (; at < hours.length && (hours[at] as Cell).start < day.end; at++)
      count += countOf(hours[at] as Cell);
    if (count === countOf(day)) cells.push(...hours.slice(first, at));
    else cells.push(day);
  }
  return cells.filter(({ first, last }) => last >= from && first < to);
}

function countOf({ rows, at }: Cell): number {
  return (rows as Float64Array)[at + field.count] as number;
}

/** When the series of the tail have points, to the hour. */
export function tailStretches({ count, series, times }: SortedPoints): Map<number, Cell[]> {
  const found = new Map<number, Cell[]>();
  for (let at = 0; at < count; ) {
    const number = series[at] as number;
    let end = at + 1;
    while (end < count && series[end] === number) end += 1;
    const cells: Cell[] = [];
    addStretches(cells, times, at, end);
    found.set(number, cells);
    at = end;
  }
  return found;
}

/** Adds ascending times, which lie behind those of the cells. */
function addStretches(cells: Cell[], times: Float64Array, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const first = times[at] as number;
    const end = (Math.floor(first / HOUR) + 1) * HOUR;
    while (at < to && (times[at] as number) < end) at += 1;
    cells.push({ first, last: times[at - 1] as number, start: first, end, rows: null, at: 0, used: false });
  }
}

/** The rows of the cells that are used; each tells its first point as its start, so that it lies in the bucket. */
export function usedRows(cells: readonly Cell[]): Float64Array {
  const used = cells.filter((cell) => cell.used);
  const rows = new Float64Array(used.length * AGGREGATE_LENGTH);
  for (const [index, { rows: from, at, first }] of used.entries()) {
    const to = index * AGGREGATE_LENGTH;
    rows.set((from as Float64Array).subarray(at, at + AGGREGATE_LENGTH), to);
    rows[to + field.start] = first;
  }
  return rows;
}
