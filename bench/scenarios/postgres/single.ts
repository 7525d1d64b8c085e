import type { BenchContext } from '../../harness/bench-context.ts';
import { expressPostgresCommand, pisyncOn } from '../../harness/pisync-command.ts';
import type { BenchPostgres } from '../../harness/postgres/bench-postgres.ts';
import { processCpu } from '../../harness/postgres/process-cpu.ts';
import type { Row, Scenario } from '../../harness/scenario.ts';
import type { ServerProcess } from '../../harness/server-process.ts';
import { interleave, median, medianRatio, short } from '../../harness/statistics.ts';
import { type SingleLoadResult, singleGenerator } from '../../load/single-load.ts';
import { ContestantLoad } from '../single.ts';

type Name = 'pisync' | 'express';

/** A run, with the processor time of both servers for each event, in microseconds. */
interface Result extends SingleLoadResult {
  readonly databaseMicros: number;
  readonly serverMicros: number;
}

/** Durable single events beside a server that inserts one by one. */
export const postgresSingle: Scenario = {
  name: 'postgres-single',
  group: 'postgres',
  about: 'durable POST /api/sync-event on PostgreSQL against Express + pg, one insert per request',
  async run(context) {
    const postgres = await context.postgres();
    const connections = Math.max(...context.sizes.single.connections);
    return postgres.withDatabase((own) =>
      postgres.withDatabase((theirs) =>
        context.withServer(expressPostgresCommand(theirs), (express) =>
          context.withServer(pisyncOn(own), async (pisync) => {
            const results = await interleave<Name, Result>(context.sizes.single.rounds, {
              pisync: await turn(context, postgres, pisync, connections),
              express: await turn(context, postgres, express, connections),
            });
            context.details[`postgres single, ${connections} connections`] = results;
            return [rowOf(connections, results, pisync.memory().peak)];
          }),
        ),
      ),
    );
  },
};

async function turn(
  context: BenchContext,
  postgres: BenchPostgres,
  server: ServerProcess,
  connections: number,
): Promise<() => Promise<Result>> {
  const load = new ContestantLoad(context, connections, `${server.url}/api/sync-event`);
  await load.warmUp();
  return async () => {
    const [database, own] = [postgres.cpu(), processCpu(server.pid)];
    const before = load.next;
    const result = await load.measure();
    const perEvent = 1e6 / (load.next - before);
    const databaseMicros = (postgres.cpu() - database) * perEvent;
    const serverMicros = (processCpu(server.pid) - own) * perEvent;
    context.say(
      `  ${connections} connections, ${server.name}: ${short(result.rate)}/s, p95 ${short(result.p95)} ms; µs of processor ` +
        `each: PostgreSQL ${short(databaseMicros)}, ${server.name} ${short(serverMicros)}`,
    );
    return { ...result, databaseMicros, serverMicros };
  };
}

function rowOf(connections: number, results: Record<Name, Result[]>, peak: number): Row {
  const rates = (name: Name): number[] => results[name].map((it) => it.rate);
  const middle = (name: Name, of: (result: Result) => number): string => short(median(results[name].map(of)));
  return {
    id: `postgres_single_${connections}`,
    label: `PostgreSQL: single POST, ${connections} connections, against Express + pg`,
    value: medianRatio(rates('pisync'), rates('express')),
    unit: '×',
    goal: { better: 'higher', atLeast: 5, aim: 10 },
    note:
      `${middle('pisync', (it) => it.rate)}/s to ${middle('express', (it) => it.rate)}/s; p95 ` +
      `${middle('pisync', (it) => it.p95)} to ${middle('express', (it) => it.p95)} ms; µs of processor an event: PostgreSQL ` +
      `${middle('pisync', (it) => it.databaseMicros)} to ${middle('express', (it) => it.databaseMicros)}, server ` +
      `${middle('pisync', (it) => it.serverMicros)} to ${middle('express', (it) => it.serverMicros)}; ` +
      `${short(peak / 2 ** 20)} MB resident; by ${singleGenerator()}`,
  };
}
