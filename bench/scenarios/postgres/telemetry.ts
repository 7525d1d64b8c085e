import type { PointBatch } from '@pisync/protocol';
import { openPostgresStore } from '../../../packages/server/src/adapters/store/postgres/postgres-store.ts';
import type { Store } from '../../../packages/server/src/ports/store.ts';
import type { BenchContext } from '../../harness/bench-context.ts';
import type { BenchPostgres } from '../../harness/postgres/bench-postgres.ts';
import { type Effort, eachUnderWay, effortNote, measureEffort } from '../../harness/postgres/effort.ts';
import type { Row, Scenario } from '../../harness/scenario.ts';
import { interleave, median, medianRatio, short } from '../../harness/statistics.ts';
import { PointBatches } from '../../load/telemetry/point-batches.ts';
import { RawPoints } from '../../rivals/raw-postgres.ts';

const warmUpBatches = 10;

type Take = (batches: readonly PointBatch[]) => Promise<void>;
type Name = 'pisync' | 'raw';

/** Points through the store beside a bare COPY of the same ones. */
export const postgresTelemetry: Scenario = {
  name: 'postgres-telemetry',
  group: 'postgres',
  about: 'batches of 10,000 points through the PostgreSQL store against raw COPY into one indexed table',
  async run(context) {
    const postgres = await context.postgres();
    return postgres.withDatabase((own) =>
      postgres.withDatabase(async (theirs) => {
        const store = await openPostgresStore(own, { partial: 'failure' });
        const table = await RawPoints.open(theirs);
        const { underWay } = context.sizes.postgres.points;
        try {
          const results = await compare(context, postgres, {
            pisync: (batches) =>
              eachUnderWay(batches, underWay, async (points) => {
                await store.commit({ observations: [], rejected: [], points, contactAt: Date.now() });
              }),
            raw: (batches) => eachUnderWay(batches, 1, (points) => table.copy(points)),
          });
          await checkCounts(context, store, table);
          return [rowOf(context, results)];
        } finally {
          await store.close();
          await table.close();
        }
      }),
    );
  },
};

/** @throws {Error} unless both have all points */
async function checkCounts(context: BenchContext, store: Store, table: RawPoints): Promise<void> {
  const { devices, batchPoints, points, rounds } = context.sizes.postgres.points;
  const expected = warmUpBatches * batchPoints + rounds * points;
  const { series } = new PointBatches(devices, batchPoints, 0);
  const answers = await store.telemetry.aggregate({
    series: series.map((name) => ({ ...name, group: 0 })),
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
    bucket: '1d',
    timeZone: 'UTC',
    names: ['count'],
    maxBuckets: 1000,
  });
  const counted = answers?.[0]?.columns[0]?.reduce((sum, count) => sum + count, 0);
  const copied = await table.count();
  if (counted === expected && copied === expected) return;
  throw new Error(`of ${expected} points PiSync has ${counted}, the table ${copied}`);
}

/** The first round of each warms up and does not count: it makes the series. */
async function compare(
  context: BenchContext,
  postgres: BenchPostgres,
  takes: Readonly<Record<Name, Take>>,
): Promise<Record<Name, Effort[]>> {
  const { devices, batchPoints, points, rounds } = context.sizes.postgres.points;
  const startMs = Date.now() - 86_400_000;
  const turn = async (name: Name): Promise<() => Promise<Effort>> => {
    const source = new PointBatches(devices, batchPoints, startMs);
    await takes[name](source.next(warmUpBatches));
    return async () => {
      const batches = source.next(points / batchPoints);
      const effort = await measureEffort(postgres, points, () => takes[name](batches));
      context.say(`  ${name}: ${effortNote(effort)}`);
      return effort;
    };
  };
  return interleave(rounds, { pisync: await turn('pisync'), raw: await turn('raw') });
}

function rowOf(context: BenchContext, results: Record<Name, Effort[]>): Row {
  context.details['postgres telemetry'] = results;
  const { batchPoints, underWay } = context.sizes.postgres.points;
  const rates = (name: Name): number[] => results[name].map(({ rate }) => rate);
  const middle = (name: Name, of: (effort: Effort) => number): string => short(median(results[name].map(of)));
  return {
    id: 'postgres_telemetry',
    label: `PostgreSQL: points in batches of ${short(batchPoints)}, ${underWay} under way, against raw COPY`,
    value: medianRatio(rates('pisync'), rates('raw')),
    unit: '×',
    goal: { better: 'higher', atLeast: 0.5, aim: 1 },
    note:
      `${middle('pisync', (it) => it.rate)} to ${middle('raw', (it) => it.rate)} points/s; µs of processor a point: PostgreSQL ` +
      `${middle('pisync', (it) => it.serverMicros)} to ${middle('raw', (it) => it.serverMicros)}, client ` +
      `${middle('pisync', (it) => it.clientMicros)} to ${middle('raw', (it) => it.clientMicros)}`,
  };
}
