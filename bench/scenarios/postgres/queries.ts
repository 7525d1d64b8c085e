import type { BenchContext } from '../../harness/bench-context.ts';
import { pisyncOn } from '../../harness/pisync-command.ts';
import { askMany } from '../../harness/questions.ts';
import type { Goal, Row, Scenario } from '../../harness/scenario.ts';
import { queryList, questionOf } from '../queries.ts';
import { askOfPoints } from './point-questions.ts';

const goal: Goal = { better: 'lower', atLeast: 20, aim: 5 };

/** What an answer costs from PostgreSQL, through a server, for devices at random. */
export const postgresQueries: Scenario = {
  name: 'postgres-queries',
  group: 'postgres',
  about: 'history page, repeated failures, one device on the filled store, aggregate and newest of points',
  run: async (context) => [...(await askOfEvents(context)), ...(await askOfPoints(context))],
};

async function askOfEvents(context: BenchContext): Promise<Row[]> {
  const { url: store, events, devices } = await context.movedStore();
  const requests = context.sizes.postgres.requests;
  return context.withServer(pisyncOn(store), async ({ url }) => {
    const rows: Row[] = [];
    for (const query of queryList) {
      for (const connections of [1, 4]) {
        const question = questionOf(query, connections, { events, devices }, query.counts ? goal : null);
        const { id, label } = question;
        const here = { ...question, id: `postgres_${id}`, label: `PostgreSQL: ${label}` };
        rows.push(await askMany(context, here, { url, connections, requests }));
      }
    }
    return rows;
  });
}
