import type { PointColumns } from './point-columns.ts';

/** A sorted sequence of points that is read piece by piece; within it no two points have the same series and time. */
export interface PointCursor {
  columns: PointColumns;
  /** The point at hand, and the end of the piece at hand. */
  at: number;
  end: number;
  /** Goes to the next piece; false at the end of the sequence. Called where `at === end`. */
  advance(): boolean;
}

/** Neighbouring points that come out of a merge. Valid until the next step. */
export interface PointSlice {
  columns: PointColumns;
  from: number;
  to: number;
}

/** What a merge came upon. */
export interface MergeCounts {
  /** Points whose value was another one than that of the later commit. */
  replaced: number;
}

/**
 * Merges cursors, given from the oldest commits to the newest, into one sequence by series and time. Where several have
 * a point of the same series and time, the newest counts. Yields stretches, not points: sequences that hardly overlap, as
 * those of telemetry do, cost next to nothing.
 */
export function* mergePoints(
  cursors: readonly PointCursor[],
  counts: MergeCounts,
): Generator<PointSlice, void> {
  const open = cursors.filter((cursor) => cursor.at < cursor.end || cursor.advance());
  const slice: PointSlice = { columns: open[0]?.columns as PointColumns, from: 0, to: 0 };
  while (open.length > 0) {
    const newest = leastOf(open);
    const first = open[newest] as PointCursor;
    slice.columns = first.columns;
    slice.from = first.at;
    const tied = passOlder(open, newest, counts);
    first.at = tied ? first.at + 1 : stretchEnd(open, newest);
    slice.to = first.at;
    yield slice;
    for (let index = open.length - 1; index >= 0; index--) {
      const cursor = open[index] as PointCursor;
      if (cursor.at === cursor.end && !cursor.advance()) open.splice(index, 1);
    }
  }
}

/** Index of the cursor with the least point; the newest of several that have it. */
function leastOf(open: readonly PointCursor[]): number {
  let least = open.length - 1;
  for (let index = least - 1; index >= 0; index--) {
    if (compare(open[index] as PointCursor, open[least] as PointCursor) < 0) least = index;
  }
  return least;
}

function compare(a: PointCursor, b: PointCursor): number {
  return (
    (a.columns.series[a.at] as number) - (b.columns.series[b.at] as number) ||
    (a.columns.times[a.at] as number) - (b.columns.times[b.at] as number)
  );
}

/** Passes the points that the newest one replaces; true if there were any. */
function passOlder(open: readonly PointCursor[], newest: number, counts: MergeCounts): boolean {
  const winner = open[newest] as PointCursor;
  let passed = false;
  for (let index = newest - 1; index >= 0; index--) {
    const older = open[index] as PointCursor;
    if (compare(older, winner) !== 0) continue;
    if (!sameValue(older.columns, older.at, winner.columns, winner.at)) counts.replaced += 1;
    older.at += 1;
    passed = true;
  }
  return passed;
}

/** True where two points say the same, bit for bit. */
export function sameValue(a: PointColumns, i: number, b: PointColumns, j: number): boolean {
  if (a.kinds[i] !== b.kinds[j]) return false;
  if (a.kinds[i] === 2) return a.texts[a.values[i] as number] === b.texts[b.values[j] as number];
  return Object.is(a.values[i], b.values[j]);
}

/** End of the stretch that comes before every other cursor's point: found by doubling steps, then by halving. */
function stretchEnd(open: readonly PointCursor[], chosen: number): number {
  const { columns, at, end } = open[chosen] as PointCursor;
  let series = Number.POSITIVE_INFINITY;
  let time = Number.POSITIVE_INFINITY;
  for (let index = 0; index < open.length; index++) {
    if (index === chosen) continue;
    const other = open[index] as PointCursor;
    const otherSeries = other.columns.series[other.at] as number;
    const otherTime = other.columns.times[other.at] as number;
    if (otherSeries < series || (otherSeries === series && otherTime < time)) {
      series = otherSeries;
      time = otherTime;
    }
  }
  const before = (index: number): boolean => {
    const own = columns.series[index] as number;
    return own < series || (own === series && (columns.times[index] as number) < time);
  };
  let low = at + 1;
  let step = 1;
  while (low + step < end && before(low + step)) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, end);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
