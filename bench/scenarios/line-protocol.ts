import type { BenchContext } from '../harness/bench-context.ts';
import { pisyncPoints } from '../harness/metrics.ts';
import type { Goal, Row, Scenario } from '../harness/scenario.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { interleave, median, medianRatio, short } from '../harness/statistics.ts';
import { runPrepared } from '../load/closed-loop.ts';
import { LineSource, metricNames } from '../load/telemetry/line-source.ts';
import { type AbsentRival, influxDb, type TimeSeriesRival, victoriaMetrics } from '../rivals/time-series.ts';

/** How the points are parcelled. */
interface Shape {
  readonly id: string;
  readonly batchPoints: number;
  readonly fieldsPerLine: number;
  /** Of the points per second; the ratios to the rivals have a goal where this has one. */
  readonly goal: Goal | null;
}

/** What each rival must be met with. */
const ratioGoals: Readonly<Record<string, Goal>> = {
  InfluxDB: { better: 'higher', atLeast: 1.2, aim: 2 },
  VictoriaMetrics: { better: 'higher', atLeast: 0.5, aim: 0.8 },
};

/** The bodies of one shape, the first of them to warm up. */
interface Bodies {
  readonly warmUp: readonly Buffer[];
  readonly measured: readonly Buffer[];
  readonly points: number;
}

/** The same line protocol to PiSync and to two time-series databases. */
export const lineProtocol: Scenario = {
  name: 'line-protocol',
  about: 'POST /write, flushed before the reply, against InfluxDB 1.6 and VictoriaMetrics',
  async run(context) {
    const [small, large] = context.sizes.telemetry.lines.batches as [number, number];
    const shapes: readonly Shape[] = [
      {
        id: `lines_${small}`,
        batchPoints: small,
        fieldsPerLine: metricNames.length,
        goal: { better: 'higher', atLeast: 600_000, aim: 1_200_000 },
      },
      {
        id: `lines_${large}`,
        batchPoints: large,
        fieldsPerLine: metricNames.length,
        goal: { better: 'higher', atLeast: 1_000_000, aim: 2_000_000 },
      },
      { id: `lines_${large}_single`, batchPoints: large, fieldsPerLine: 1, goal: null },
    ];
    const rows: Row[] = [];
    for (const shape of shapes) rows.push(...(await compare(context, shape)));
    return rows;
  },
};

async function compare(context: BenchContext, shape: Shape): Promise<Row[]> {
  const bodies = prepare(context, shape);
  const all = [influxDb(), victoriaMetrics()];
  const rivals = all.filter((it): it is TimeSeriesRival => !('missing' in it));
  const absent = all.filter((it): it is AbsentRival => 'missing' in it);
  const rates = await interleave<string, number>(context.sizes.telemetry.rounds, {
    PiSync: () => measurePisync(context, shape, bodies),
    ...Object.fromEntries(
      rivals.map((rival) => [rival.name, () => measureRival(context, shape, bodies, rival)]),
    ),
  });
  context.details[`line protocol, ${labelOf(shape)}`] = {
    rates,
    versions: Object.fromEntries(rivals.map(({ name, version }) => [name, version])),
  };
  for (const { name, missing } of absent) context.say(`  ${name}: not run here: ${missing}`);
  return rowsOf(context, shape, { rates, rivals, absent });
}

/** All requests, made before any clock starts. */
function prepare(context: BenchContext, { batchPoints, fieldsPerLine }: Shape): Bodies {
  const { devices, warmUpPoints, points } = context.sizes.telemetry.lines;
  const everyMs = 10_000;
  const steps = Math.ceil((warmUpPoints + points) / (devices * metricNames.length));
  const source = new LineSource({
    devices,
    metrics: metricNames,
    fieldsPerLine,
    batchPoints,
    connections: 1,
    startMs: Date.now() - steps * everyMs,
    everyMs,
    points: warmUpPoints,
  });
  const warmUp = source.rest();
  source.extendTo(warmUpPoints + points);
  return { warmUp, measured: source.rest(), points: warmUpPoints + points };
}

async function measurePisync(context: BenchContext, shape: Shape, bodies: Bodies): Promise<number> {
  const folder = context.folder('lines-pisync');
  const rate = await context.withPisync(
    `lines, ${labelOf(shape)}`,
    folder,
    async (server) => {
      const measured = await send(context, server, shape, bodies);
      check('PiSync', await pisyncPoints(server.url), bodies);
      return measured;
    },
    'telemetry and detections',
  );
  context.removeFolder(folder);
  return rate;
}

async function measureRival(
  context: BenchContext,
  shape: Shape,
  bodies: Bodies,
  rival: TimeSeriesRival,
): Promise<number> {
  const folder = context.folder('lines-rival');
  const rate = await context.withServer(rival.command(folder), async (server) => {
    await rival.prepare(server);
    const measured = await send(context, server, shape, bodies);
    check(rival.name, await rival.taken(server), bodies);
    context.details[`memory peak, ${rival.name}, ${labelOf(shape)}`] = server.memory().peak;
    return measured;
  });
  context.removeFolder(folder);
  return rate;
}

/** @returns points per second */
async function send(
  context: BenchContext,
  { name, url }: ServerProcess,
  shape: Shape,
  { warmUp, measured }: Bodies,
): Promise<number> {
  const { connections } = context.sizes.telemetry;
  const load = { url, connections, accept: (status: number) => status === 204 };
  const warm = await runPrepared(load, warmUp);
  const result = await runPrepared(load, measured);
  const firstError = warm.firstError ?? result.firstError;
  if (firstError !== null) throw new Error(`${name} refused points: ${firstError}`);
  const rate = (result.requests * shape.batchPoints) / result.seconds;
  context.say(`  ${labelOf(shape)}, ${name}: ${short(rate)} points/s`);
  return rate;
}

function check(name: string, taken: number, { points }: Bodies): void {
  if (taken !== points) throw new Error(`${name} has ${taken} points of ${points}`);
}

function labelOf({ batchPoints, fieldsPerLine }: Shape): string {
  const fields = fieldsPerLine === 1 ? 'one field' : `${fieldsPerLine} fields`;
  return `batches of ${short(batchPoints)} points, ${fields} a line`;
}

function rowsOf(
  context: BenchContext,
  shape: Shape,
  contest: {
    readonly rates: Record<string, number[]>;
    readonly rivals: readonly TimeSeriesRival[];
    readonly absent: readonly AbsentRival[];
  },
): Row[] {
  const { rates, rivals, absent } = contest;
  const own = rates['PiSync'] ?? [];
  const missing = absent.map((it) => `; ${it.name} not run here: ${it.missing}`).join('');
  const label = `line protocol, ${labelOf(shape)}`;
  return [
    {
      id: shape.id,
      label,
      value: median(own),
      unit: 'points/s',
      goal: shape.goal,
      note: `${context.sizes.telemetry.connections} connections, flushed before the reply${missing}`,
    },
    ...rivals.map(({ name, version }) => ({
      id: `${shape.id}_vs_${name.toLowerCase()}`,
      label: `${label}, against ${name}`,
      value: medianRatio(own, rates[name] ?? []),
      unit: '×',
      goal: shape.goal === null ? null : (ratioGoals[name] ?? null),
      note: `${short(median(own))} to ${short(median(rates[name] ?? []))} points/s of ${version}`,
    })),
  ];
}
