import type { Observation } from '@pisync/protocol';
import { openPostgresStore } from '../../../packages/server/src/adapters/store/postgres/postgres-store.ts';
import type { BenchContext } from '../../harness/bench-context.ts';
import type { BenchPostgres } from '../../harness/postgres/bench-postgres.ts';
import { type Effort, eachUnderWay, effortNote, measureEffort } from '../../harness/postgres/effort.ts';
import type { Goal, Row, Scenario } from '../../harness/scenario.ts';
import { interleave, median, medianRatio, short } from '../../harness/statistics.ts';
import { EventRounds } from '../../load/event-rounds.ts';
import { RawEvents } from '../../rivals/raw-postgres.ts';

type Batches = readonly (readonly Observation[])[];

/** Something that takes batches of events; each call is one round. */
interface Contestant {
  take(batches: Batches): Promise<void>;
  close(): Promise<void>;
}

const goal: Goal = { better: 'higher', atLeast: 0.5, aim: 0.8 };

/** What PiSync does with an event beside keeping its row, measured in rows. */
export const postgresCommits: Scenario = {
  name: 'postgres-commits',
  group: 'postgres',
  about: 'batches of 1,000 events through the PostgreSQL store against raw INSERT … unnest … ON CONFLICT',
  async run(context) {
    const postgres = await context.postgres();
    await warmUp(context, postgres);
    return postgres.withDatabase((own) =>
      postgres.withDatabase((one) =>
        postgres.withDatabase(async (two) => {
          const contestants = {
            pisync: await pisync(context, own),
            raw: await raw(one, 1),
            two: await raw(two, 2),
          };
          try {
            return rowsOf(context, await compare(context, postgres, contestants));
          } finally {
            for (const contestant of Object.values(contestants)) await contestant.close();
          }
        }),
      ),
    );
  },
};

/** On databases of its own, so that no round has code in it that never ran before. */
async function warmUp(context: BenchContext, postgres: BenchPostgres): Promise<void> {
  for (const open of [(url: string) => pisync(context, url), (url: string) => raw(url, 1)]) {
    await postgres.withDatabase(async (url) => {
      const contestant = await open(url);
      const { batchSize } = context.sizes.postgres.commits;
      await contestant.take(new EventRounds(Math.min(20_000, context.sizes.devices)).next(batchSize));
      await contestant.close();
    });
  }
}

async function pisync(context: BenchContext, url: string): Promise<Contestant> {
  const store = await openPostgresStore(url, { partial: 'failure' });
  const { underWay } = context.sizes.postgres.commits;
  return {
    take: (batches) =>
      eachUnderWay(batches, underWay, async (observations) => {
        const outcomes = await store.commit({ observations, rejected: [] });
        if (outcomes.some((outcome) => outcome !== 'stored'))
          throw new Error('an event was not new to PiSync');
      }),
    close: () => store.close(),
  };
}

async function raw(url: string, connections: number): Promise<Contestant> {
  const tables: RawEvents[] = [];
  for (let opened = 0; opened < connections; opened++) tables.push(await RawEvents.open(url));
  return {
    take: (batches) =>
      eachUnderWay(batches, connections, async (events, connection) => {
        const added = await tables[connection]!.insert(events);
        if (added !== events.length) throw new Error('an event was not new to the table');
      }),
    close: async () => {
      for (const table of tables) await table.close();
    },
  };
}

type Name = 'pisync' | 'raw' | 'two';

function compare(
  context: BenchContext,
  postgres: BenchPostgres,
  contestants: Readonly<Record<Name, Contestant>>,
): Promise<Record<Name, Effort[]>> {
  const { devices, postgres: sizes } = context.sizes;
  const turn = (name: Name): (() => Promise<Effort>) => {
    const rounds = new EventRounds(devices);
    return async () => {
      const batches = rounds.next(sizes.commits.batchSize);
      const effort = await measureEffort(postgres, devices, () => contestants[name].take(batches));
      context.say(`  ${name}: ${effortNote(effort)}`);
      return effort;
    };
  };
  return interleave(sizes.commits.rounds, { pisync: turn('pisync'), raw: turn('raw'), two: turn('two') });
}

function rowsOf(context: BenchContext, results: Record<Name, Effort[]>): Row[] {
  context.details['postgres commits'] = results;
  const { batchSize, underWay } = context.sizes.postgres.commits;
  const what = `batches of ${short(batchSize)}, ${underWay} under way, against raw unnest`;
  const row = (id: string, label: string, from: number, to?: number): Row => {
    const rates = (name: Name): number[] => results[name].slice(from, to).map(({ rate }) => rate);
    const cost = (name: Name, of: (effort: Effort) => number): string =>
      short(median(results[name].slice(from, to).map(of)));
    return {
      id,
      label,
      value: medianRatio(rates('pisync'), rates('raw')),
      unit: '×',
      goal,
      note:
        `${short(median(rates('pisync')))}/s to ${short(median(rates('raw')))}/s, by two connections ` +
        `${short(median(rates('two')))}/s; µs of processor an event: PostgreSQL ${cost('pisync', (it) => it.serverMicros)} ` +
        `to ${cost('raw', (it) => it.serverMicros)}, client ${cost('pisync', (it) => it.clientMicros)} to ${cost('raw', (it) => it.clientMicros)}`,
    };
  };
  return [
    row('postgres_commits_first', `PostgreSQL: ${what}, first events of their devices`, 0, 1),
    row('postgres_commits', `PostgreSQL: ${what}, devices known`, 1),
  ];
}
