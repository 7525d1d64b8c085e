import { matchesSeries } from '../../../../core/telemetry/series-select.ts';
import type { RangeQuery, SeriesPage, SeriesQuery, SeriesRecord } from '../../../../ports/telemetry-store.ts';
import type { PointColumns } from '../format/point-columns.ts';
import type { PointLog } from './point-log.ts';

/** What the writer knows of a stretch of a series: its newest part, and where the rest lies. */
export interface PointTailAnswer {
  readonly series: number;
  /** Which opening of the store this is of. */
  readonly generation: number;
  /** Live runs that may hold points of the stretch, from the oldest commits to the newest. */
  readonly runs: readonly number[];
  /** Points of the tail, ascending. */
  readonly points: PointColumns;
}

/** Series that match, by number. A question that names devices costs what they have; any other looks at all series. */
export function querySeries({ series }: PointLog, query: SeriesQuery): SeriesPage {
  const items: SeriesRecord[] = [];
  const after = query.after ?? -1;
  for (const number of candidates(series, query)) {
    if (number <= after) continue;
    const name = series.name(number);
    if (!matchesSeries(name.key, query)) continue;
    if (items.length === query.limit)
      return { items, next: (items[items.length - 1] as SeriesRecord).number };
    items.push({ name, number, ...series.latest(number) });
  }
  return { items, next: null };
}

function candidates(series: PointLog['series'], { deviceIds }: SeriesQuery): Iterable<number> {
  if (deviceIds === undefined) return Array.from({ length: series.count }, (_, number) => number);
  return [...new Set(deviceIds)].flatMap((device) => series.ofDevice(device)).sort((a, b) => a - b);
}

/** The points of the tail in a stretch and the runs to read on in, as of one moment; null for a series never seen. */
export function queryPointTail(
  log: PointLog,
  { series: name, from, to }: Omit<RangeQuery, 'limit'>,
): Omit<PointTailAnswer, 'generation'> | null {
  const series = log.series.find(name.deviceId, name.key);
  if (series < 0) return null;
  const runs = log.runs.live.filter((run) => run.maxTime >= from && run.minTime < to).map((run) => run.id);
  return { series, runs, points: tailColumns(log, series, from, to) };
}

function tailColumns(
  { series: table, tail }: PointLog,
  series: number,
  from: number,
  to: number,
): PointColumns {
  const found: { time: number; value: number | string; kind: number; order: number }[] = [];
  tail.walk(table.heads[series] as number, (time, value, kind) => {
    if (time >= from && time < to) found.push({ time, value, kind, order: found.length });
  });
  // The one committed last came first: it stays where times are equal.
  found.sort((a, b) => a.time - b.time || a.order - b.order);
  const kept = found.filter(
    (point, at) => at === 0 || point.time !== (found[at - 1] as { time: number }).time,
  );
  const texts: string[] = [];
  return {
    count: kept.length,
    series: new Int32Array(kept.length).fill(series),
    times: Float64Array.from(kept, (point) => point.time),
    values: Float64Array.from(kept, ({ value }) =>
      typeof value === 'number' ? value : texts.push(value) - 1,
    ),
    kinds: Uint8Array.from(kept, (point) => point.kind),
    texts,
  };
}
