import type { BenchContext } from '../harness/bench-context.ts';
import { settled } from '../harness/disk.ts';
import { JsonClient } from '../harness/json-client.ts';
import { askMany, getRequest, type Question } from '../harness/questions.ts';
import type { Goal, Row, Scenario } from '../harness/scenario.ts';
import { short } from '../harness/statistics.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { deviceId } from '../load/event-template.ts';
import { Random } from '../load/random.ts';
import { LineSource, measurement, metricNames } from '../load/telemetry/line-source.ts';

const metric = `${measurement}.${metricNames[0]}`;

/** Half a second: a million points of a series are fewer buckets of a minute than an answer may hold. */
const longEveryMs = 500;
/** Points of each further device. */
const shortPoints = 100;

/** What an answer costs on a store of ten million points, without a cache in front. */
export const telemetryQueries: Scenario = {
  name: 'telemetry-queries',
  about: 'aggregate, latest, Arrow range and downsample on a store of 10 M points',
  async run(context) {
    const { pointsEach, requests, longSeries } = context.sizes.telemetry.queries;
    const folder = context.folder('telemetry-queries');
    const startMs = Math.floor((Date.now() - pointsEach * longEveryMs) / 60_000 - 60) * 60_000;
    const rows = await context.withPisync(
      'telemetry queries',
      folder,
      async ({ url }) => {
        await fill(context, url, startMs);
        context.say(`  ${short(longSeries * pointsEach)} points stored, waiting for the store to settle`);
        await settled(folder, context.options.quick ? 1000 : 5000);
        await check(context, url);
        const asked: Row[] = [];
        for (const question of questionsOf(context, startMs))
          asked.push(await askMany(context, question, { url, connections: 1, requests }));
        return [...asked, rollupGain(asked)];
      },
      'telemetry and detections',
    );
    context.removeFolder(folder);
    return rows;
  },
};

/** How much faster hours, which sealed runs have sums of, are answered than halves of hours, which they have not. */
function rollupGain(rows: readonly Row[]): Row {
  const [hours, halves] = ['hours', 'half_hours'].map((name) =>
    rows.find(({ id }) => id === `telemetry_aggregate_${name}`),
  );
  return {
    id: 'telemetry_rollup_gain',
    label: 'halves of hours from points, over hours from rollups',
    value: (halves as Row).value / (hours as Row).value,
    unit: 'times',
    goal: null,
    note: 'the same points, each in one run: p95 over p95',
  };
}

/** Few long series side by side, then many devices with some points each. */
async function fill(context: BenchContext, url: string, startMs: number): Promise<void> {
  const { connections, queries } = context.sizes.telemetry;
  const { longSeries, pointsEach, devices } = queries;
  const shared = { metrics: metricNames.slice(0, 1), fieldsPerLine: 1, batchPoints: 10_000, connections };
  const sources = [
    new LineSource({
      ...shared,
      devices: longSeries,
      startMs,
      everyMs: longEveryMs,
      points: longSeries * pointsEach,
    }),
    new LineSource({
      ...shared,
      firstDevice: longSeries,
      devices,
      startMs,
      everyMs: 60_000,
      points: devices * shortPoints,
    }),
  ];
  for (const source of sources) {
    const result = await runClosedLoop({
      url,
      connections,
      next: (connection) => source.next(connection),
      accept: (status) => status === 204,
    });
    if (result.errors > 0) throw new Error(`points refused: ${result.firstError}`);
  }
}

/** Counts all points by a question of its own. */
async function check(context: BenchContext, url: string): Promise<void> {
  const { longSeries, pointsEach, devices } = context.sizes.telemetry.queries;
  const client = new JsonClient(url);
  const expect = async (path: string, expected: number): Promise<void> => {
    const { buckets } = (await client.read(path)) as { buckets: { count: number }[] };
    const counted = buckets.reduce((sum, { count }) => sum + count, 0);
    if (counted !== expected) throw new Error(`${path} counts ${counted} points instead of ${expected}`);
  };
  const query = `/api/telemetry/aggregate?metric=${metric}&bucket=1mo&functions=count`;
  try {
    await expect(`${query}&device_id=${devicesFrom(0, longSeries)}`, longSeries * pointsEach);
    await expect(`${query}&device_id=${devicesFrom(longSeries, devices)}`, devices * shortPoints);
  } finally {
    client.close();
  }
}

function devicesFrom(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => deviceId(first + index));
}

function questionsOf(context: BenchContext, startMs: number): Question[] {
  const { longSeries, pointsEach, devices } = context.sizes.telemetry.queries;
  const random = new Random();
  const all = longSeries * pointsEach;
  const within = (from: number, count: number): string => deviceId(from + random.below(count));
  // Ends elsewhere each time, so that no two questions are the same.
  const aggregate = (ids: string, bucket = '1m'): string => {
    const to = new Date(startMs + pointsEach * longEveryMs + random.below(1e6)).toISOString();
    return getRequest(`/api/telemetry/aggregate?metric=${metric}&bucket=${bucket}&device_id=${ids}&to=${to}`);
  };
  const goal = (atLeast: number, aim: number): Goal => ({ better: 'lower', atLeast, aim });
  const stretch = (): string => `device_id=${within(0, longSeries)}&metric=${metric}`;
  const ids = JSON.stringify({ device_ids: devicesFrom(longSeries, devices), limit: devices });
  const downsample = (method: string): string =>
    getRequest(`/api/telemetry/downsample?${stretch()}&points=1000&method=${method}`);
  const many = `POST /api/telemetry/latest HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${ids.length}\r\n\r\n${ids}`;
  const one = short(pointsEach);
  const question = (
    id: string,
    label: string,
    limits: Goal,
    leastBytes: number,
    request: () => string,
  ): Question => ({ id: `telemetry_${id}`, label, goal: limits, leastBytes, request });
  const minutes = (pointsEach * longEveryMs) / 60_000;
  return [
    question('aggregate_one', `aggregate ${one} points by minute`, goal(40, 15), minutes * 20, () =>
      aggregate(within(0, longSeries)),
    ),
    question('aggregate_all', `aggregate ${short(all)} points by minute`, goal(400, 150), minutes * 20, () =>
      aggregate(devicesFrom(0, longSeries).join(',')),
    ),
    question('aggregate_hours', `aggregate ${short(all)} points by hour`, goal(40, 10), minutes / 3, () =>
      aggregate(devicesFrom(0, longSeries).join(','), '1h'),
    ),
    question('aggregate_half_hours', `the same by half an hour`, goal(400, 150), minutes / 2, () =>
      aggregate(devicesFrom(0, longSeries).join(','), '30m'),
    ),
    question('latest_one', 'latest of one device', goal(1, 0.1), 50, () =>
      getRequest(`/api/telemetry/latest?device_id=${within(longSeries, devices)}`),
    ),
    question('latest_many', `latest of ${short(devices)} devices`, goal(20, 5), devices * 50, () => many),
    question('range_arrow', `range of ${one} points as Arrow`, goal(100, 40), pointsEach * 16, () =>
      getRequest(`/api/telemetry/range?${stretch()}&format=arrow`),
    ),
    question('downsample', `downsample ${one} points to 1,000`, goal(60, 20), 1000 * 20, () =>
      downsample('min_max'),
    ),
    question('downsample_lttb', `the same by largest triangles`, goal(60, 20), 1000 * 20, () =>
      downsample('largest_triangle'),
    ),
  ];
}
