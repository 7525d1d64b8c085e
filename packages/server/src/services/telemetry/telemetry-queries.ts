import { decodeSeriesKey, PisyncError } from '@pisync/protocol';
import { decodeCursor, encodeCursor } from '../../core/paging.ts';
import type { AggregateName } from '../../core/telemetry/aggregate.ts';
import { createBucketing, parseBucket } from '../../core/telemetry/buckets.ts';
import type { FillMode } from '../../core/telemetry/fill.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Meter } from '../../ports/meter.ts';
import type {
  PointColumns,
  RangeAnswer,
  SeriesQuery,
  SeriesRecord,
  TelemetryStore,
} from '../../ports/telemetry-store.ts';
import {
  type AggregateFound,
  type GroupBy,
  groupSeries,
  layOutGroups,
  MAX_ALL_BUCKETS,
} from './bucket-groups.ts';
import { latestViews, nameView, pointViews, type SeriesView, seriesView } from './telemetry-views.ts';

/** Which series is asked for; without tags, the one that has none, or the metric's only one. */
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

export interface LatestRequest {
  readonly deviceIds: readonly string[] | undefined;
  readonly devicePrefix: string | undefined;
  readonly metrics: readonly string[] | undefined;
  /** Tags that the series have. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface StretchRequest extends OneSeries {
  /** Epoch milliseconds; all there is where undefined. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export interface RangeRequest extends StretchRequest {
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** All series that meet the conditions are asked for. */
export interface AggregateRequest {
  readonly deviceIds: readonly string[] | undefined;
  readonly devicePrefix: string | undefined;
  readonly metric: string;
  /** Tags that the series have. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** Epoch milliseconds; all there is where undefined. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly bucket: string;
  readonly timeZone: string;
  readonly functions: readonly AggregateName[];
  readonly fill: FillMode;
  readonly groupBy: GroupBy | undefined;
}

export interface ChartRequest extends StretchRequest {
  readonly points: number;
  readonly method: 'largest_triangle' | 'min_max';
}

/** Series of one question at most. */
const MAX_SERIES = 1000;

/** Points that are asked for at once where a stretch is read from end to end. */
const SLICE_POINTS = 262_144;

/** A stretch of one series, of any length. */
export interface PointStretch {
  readonly series: SeriesView;
  /** As `SeriesRecord.kinds`; no point is of another. */
  readonly kinds: number;
  /** Slices of the points, oldest first. Each shows what is stored when it is read. */
  readonly slices: AsyncGenerator<PointColumns, void, undefined>;
}

/** A stretch of points, still as columns. */
export interface RangeFound {
  readonly series: SeriesView;
  readonly points: PointColumns;
  readonly nextCursor: string | null;
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
    const { limit, metric, ...filters } = conditions;
    const { deviceIds, search } = filters;
    const query = { ...filters, metrics: metric === undefined ? undefined : [metric], limit };
    const identity = {
      list: 'series',
      filters: { devices: deviceIds?.join(), metric, search, tags: tagText(filters.tags) },
    };
    const after = cursor === undefined ? undefined : readNumber(identity, cursor);
    const found = await this.#timed('series', query, () => this.#store.series({ ...query, after }));
    return {
      items: found.items.map(seriesView),
      next_cursor: found.next === null ? null : encodeCursor(identity, [found.next]),
      limit,
    };
  }

  /** The newest points of all series that meet the conditions, by pages. @throws {PisyncError} `invalid_cursor` */
  async latest(request: LatestRequest) {
    const { cursor, ...query } = request;
    const { deviceIds, devicePrefix, metrics, tags, limit } = query;
    const identity = {
      list: 'latest',
      filters: { devices: deviceIds?.join(), devicePrefix, metrics: listText(metrics), tags: tagText(tags) },
    };
    const after = cursor === undefined ? undefined : readNumber(identity, cursor);
    const found = await this.#timed('latest', query, () => this.#store.series({ ...query, after }));
    return {
      items: latestViews(found.items),
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
    const { name: series } = await this.#one(request);
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

  /** All points of a stretch of one series, to be read as they are needed. @throws {PisyncError} as {@link range} */
  async stretch(request: StretchRequest): Promise<PointStretch> {
    const { name, kinds } = await this.#one(request);
    return { series: nameView(name), kinds, slices: this.#slices(name, request) };
  }

  async *#slices(
    series: SeriesRecord['name'],
    request: StretchRequest,
  ): AsyncGenerator<PointColumns, void, undefined> {
    const to = micros(request.to, Number.MAX_SAFE_INTEGER);
    const read = async (from: number): Promise<RangeAnswer> => {
      const query = { series, from, to, limit: SLICE_POINTS };
      const found = await this.#timed('stretch', query, () => this.#store.range(query));
      if (found === undefined) throw unknownSeries();
      return found;
    };
    let next: Promise<RangeAnswer> | undefined = read(micros(request.from, Number.MIN_SAFE_INTEGER));
    while (next !== undefined) {
      const found: RangeAnswer = await next;
      // The store reads on while the slice is used; who stops there does not want to hear of it.
      next = found.next === null ? undefined : read(found.next);
      next?.catch(() => undefined);
      yield found.points;
    }
  }

  /**
   * All series that meet the conditions in buckets of time, as one or by groups.
   *
   * @throws {PisyncError} `series_unknown` where there is none; `invalid_parameter` for more than 1,000 of them, for a width
   *   or zone that does not exist, and for more than 10,000 buckets of a group or 100,000 of all
   */
  async aggregate(request: AggregateRequest): Promise<AggregateFound> {
    const { metric, bucket, timeZone, functions, fill, groupBy } = request;
    const groups = groupSeries(await this.#several(request), groupBy);
    const from = micros(request.from, Number.MIN_SAFE_INTEGER);
    const to = micros(request.to, Number.MAX_SAFE_INTEGER);
    const query = {
      series: groups.flatMap(({ series }, group) => series.map((one) => ({ ...one, group }))),
      from,
      to,
      bucket,
      timeZone,
      names: functions,
      maxBuckets: MAX_ALL_BUCKETS,
    };
    const answers = await this.#timed('aggregate', request, () => this.#store.aggregate(query));
    if (answers === undefined) throw unknownSeries();
    const layout = {
      bucketing: createBucketing(parseBucket(bucket), timeZone),
      from: request.from === undefined ? undefined : from,
      to: request.to === undefined ? undefined : to,
      functions,
      fill,
    };
    return { metric, bucket, timeZone, functions, groupBy, groups: layOutGroups(groups, answers, layout) };
  }

  /** The points that a chart of one series needs. @throws {PisyncError} as {@link range} */
  async downsample(request: ChartRequest) {
    const { name: series } = await this.#one(request);
    const { points, method } = request;
    const from = micros(request.from, Number.MIN_SAFE_INTEGER);
    const to = micros(request.to, Number.MAX_SAFE_INTEGER);
    const found = await this.#timed('downsample', request, () =>
      this.#store.downsample({ series, from, to, points, method }),
    );
    if (found === undefined) throw unknownSeries();
    return { ...nameView(series), points: pointViews(found) };
  }

  async #one({ deviceId, metric, tags }: OneSeries): Promise<SeriesRecord> {
    const query = { deviceIds: [deviceId], metrics: [metric], tags, limit: MAX_SERIES };
    const { items } = await this.#timed('series', query, () => this.#store.series(query));
    const exact = items.find(({ name }) => sameTags(name.key, tags ?? {}));
    const found = exact ?? (items.length === 1 ? items[0] : undefined);
    if (found !== undefined) return found;
    if (items.length === 0) throw unknownSeries();
    const shown = items
      .slice(0, TOLD_SERIES)
      .map(({ name }) => name.key)
      .join(' or ');
    const detail = `${items.length} series of this device have the metric: ${shown}. Give the tags of one, as tags=name=value,….`;
    throw new PisyncError('invalid_parameter', { field: 'tags', detail });
  }

  async #several({ deviceIds, devicePrefix, metric, tags }: AggregateRequest) {
    const query: SeriesQuery = { deviceIds, devicePrefix, metrics: [metric], tags, limit: MAX_SERIES };
    const { items, next } = await this.#timed('series', query, () => this.#store.series(query));
    if (items.length === 0) throw unknownSeries();
    if (next === null) return items.map(({ name }) => name);
    const detail = `More than ${MAX_SERIES} series match. Name fewer devices, or tags that fewer series have.`;
    throw new PisyncError('invalid_parameter', {
      field: deviceIds === undefined ? 'device_id' : 'tags',
      detail,
    });
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

function listText(texts: readonly string[] | undefined): string | undefined {
  return texts === undefined ? undefined : JSON.stringify(texts);
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
