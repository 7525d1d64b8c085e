import { chartOf } from '../../../../core/telemetry/chart.ts';
import { GroupAggregates } from '../../../../core/telemetry/group-aggregates.ts';
import type {
  AggregateAnswer,
  AggregateQuery,
  DownsampleQuery,
  PointColumns,
  RangeAnswer,
  RangeQuery,
  TelemetryStore,
} from '../../../../ports/telemetry-store.ts';
import type { Session } from '../connection/session.ts';
import { GrowingColumns } from './growing-columns.ts';
import { ofOneState } from './hypertables/one-state.ts';
import { answerFromSums } from './hypertables/read-sums.ts';
import { holdPoints } from './point-scan.ts';
import { ALL_POINTS, readFirst, readSeries } from './sealing/merged-points.ts';
import { type FoundSeries, lookUpSeries, seriesPage } from './series-page.ts';

type Read = <T>(question: (session: Session) => Promise<T>) => Promise<T>;

/** Points of one series that are summed up at once: 4 million are 68 MB. */
const MOST_POINTS = 1 << 22;

export function telemetryReads(ask: Read): TelemetryStore {
  const read = ofOneState(ask);
  return {
    series: (query) => ask((session) => seriesPage(session, query)),
    range: (query) => read((session) => range(session, query)),
    aggregate: (query) => read((session) => aggregate(session, query)),
    downsample: (query) => read((session) => downsample(session, query)),
  };
}

async function range(session: Session, query: RangeQuery): Promise<RangeAnswer | undefined> {
  const { series, limit } = query;
  await holdPoints(session);
  const [found] = await lookUpSeries(session, [series]);
  if (found == null) return undefined;
  // What goes on behind the points that are shown is told by the first of them.
  const points = await readFirst(session, found, query, limit + 1);
  const next = points.count > limit ? (points.columns().times[limit] as number) : null;
  return { points: points.columns(limit), next };
}

/** Adds up series by series in the order of the question: sums of fractions depend on it. */
async function aggregate(
  session: Session,
  query: AggregateQuery,
): Promise<readonly AggregateAnswer[] | undefined> {
  const { series } = query;
  const groups = new GroupAggregates(Math.max(...series.map(({ group }) => group)) + 1, query);
  await holdPoints(session);
  const found = await lookUpSeries(session, series);
  const known = found.flatMap((one, at) =>
    one === null ? [] : [{ ...one, group: series[at]?.group as number }],
  );
  if (known.length === 0) return undefined;
  const groupOf = new Map(known.map(({ number, group }) => [number, group]));
  const numbers = known.map(({ number }) => number);
  const left = await answerFromSums(session, query, numbers, (number, rows) =>
    groups.addRows(groupOf.get(number) as number, rows),
  );
  for (const stretch of left) {
    for (const run of ascendingRuns(known)) {
      await readSeries(session, run, stretch, MOST_POINTS, (number, points) =>
        groups.add(groupOf.get(number) as number, points, 0, points.count),
      );
    }
  }
  return groups.answers();
}

/** Cuts a list where it does not ascend: the database gives the points of a run in the order of the list. */
function ascendingRuns(series: readonly FoundSeries[]): readonly (readonly FoundSeries[])[] {
  const runs: FoundSeries[][] = [];
  for (const [at, one] of series.entries()) {
    if (at > 0 && one.number > (series[at - 1] as FoundSeries).number) runs.at(-1)?.push(one);
    else runs.push([one]);
  }
  return runs;
}

async function downsample(
  session: Session,
  { points, method, series, ...stretch }: DownsampleQuery,
): Promise<PointColumns | undefined> {
  await holdPoints(session);
  const [found] = await lookUpSeries(session, [series]);
  if (found == null) return undefined;
  let chart = chartOf(new GrowingColumns().columns(), points, method);
  await readSeries(session, [found], stretch, ALL_POINTS, (_number, columns) => {
    chart = chartOf(columns, points, method);
  });
  return chart;
}
