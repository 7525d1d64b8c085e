import type { PointBatch, SeriesName } from '@pisync/protocol';
import { aggregateColumns, BucketAggregates, isQuantile } from '../../../core/telemetry/aggregate.ts';
import { createBucketing, parseBucket } from '../../../core/telemetry/buckets.ts';
import { chartOf } from '../../../core/telemetry/chart.ts';
import { numbersOf } from '../../../core/telemetry/numbers.ts';
import { matchesSeries } from '../../../core/telemetry/series-select.ts';
import type {
  AggregateAnswer,
  AggregateQuery,
  DownsampleQuery,
  PointColumns,
  RangeAnswer,
  RangeQuery,
  SeriesPage,
  SeriesQuery,
  TelemetryStore,
} from '../../../ports/telemetry-store.ts';

type Value = number | boolean | string;

interface MemorySeries {
  readonly name: SeriesName;
  /** Values by time, unordered. */
  readonly points: Map<number, Value>;
}

/** Telemetry in plain collections: the model that other stores are compared with. */
export class MemoryTelemetry implements TelemetryStore {
  readonly #series = new Map<string, MemorySeries>();
  readonly #refuseIfClosed: () => void;

  constructor(refuseIfClosed: () => void) {
    this.#refuseIfClosed = refuseIfClosed;
  }

  commit({ count, series, seriesOf, times, values, kinds, texts }: PointBatch): void {
    const own = series.map((name) => this.#find(name, true) as MemorySeries);
    for (let at = 0; at < count; at++) {
      const value = values[at] as number;
      const shown = kinds[at] === 2 ? (texts[value] as string) : kinds[at] === 1 ? value === 1 : value;
      (own[seriesOf[at] as number] as MemorySeries).points.set(times[at] as number, shown);
    }
  }

  #find(name: SeriesName, make: boolean): MemorySeries | undefined {
    const id = `${name.deviceId}\n${name.key}`;
    const known = this.#series.get(id);
    if (known !== undefined || !make) return known;
    const made = { name: { deviceId: name.deviceId, key: name.key }, points: new Map<number, Value>() };
    this.#series.set(id, made);
    return made;
  }

  async series(query: SeriesQuery): Promise<SeriesPage> {
    this.#refuseIfClosed();
    const { deviceIds, limit, after = -1 } = query;
    const found = [...this.#series.values()]
      .map(({ name, points }, number) => {
        let time = Number.NEGATIVE_INFINITY;
        for (const each of points.keys()) if (each > time) time = each;
        return { name, number, time, value: points.get(time) as Value };
      })
      .filter(({ name, number }) => {
        const wanted = deviceIds === undefined || deviceIds.includes(name.deviceId);
        return number > after && wanted && matchesSeries(name.key, query);
      });
    const items = found.slice(0, limit);
    return { items, next: found.length > limit ? (items.at(-1)?.number ?? null) : null };
  }

  async range({ series, from, to, limit }: RangeQuery): Promise<RangeAnswer | undefined> {
    this.#refuseIfClosed();
    const points = this.#find(series, false)?.points;
    if (points === undefined) return undefined;
    const times = [...points.keys()].filter((time) => time >= from && time < to).sort((a, b) => a - b);
    const shown = times.slice(0, limit);
    return { points: columnsOf(shown, points), next: times[limit] ?? null };
  }

  async aggregate({
    bucket,
    timeZone,
    names,
    ...stretch
  }: AggregateQuery): Promise<AggregateAnswer | undefined> {
    const bucketing = createBucketing(parseBucket(bucket), timeZone);
    const found = await this.range({ ...stretch, limit: Number.MAX_SAFE_INTEGER });
    if (found === undefined) return undefined;
    const aggregates = new BucketAggregates(names.some(isQuantile));
    const { times, values, start, end } = numbersOf(found.points, 0, found.points.count);
    aggregateColumns(times, values, start, end, bucketing, aggregates);
    return { starts: aggregates.starts(), columns: names.map((name) => aggregates.column(name)) };
  }

  async downsample({ points, method, ...stretch }: DownsampleQuery): Promise<PointColumns | undefined> {
    const found = await this.range({ ...stretch, limit: Number.MAX_SAFE_INTEGER });
    return found === undefined ? undefined : chartOf(found.points, points, method);
  }
}

function columnsOf(times: readonly number[], points: ReadonlyMap<number, Value>): PointColumns {
  const texts: string[] = [];
  const shown = times.map((time) => points.get(time) as Value);
  return {
    count: times.length,
    times: Float64Array.from(times),
    values: Float64Array.from(shown, (value) =>
      typeof value === 'string' ? texts.push(value) - 1 : Number(value),
    ),
    kinds: Uint8Array.from(shown, (value) => ['number', 'boolean', 'string'].indexOf(typeof value)),
    texts,
  };
}
