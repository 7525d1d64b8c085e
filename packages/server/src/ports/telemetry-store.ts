import type { SeriesName } from '@pisync/protocol';
import type { AggregateName } from '../core/telemetry/aggregate.ts';
import type { SeriesCondition } from '../core/telemetry/series-select.ts';

/** Points of one series as columns, ascending by time; no two have the same time. */
export interface PointColumns {
  readonly count: number;
  /** Microseconds since the epoch. */
  readonly times: Float64Array;
  /** A number; 0 or 1 for a boolean; for a text its place in `texts`. */
  readonly values: Float64Array;
  /** Codes of `pointKinds`. */
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

/** Which series a question is about. All given conditions must hold. */
export interface SeriesQuery extends SeriesCondition {
  /** Devices; undefined for all. */
  readonly deviceIds?: readonly string[] | undefined;
  /** What the id of the device begins with. */
  readonly devicePrefix?: string | undefined;
  /** 1 to 10,000. */
  readonly limit: number;
  /** Resume strictly after the series with this number. */
  readonly after?: number | undefined;
}

/** A series and its newest point. */
export interface SeriesRecord {
  readonly name: SeriesName;
  /** Number of the series in this store, in the order of first appearance. */
  readonly number: number;
  /** Microseconds since the epoch. */
  readonly time: number;
  readonly value: number | boolean | string;
  /** Every kind of value that the series ever had, as a sum of {@link kindBit}: numbers only are 1. */
  readonly kinds: number;
}

/** The bit of a kind of value, given by its code of `pointKinds`, in {@link SeriesRecord.kinds}. */
export function kindBit(kind: number): number {
  return 1 << kind;
}

export interface SeriesPage {
  /** By number. */
  readonly items: readonly SeriesRecord[];
  /** Number of the last item if there are more, else null. */
  readonly next: number | null;
}

/** A stretch of one series. */
export interface RangeQuery {
  readonly series: SeriesName;
  /** Inclusive, microseconds since the epoch. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Points at most; 1 to 2,000,000. */
  readonly limit: number;
}

export interface RangeAnswer {
  /** The receiver's own: it may write over the columns. */
  readonly points: PointColumns;
  /** Time of the first point that is left out, to go on from; null where all are here. */
  readonly next: number | null;
}

/** A series, and which of the answers it counts in. */
export interface GroupedSeries extends SeriesName {
  /** From 0 to 999. */
  readonly group: number;
}

/** Which stretch of some series is summed up, and how. */
export interface AggregateQuery {
  /** 1 to 1,000, none twice; one that was never seen counts for nothing. */
  readonly series: readonly GroupedSeries[];
  /** Inclusive, microseconds since the epoch. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Width of the buckets, as `parseBucket` takes it. */
  readonly bucket: string;
  /** IANA name of the zone whose days, weeks and months are meant. */
  readonly timeZone: string;
  /** What is asked of each bucket; at least one. */
  readonly names: readonly AggregateName[];
  /** Buckets of all groups together, at most. */
  readonly maxBuckets: number;
}

/** The buckets of a group that hold numbers or booleans (as 0 and 1), ascending. Text counts nowhere. */
export interface AggregateAnswer {
  /** Microseconds since the epoch. */
  readonly starts: Float64Array;
  /** For each name that was asked for, a number per bucket; `NaN` where there is none. */
  readonly columns: readonly Float64Array[];
}

/** A stretch for a chart. */
export interface DownsampleQuery extends Omit<RangeQuery, 'limit'> {
  /** Points at most; 4 to 100,000. */
  readonly points: number;
  readonly method: 'largest_triangle' | 'min_max';
}

/**
 * Reads telemetry. Points come in by `Store.commit`, whose promise holds for them, too: what it took is durable and is
 * seen by every question asked afterwards.
 *
 * The same series and time again: an equal value changes nothing, another one replaces the first. Which of two is the later
 * one is decided by the order of commits, never by a clock.
 */
export interface TelemetryStore {
  /** Series with their newest points, by number. */
  series(query: SeriesQuery): Promise<SeriesPage>;
  /** Points of one series; undefined where the series was never seen. */
  range(query: RangeQuery): Promise<RangeAnswer | undefined>;
  /**
   * A stretch of some series in buckets, as if all points of a group were of one series. Points of one time are taken by
   * value, least first.
   *
   * @returns one answer for each group, by number; undefined where none of the series was ever seen
   * @throws {PisyncError} `invalid_parameter` for a width or zone that does not exist, and for too many buckets
   */
  aggregate(query: AggregateQuery): Promise<readonly AggregateAnswer[] | undefined>;
  /** The points that a chart of a stretch needs, numbers and booleans; undefined where the series was never seen. */
  downsample(query: DownsampleQuery): Promise<PointColumns | undefined>;
}
