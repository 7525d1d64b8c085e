import type { SeriesName } from '@pisync/protocol';
import { matchesSeries } from '../../../../core/telemetry/series-select.ts';
import type {
  GroupedSeries,
  SeriesPage,
  SeriesQuery,
  SeriesRecord,
} from '../../../../ports/telemetry-store.ts';
import type { PointLog } from './point-log.ts';
import type { SeriesTable } from './series-table.ts';
import { type SortedPoints, TailStretch } from './tail-stretch.ts';

/** Of which series a stretch is asked for. */
export interface PointTailQuestion {
  /** One, or several with their groups. */
  readonly series: SeriesName | readonly GroupedSeries[];
  /** Microseconds since the epoch, inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Points that the whole answer shows at most, where the question is about one series. */
  readonly limit?: number | undefined;
}

/** What the writer knows of a stretch of some series: its newest part, and where the rest lies. */
export interface PointTailAnswer {
  /** Numbers of the series that there are, ascending, and for each its group. */
  readonly series: readonly number[];
  readonly groups: readonly number[];
  /** How many groups there are, those of which no series is known among them. */
  readonly groupCount: number;
  /** Which opening of the store this is of. */
  readonly generation: number;
  /** Live runs that may hold points of the stretch, from the oldest commits to the newest. */
  readonly runs: readonly number[];
  /** Points of the tail, by series and time. */
  readonly points: SortedPoints;
}

/**
 * Series that match, by number. A question that names devices costs what they have; any other looks at all series, though
 * at each device and key once only.
 */
export function querySeries({ series }: PointLog, query: SeriesQuery): SeriesPage {
  const items: SeriesRecord[] = [];
  const after = query.after ?? -1;
  const matches = matcher(series, query);
  for (const number of candidates(series, query, after + 1)) {
    if (number <= after || !matches(number)) continue;
    if (items.length === query.limit)
      return { items, next: (items[items.length - 1] as SeriesRecord).number };
    items.push({ name: series.name(number), number, ...series.latest(number) });
  }
  return { items, next: null };
}

function* candidates(series: SeriesTable, { deviceIds }: SeriesQuery, from: number): Iterable<number> {
  if (deviceIds === undefined) {
    for (let number = from; number < series.count; number++) yield number;
    return;
  }
  yield* [...new Set(deviceIds)].flatMap((device) => series.ofDevice(device)).sort((a, b) => a - b);
}

function matcher(series: SeriesTable, query: SeriesQuery): (number: number) => boolean {
  const { devicePrefix } = query;
  const fits = remembered(series.keys, (key) => matchesSeries(series.key(key), query));
  if (devicePrefix === undefined) return (number) => fits(series.keyOf(number));
  const begins = remembered(series.devices, (device) => series.deviceId(device).startsWith(devicePrefix));
  return (number) => begins(series.deviceOf(number)) && fits(series.keyOf(number));
}

/** Asks once for each number. */
function remembered(count: number, ask: (number: number) => boolean): (number: number) => boolean {
  const verdicts = new Uint8Array(count);
  return (number) => {
    if (verdicts[number] === 0) verdicts[number] = ask(number) ? 1 : 2;
    return verdicts[number] === 1;
  };
}

/** The points of the tail in a stretch and the runs to read on in, as of one moment; null where no series is known. */
export function queryPointTail(
  log: PointLog,
  { series, from, to, limit }: PointTailQuestion,
): Omit<PointTailAnswer, 'generation'> | null {
  const asked = 'key' in series ? [{ ...series, group: 0 }] : series;
  const known = asked
    .map(({ deviceId, key, group }) => ({ number: log.series.find(deviceId, key), group }))
    .filter(({ number }) => number >= 0)
    .sort((a, b) => a.number - b.number);
  if (known.length === 0) return null;
  const runs = log.runs.live.filter((run) => run.maxTime >= from && run.minTime < to).map((run) => run.id);
  const stretch = new TailStretch(log.tail, from, to);
  for (const { number } of known) stretch.add(number, log.series.heads[number] as number);
  // What goes on behind the points that are shown is told by the first of them.
  const points = stretch.points(limit === undefined ? undefined : limit + 1);
  return {
    series: known.map(({ number }) => number),
    groups: known.map(({ group }) => group),
    groupCount: Math.max(...asked.map(({ group }) => group)) + 1,
    runs,
    points,
  };
}
