import { encodeSeriesKey, type PointBatch } from '@pisync/protocol';
import {
  Database,
  usualDatabaseOptions,
} from '../../../packages/server/src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../packages/server/src/adapters/store/postgres/postgres-store.ts';
import { runPolicies } from '../../../packages/server/src/adapters/store/postgres/schema/policies.ts';
import { PackedPoints } from '../../../packages/server/src/adapters/store/postgres/telemetry/sealing/packed-points.ts';
import type { BenchContext } from '../../harness/bench-context.ts';
import { pisyncOn } from '../../harness/pisync-command.ts';
import { eachUnderWay } from '../../harness/postgres/effort.ts';
import { askMany, getRequest, type Question } from '../../harness/questions.ts';
import type { Row } from '../../harness/scenario.ts';
import { short } from '../../harness/statistics.ts';
import { deviceId } from '../../load/event-template.ts';
import { Random } from '../../load/random.ts';

const metric = 'temperature';
/** Half a second: a million points of a series are fewer buckets of a minute than an answer may hold. */
const everyMs = 500;
const batchPoints = 50_000;

/** Questions about long series, on a database of their own. */
export async function askOfPoints(context: BenchContext): Promise<Row[]> {
  const postgres = await context.postgres();
  return postgres.withDatabase(async (store) => {
    const startMs = await fill(context, store);
    return context.withServer(pisyncOn(store), async ({ url }) => {
      const rows: Row[] = [];
      const { requests } = context.sizes.telemetry.queries;
      const ask = async (question: Question): Promise<void> => {
        rows.push(await askMany(context, question, { url, connections: 1, requests }));
      };
      const [aggregate, latest] = questionsOf(context, startMs);
      await ask({
        ...aggregate,
        id: `${aggregate.id}_rows`,
        label: `${aggregate.label}, all of them still rows`,
      });
      await hourlyRound(store);
      await ask({ ...aggregate, label: `${aggregate.label}, after the hourly round` });
      await ask(latest);
      return rows;
    });
  });
}

/** What a server does every hour by the policies that nobody changed: packs the days that are over. */
async function hourlyRound(url: string): Promise<void> {
  const database = new Database(url, usualDatabaseOptions);
  try {
    const { failures } = await runPolicies(database, new PackedPoints(database));
    for (const { error } of failures) throw error;
  } finally {
    await database.close();
  }
}

/** Through the store, as requests would. @returns the time of the first points */
async function fill(context: BenchContext, url: string): Promise<number> {
  const { longSeries, pointsEach } = context.sizes.postgres.longSeries;
  const startMs = Math.floor((Date.now() - pointsEach * everyMs) / 60_000 - 60) * 60_000;
  const store = await openPostgresStore(url, { partial: 'failure' });
  try {
    const parts = Array.from({ length: longSeries }, (_, device) =>
      Array.from({ length: pointsEach / batchPoints }, (_, part) => stretch(device, part, startMs)),
    );
    await eachUnderWay(parts.flat(), 4, async (make) => {
      await store.commit({ observations: [], rejected: [], points: make(), contactAt: Date.now() });
    });
  } finally {
    await store.close();
  }
  context.say(`  ${short(longSeries * pointsEach)} points stored`);
  return startMs;
}

/** Makes the points of one stretch of a series: a walk of two decimals. */
function stretch(device: number, part: number, startMs: number): () => PointBatch {
  return () => {
    const random = new Random(1 + device * 1000 + part);
    const times = new Float64Array(batchPoints);
    const values = new Float64Array(batchPoints);
    let hundredths = 2000;
    for (let at = 0; at < batchPoints; at++) {
      hundredths = Math.max(1000, Math.min(9999, hundredths + random.below(101) - 50));
      times[at] = (startMs + (part * batchPoints + at) * everyMs) * 1000;
      values[at] = hundredths / 100;
    }
    return {
      count: batchPoints,
      series: [{ deviceId: deviceId(device), key: encodeSeriesKey(metric, []) }],
      seriesOf: new Int32Array(batchPoints),
      times,
      values,
      kinds: new Uint8Array(batchPoints),
      texts: [],
    };
  };
}

function questionsOf(context: BenchContext, startMs: number): [aggregate: Question, latest: Question] {
  const { longSeries, pointsEach } = context.sizes.postgres.longSeries;
  const random = new Random();
  const any = (): string => deviceId(random.below(longSeries));
  // Ends elsewhere each time, so that no two questions are the same.
  const to = (): string => new Date(startMs + pointsEach * everyMs + random.below(1e6)).toISOString();
  const minutes = (pointsEach * everyMs) / 60_000;
  return [
    {
      id: 'postgres_aggregate',
      label: `PostgreSQL: aggregate ${short(pointsEach)} points by minute`,
      goal: { better: 'lower', atLeast: 200, aim: 60 },
      leastBytes: minutes * 20,
      request: () =>
        getRequest(`/api/telemetry/aggregate?metric=${metric}&bucket=1m&device_id=${any()}&to=${to()}`),
    },
    {
      id: 'postgres_latest',
      label: `PostgreSQL: latest of one series of ${short(pointsEach)} points`,
      goal: { better: 'lower', atLeast: 10, aim: 2 },
      leastBytes: 50,
      request: () => getRequest(`/api/telemetry/latest?device_id=${any()}`),
    },
  ];
}
