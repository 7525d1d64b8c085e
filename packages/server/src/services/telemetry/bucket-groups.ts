import { decodeSeriesKey, type SeriesName } from '@pisync/protocol';
import type { AggregateName } from '../../core/telemetry/aggregate.ts';
import type { Bucketing } from '../../core/telemetry/buckets.ts';
import {
  type FillMode,
  fillColumn,
  fillCounts,
  layOutBuckets,
  tooManyBuckets,
} from '../../core/telemetry/fill.ts';
import type { AggregateAnswer } from '../../ports/telemetry-store.ts';
import { formatPointTime, nameView } from './telemetry-views.ts';

/** What one answer shows by itself: each device, or each value of a tag. */
export type GroupBy = { readonly by: 'device' } | { readonly by: 'tag'; readonly tag: string };

/** Series that are summed up as one. */
export interface SeriesGroup {
  /** The device or the value of the tag; null for series without the tag, and where all are one. */
  readonly name: string | null;
  readonly series: readonly SeriesName[];
}

/** A group with its buckets, as columns. */
export interface BucketGroup extends SeriesGroup {
  /** Microseconds since the epoch, ascending. */
  readonly starts: Float64Array;
  /** For each function a number per bucket; `NaN` for none. */
  readonly columns: readonly Float64Array[];
}

/** What buckets are laid out by. */
export interface BucketLayout {
  readonly bucketing: Bucketing;
  /** Microseconds since the epoch, inclusive; the first bucket of all groups where undefined. */
  readonly from: number | undefined;
  /** Exclusive; the end of the last bucket of all groups where undefined. */
  readonly to: number | undefined;
  readonly functions: readonly AggregateName[];
  readonly fill: FillMode;
}

/** Buckets of one group at most. */
const MAX_BUCKETS = 10_000;

/** Buckets of one answer at most. */
export const MAX_ALL_BUCKETS = 100_000;

/** The groups that series fall in, by name; that without one is the last. All are one where nothing tells them apart. */
export function groupSeries(series: readonly SeriesName[], groupBy: GroupBy | undefined): SeriesGroup[] {
  if (groupBy === undefined) return [{ name: null, series }];
  const groups = new Map<string | null, SeriesName[]>();
  for (const one of series) {
    const name = groupBy.by === 'device' ? one.deviceId : tagOf(one, groupBy.tag);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return [...groups]
    .map(([name, own]) => ({ name, series: own }))
    .sort((a, b) => (a.name === null ? 1 : b.name === null ? -1 : a.name < b.name ? -1 : 1));
}

function tagOf({ key }: SeriesName, tag: string): string | null {
  return decodeSeriesKey(key).tags.find(([name]) => name === tag)?.[1] ?? null;
}

/**
 * Lays out and fills the buckets of each group.
 *
 * @throws {PisyncError} `invalid_parameter` for more than 10,000 buckets of a group or 100,000 of all
 */
export function layOutGroups(
  groups: readonly SeriesGroup[],
  answers: readonly AggregateAnswer[],
  { bucketing, from, to, functions, fill }: BucketLayout,
): BucketGroup[] {
  const held = answers.filter(({ starts }) => starts.length > 0);
  const first = from ?? Math.min(...held.map(({ starts }) => starts[0] as number));
  const last = to ?? Math.max(...held.map(({ starts }) => starts[starts.length - 1] as number)) + 1;
  let total = 0;
  return groups.map((group, at) => {
    const { starts, columns } = answers[at] as AggregateAnswer;
    const nothing = held.length === 0 && (from === undefined || to === undefined);
    const grid = layOutBuckets(starts, bucketing, nothing ? 0 : first, nothing ? 0 : last, fill, MAX_BUCKETS);
    total += grid.starts.length;
    if (total > MAX_ALL_BUCKETS) throw tooManyBuckets(MAX_ALL_BUCKETS);
    const filled = columns.map((column, index) =>
      functions[index] === 'count' ? fillCounts(grid, column) : fillColumn(grid, column, fill),
    );
    return { ...group, starts: grid.starts, columns: filled };
  });
}

/** What `aggregate` found, still as columns. */
export interface AggregateFound {
  readonly metric: string;
  readonly bucket: string;
  readonly timeZone: string;
  readonly functions: readonly AggregateName[];
  readonly groupBy: GroupBy | undefined;
  readonly groups: readonly BucketGroup[];
}

/** The reply in JSON; a single series is named where all are one. */
export function aggregateView({ metric, bucket, timeZone, functions, groupBy, groups }: AggregateFound) {
  const shown = { bucket, time_zone: timeZone };
  if (groupBy === undefined) {
    const { series, ...columns } = groups[0] as BucketGroup;
    const [only] = series;
    const name = only !== undefined && series.length === 1 ? nameView(only) : { metric };
    return { ...name, series: series.length, ...shown, buckets: bucketViews(columns, functions) };
  }
  return {
    metric,
    group_by: groupBy.by === 'device' ? 'device' : `tag:${groupBy.tag}`,
    ...shown,
    groups: groups.map(({ name, series, ...columns }) => ({
      group: name,
      series: series.length,
      buckets: bucketViews(columns, functions),
    })),
  };
}

function bucketViews(
  { starts, columns }: Pick<BucketGroup, 'starts' | 'columns'>,
  functions: readonly AggregateName[],
) {
  const views: Record<string, string | number | null>[] = [];
  for (let at = 0; at < starts.length; at++) {
    const shown: Record<string, string | number | null> = {
      timestamp: formatPointTime(starts[at] as number),
    };
    for (let index = 0; index < functions.length; index++) {
      const value = (columns[index] as Float64Array)[at] as number;
      shown[functions[index] as AggregateName] = Number.isFinite(value) ? value : null;
    }
    views.push(shown);
  }
  return views;
}
