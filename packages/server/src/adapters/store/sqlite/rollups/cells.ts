import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../core/telemetry/aggregate.ts';
import type { Bucketing } from '../../../../core/telemetry/buckets.ts';

/** Some points of a series in one source: a run or the tail. */
export interface Cell {
  /** Times of the first and of the last point. */
  readonly first: number;
  readonly last: number;
  /** What the source has from `start` on and before `end` are these points. */
  readonly start: number;
  readonly end: number;
  /** Where the points are summed up: rows, and the place of the row in them. Null where they are not. */
  readonly rows: Float64Array | null;
  readonly at: number;
  /** Set where the row may stand for the points. */
  used: boolean;
}

/** Cells of the points that rows stand for. @param width - of the rows, in microseconds */
export function cellsOf(rows: Float64Array, width: number): Cell[] {
  const cells: Cell[] = [];
  for (let at = 0; at < rows.length; at += AGGREGATE_LENGTH) {
    const first = rows[at + field.firstTime] as number;
    const last = rows[at + field.lastTime] as number;
    const start = rows[at + field.start] as number;
    cells.push({ first, last, start, end: start + width, rows, at, used: false });
  }
  return cells;
}

/** What a question asks for. */
export interface Asked {
  /** Inclusive, microseconds since the epoch. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly bucketing: Bucketing;
  /** Whether all buckets are shorter than a day: rows of days cannot help then, unless there are hours of theirs. */
  readonly narrow: boolean;
}

/**
 * Finds out which rows may stand for their points: those of which all points are asked for and lie in one bucket, and between
 * whose first and last point no other source has one. Of two points of one series and time the later committed counts, which
 * rows cannot tell apart; so such points never lie under a row that is used.
 *
 * @param sources - of one series; within each, cells ascend and do not overlap
 */
export function chooseCells(sources: readonly (readonly Cell[])[], asked: Asked): void {
  const cells = sources.length === 1 ? (sources[0] as readonly Cell[]) : sources.flat();
  const ordered = sources.length === 1 || ascend(cells) ? cells : cells.toSorted((a, b) => a.first - b.first);
  let latest = Number.NEGATIVE_INFINITY;
  for (const [index, cell] of ordered.entries()) {
    const next = ordered[index + 1];
    const alone = latest < cell.first && (next === undefined || next.first > cell.last);
    latest = Math.max(latest, cell.last);
    cell.used = alone && cell.rows !== null && fits(cell, asked);
  }
}

function ascend(cells: readonly Cell[]): boolean {
  for (let at = 1; at < cells.length; at++) {
    if ((cells[at] as Cell).first < (cells[at - 1] as Cell).first) return false;
  }
  return true;
}

function fits({ first, last }: Cell, { from, to, bucketing }: Asked): boolean {
  return first >= from && last < to && bucketing.nextBucket(bucketing.bucketStart(first)) > last;
}
