import type { Scenario } from '../../harness/scenario.ts';
import { short } from '../../harness/statistics.ts';

/** What an operator waits for when the fleet moves to a database server. */
export const postgresMigrate: Scenario = {
  name: 'postgres-migrate',
  group: 'postgres',
  about: 'pisync migrate-store of the filled SQLite store to PostgreSQL, comparison included',
  async run(context) {
    const { events, seconds, told } = await context.movedStore();
    context.details['postgres migrate'] = { events, seconds, told };
    return [
      {
        id: 'postgres_migrate',
        label: `PostgreSQL: ${short(events)} events moved from SQLite and compared`,
        value: events / seconds,
        unit: 'events/s',
        goal: { better: 'higher', atLeast: 40_000, aim: 100_000 },
        note: `${short(seconds)} s from the start of the command to its end`,
      },
    ];
  },
};
