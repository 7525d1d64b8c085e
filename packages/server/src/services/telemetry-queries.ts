import { decodeSeriesKey, formatTimestamp, PisyncError, type SeriesName } from '@pisync/protocol';
import { decodeCursor, encodeCursor } from '../core/paging.ts';
import type { AggregateName } from '../core/telemetry/aggregate.ts';
import { createBucketing, parseBucket } from '../core/telemetry/buckets.ts';
import { type FillMode, fillColumn, fillCounts, layOutBuckets } from '../core/telemetry/fill.ts';
import type { Clock } from '../ports/clock.ts';
import type { Meter } from '../ports/meter.ts';
import type { PointColumns, SeriesRecord, TelemetryStore } from '../ports/telemetry-store.ts';

/** Which series is asked for; without tags, the metric's only one. */
export interface OneSeries {
  readonly deviceId: string;
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

export interface SeriesRequest {
  readonly deviceIds: readonly string[] | undefined;
  readonly metric: string | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly search: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface RangeRequest extends OneSeries {
  /** Epoch milliseconds; all there is where undefined. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface AggregateRequest extends OneSeries {
  /** Epoch milliseconds; all there is where undefined. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly bucket: string;
  readonly timeZone: string;
  readonly functions: readonly AggregateName[];
  readonly fill: FillMode;
}

export interface ChartRequest extends OneSeries {
  /** Epoch milliseconds; all there is where undefined. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly points: number;
  readonly method: 'largest_triangle' | 'min_max';
}

/** Buckets of one answer at most. */
const MAX_BUCKETS = 10_000;

/** A stretch of points, still as columns. */
export interface RangeFound {
  readonly series: SeriesView;
  readonly points: PointColumns;
  readonly nextCursor: string | null;
}

interface SeriesView {
  readonly device_id: string;
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Series that are told of where a question fits several. */
const TOLD_SERIES = 5;

/** Answers questions about telemetry. */
export class TelemetryQueries {
  readonly #store: TelemetryStore;
  readonly #clock: Clock;
  readonly #meter: Meter;

  constructor(store: TelemetryStore, clock: Clock, meter: Meter) {
    this.#store = store;
    this.#clock = clock;
    this.#meter = meter;
  }

  /** One page of the catalogue, with the newest point of each series. @throws {PisyncError} `invalid_cursor` */
  async series(request: SeriesRequest) {
    const { cursor, ...conditions } = request;
    const { limit, ...filters } = conditions;
    const { deviceIds, metric, search } = filters;
    const identity = {
      list: 'series',
      filters: { devices: deviceIds?.join(), metric, search, tags: tagText(filters.tags) },
    };
    const after = cursor === undefined ? undefined : readNumber(identity, cursor);
    const found = await this.#timed('series', filters, () => this.#store.series({ ...conditions, after }));
    return {
      items: found.items.map(seriesView),
      next_cursor: found.next === null ? null : encodeCursor(identity, [found.next]),
      limit,
    };
  }

  /**
   * Points of one series, oldest first.
   *
   * @throws {PisyncError} `series_unknown` where there is no such series, `invalid_parameter` where there are several,
   *   `invalid_cursor`
   */
  async range(request: RangeRequest): Promise<RangeFound> {
    const series = await this.#one(request);
    const { deviceId, metric, tags, from, to, limit } = request;
    const identity = { list: 'range', filters: { deviceId, metric, tags: tagText(tags), from, to } };
    const start =
      request.cursor === undefined
        ? micros(from, Number.MIN_SAFE_INTEGER)
        : readNumber(identity, request.cursor);
    const query = { series, from: start, to: micros(to, Number.MAX_SAFE_INTEGER), limit };
    const found = await this.#timed('range', identity.filters, () => this.#store.range(query));
    if (found === undefined) throw unknownSeries();
    const nextCursor = found.next === null ? null : encodeCursor(identity, [found.next]);
    return { series: nameView(series), points: found.points, nextCursor };
  }

  /**
   * One series in buckets of time.
   *
   * @throws {PisyncError} as {@link range}; `invalid_parameter` also for a width or zone that does not exist, and for
   *   more than 10,000 buckets
   */
  async aggregate(request: AggregateRequest) {
    const series = await this.#one(request);
    const { bucket, timeZone, functions, fill } = request;
    const from = micros(request.from, Number.MIN_SAFE_INTEGER);
    const to = micros(request.to, Number.MAX_SAFE_INTEGER);
    const query = { series, from, to, bucket, timeZone, names: functions };
    const found = await this.#timed('aggregate', request, () => this.#store.aggregate(query));
    if (found === undefined) throw unknownSeries();
    const { starts, columns } = found;
    const bucketing = createBucketing(parseBucket(bucket), timeZone);
    // Without bounds, what is filled lies between the first and the last point.
    const first = request.from === undefined ? (starts[0] ?? 0) : from;
    const last = request.to === undefined ? (starts[starts.length - 1] ?? -1) + 1 : to;
    const grid = layOutBuckets(starts, bucketing, first, last, fill, MAX_BUCKETS);
    const filled = columns.map((column, at) =>
      functions[at] === 'count' ? fillCounts(grid, column) : fillColumn(grid, column, fill),
    );
    const buckets = Array.from(grid.starts, (start, at) => {
      const shown: Record<string, string | number | null> = { timestamp: formatPointTime(start) };
      for (const [index, name] of functions.entries()) {
        const value = filled[index]?.[at] ?? Number.NaN;
        shown[name] = Number.isFinite(value) ? value : null;
      }
      return shown;
    });
    return { ...nameView(series), bucket, time_zone: timeZone, buckets };
  }

  /** The points that a chart of one series needs. @throws {PisyncError} as {@link range} */
  async downsample(request: ChartRequest) {
    const series = await this.#one(request);
    const { points, method } = request;
    const from = micros(request.from, Number.MIN_SAFE_INTEGER);
    const to = micros(request.to, Number.MAX_SAFE_INTEGER);
    const found = await this.#timed('downsample', request, () =>
      this.#store.downsample({ series, from, to, points, method }),
    );
    if (found === undefined) throw unknownSeries();
    return { ...nameView(series), points: pointViews(found) };
  }

  async #one({ deviceId, metric, tags }: OneSeries): Promise<SeriesName> {
    const query = { deviceIds: [deviceId], metric, tags, limit: 1000 };
    const { items } = await this.#timed('series', query, () => this.#store.series(query));
    const exact = items.find(({ name }) => tags !== undefined && sameTags(name.key, tags));
    const found = exact ?? (items.length === 1 ? items[0] : undefined);
    if (found !== undefined) return found.name;
    if (items.length === 0) throw unknownSeries();
    const shown = items
      .slice(0, TOLD_SERIES)
      .map(({ name }) => name.key)
      .join(' or ');
    const detail = `${items.length} series of this device have the metric: ${shown}. Give the tags of one, as tags=name=value,….`;
    throw new PisyncError('invalid_parameter', { field: 'tags', detail });
  }

  async #timed<T>(name: string, parameters: object, ask: () => Promise<T>): Promise<T> {
    const began = this.#clock.monotonic();
    try {
      return await ask();
    } finally {
      this.#meter.query(name, this.#clock.monotonic() - began, parameters);
    }
  }
}

function readNumber(identity: Parameters<typeof decodeCursor>[0], cursor: string): number {
  const key = decodeCursor(identity, cursor, ['number']);
  if (typeof key !== 'string') return key[0] as number;
  const detail = 'Pass next_cursor of the previous reply with the same filters, or start without cursor.';
  throw new PisyncError('invalid_cursor', { field: 'cursor', detail });
}

function tagText(tags: OneSeries['tags']): string | undefined {
  return tags === undefined ? undefined : JSON.stringify(Object.entries(tags).sort());
}

function micros(ms: number | undefined, otherwise: number): number {
  if (ms === undefined) return otherwise;
  return Math.min(Math.max(ms * 1000, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

function sameTags(key: string, tags: Readonly<Record<string, string>>): boolean {
  const own = decodeSeriesKey(key).tags;
  return own.length === Object.keys(tags).length && own.every(([name, value]) => tags[name] === value);
}

function unknownSeries(): PisyncError {
  const detail = 'No such series: see /api/telemetry/series for those that there are.';
  return new PisyncError('series_unknown', { detail });
}

function nameView(name: SeriesName): SeriesView {
  const { metric, tags } = decodeSeriesKey(name.key);
  return { device_id: name.deviceId, metric, tags: Object.fromEntries(tags) };
}

function seriesView({ name, time, value }: SeriesRecord) {
  return { ...nameView(name), latest: { timestamp: formatPointTime(time), value } };
}

/** RFC 3339 in UTC with milliseconds, or microseconds where there are some. */
export function formatPointTime(time: number): string {
  const ms = Math.floor(time / 1000);
  const text = formatTimestamp(ms);
  const rest = time - ms * 1000;
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

/** Points as a reply shows them. */
export function pointViews(points: PointColumns) {
  return Array.from({ length: points.count }, (_, at) => ({
    timestamp: formatPointTime(points.times[at] as number),
    value: pointValue(points, at),
  }));
}

/** The value of a point of columns. */
export function pointValue({ values, kinds, texts }: PointColumns, at: number): number | boolean | string {
  const value = values[at] as number;
  const kind = kinds[at];
  return kind === 0 ? value : kind === 1 ? value === 1 : (texts[value] as string);
}
