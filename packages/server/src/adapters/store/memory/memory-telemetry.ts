import type { PointBatch, SeriesName } from '@pisync/protocol';
import { chartOf } from '../../../core/telemetry/chart.ts';
import { GroupAggregates } from '../../../core/telemetry/group-aggregates.ts';
import { matchesSeries } from '../../../core/telemetry/series-select.ts';
import {
  type AggregateAnswer,
  type AggregateQuery,
  type DownsampleQuery,
  kindBit,
  type PointColumns,
  type RangeAnswer,
  type RangeQuery,
  type SeriesPage,
  type SeriesQuery,
  type TelemetryStore,
} from '../../../ports/telemetry-store.ts';

type Value = number | boolean | string;

interface MemorySeries {
  readonly name: SeriesName;
  /** Values by time, unordered. */
  readonly points: Map<number, Value>;
  kinds: number;
}

/** Telemetry in plain collections: the model that other stores are compared with. */
export class MemoryTelemetry implements TelemetryStore {
  readonly #series = new Map<string, MemorySeries>();
  readonly #refuseIfClosed: () => void;

  constructor(refuseIfClosed: () => void) {
    this.#refuseIfClosed = refuseIfClosed;
  }

  /** @param skipped - places of points that are not kept */
  commit(batch: PointBatch, skipped: ReadonlySet<number>): void {
    const { count, series, seriesOf, times, values, kinds, texts } = batch;
    for (let at = 0; at < count; at++) {
      if (skipped.has(at)) continue;
      const value = values[at] as number;
      const shown = kinds[at] === 2 ? (texts[value] as string) : kinds[at] === 1 ? value === 1 : value;
      const one = this.#find(series[seriesOf[at] as number] as SeriesName, true) as MemorySeries;
      one.points.set(times[at] as number, shown);
      one.kinds |= kindBit(kinds[at] as number);
    }
  }

  #find(name: SeriesName, make: boolean): MemorySeries | undefined {
    const id = `${name.deviceId}\n${name.key}`;
    const known = this.#series.get(id);
    if (known !== undefined || !make) return known;
    const { deviceId, key } = name;
    const made = { name: { deviceId, key }, points: new Map<number, Value>(), kinds: 0 };
    this.#series.set(id, made);
    return made;
  }

  async series(query: SeriesQuery): Promise<SeriesPage> {
    this.#refuseIfClosed();
    const { deviceIds, devicePrefix = '', limit, after = -1 } = query;
    const found = [...this.#series.values()]
      .map(({ name, points, kinds }, number) => {
        let time = Number.NEGATIVE_INFINITY;
        for (const each of points.keys()) if (each > time) time = each;
        return { name, number, time, value: points.get(time) as Value, kinds };
      })
      .filter(({ name, number }) => {
        const wanted = deviceIds === undefined || deviceIds.includes(name.deviceId);
        return (
          number > after && wanted && name.deviceId.startsWith(devicePrefix) && matchesSeries(name.key, query)
        );
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

  async aggregate(query: AggregateQuery): Promise<readonly AggregateAnswer[] | undefined> {
    const { series, from, to } = query;
    const groups = new GroupAggregates(Math.max(...series.map(({ group }) => group)) + 1, query);
    let known = false;
    for (const one of series) {
      const found = await this.range({ series: one, from, to, limit: Number.MAX_SAFE_INTEGER });
      if (found === undefined) continue;
      known = true;
      groups.add(one.group, found.points, 0, found.points.count);
    }
    return known ? groups.answers() : undefined;
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
