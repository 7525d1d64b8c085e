import { join } from 'node:path';
import type { BenchContext } from '../harness/bench-context.ts';
import { sealedPoints, settled } from '../harness/disk.ts';
import type { Goal, Row, Scenario } from '../harness/scenario.ts';
import { short } from '../harness/statistics.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { LineSource, metricNames } from '../load/telemetry/line-source.ts';
import { Counters, type SeriesValues, Walks } from '../load/telemetry/series-values.ts';

interface Kind {
  readonly id: string;
  readonly label: string;
  readonly jitterMs: number;
  readonly goal: Goal;
  values(series: number): SeriesValues;
}

const kinds: readonly Kind[] = [
  {
    id: 'walks',
    label: '2-decimal walks, times up to 20 ms off',
    jitterMs: 20,
    goal: { better: 'lower', atLeast: 2.6, aim: 2 },
    values: (series) => new Walks(series),
  },
  {
    id: 'counters',
    label: 'integers that grow by 0 to 3, regular times',
    jitterMs: 0,
    goal: { better: 'lower', atLeast: 0.8, aim: 0.4 },
    values: (series) => new Counters(series),
  },
];

/** What a point costs once it is sealed, sent to the server as devices send it. */
export const telemetrySize: Scenario = {
  name: 'telemetry-size',
  about: 'bytes a sealed point, of walks with jittered times and of regular integers',
  async run(context) {
    const rows: Row[] = [];
    for (const kind of kinds) rows.push(await measure(context, kind));
    return rows;
  },
};

async function measure(context: BenchContext, kind: Kind): Promise<Row> {
  const { devices, points } = context.sizes.telemetry.size;
  const folder = context.folder('telemetry-size');
  const fileBytes = await context.withPisync(
    `telemetry size, ${kind.id}`,
    folder,
    async ({ url }) => {
      await fill(context, url, kind);
      return settled(folder, context.options.quick ? 1000 : 5000);
    },
    'telemetry and detections',
  );
  const sealed = sealedPoints(join(folder, 'pisync.db'));
  context.removeFolder(folder);
  context.details[`telemetry size, ${kind.id}`] = { ...sealed, fileBytes };
  if (sealed.points === 0) throw new Error('nothing was sealed');
  return {
    id: `telemetry_size_${kind.id}`,
    label: `a sealed point of ${short(devices * metricNames.length)} series: ${kind.label}`,
    value: sealed.blockBytes / sealed.points,
    unit: 'B',
    goal: kind.goal,
    note:
      `${short(sealed.points)} of ${short(points)} points sealed; ${short(sealed.pageBytes / sealed.points)} B with pages and ` +
      `index of SQLite, ${short(fileBytes / points)} B of all files, free pages and log included`,
  };
}

async function fill(context: BenchContext, url: string, kind: Kind): Promise<void> {
  const { connections } = context.sizes.telemetry;
  const { devices, points } = context.sizes.telemetry.size;
  const series = devices * metricNames.length;
  const everyMs = 10_000;
  const source = new LineSource({
    devices,
    metrics: metricNames,
    // A line of its own for each point: series that share their times would share the cost of them.
    fieldsPerLine: 1,
    batchPoints: 10_000,
    connections,
    startMs: Math.floor(Date.now() / everyMs - points / series) * everyMs,
    everyMs,
    jitterMs: kind.jitterMs,
    values: kind.values(series),
    points,
  });
  const result = await runClosedLoop({
    url,
    connections,
    next: (connection) => source.next(connection),
    accept: (status) => status === 204,
  });
  if (result.errors > 0) throw new Error(`points refused: ${result.firstError}`);
}
