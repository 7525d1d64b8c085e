import { pisyncCommand } from '../harness/pisync-command.ts';
import type { Scenario } from '../harness/scenario.ts';
import { median, short } from '../harness/statistics.ts';

/** Time from the spawn to the first 200 of `/readyz`. */
export const start: Scenario = {
  name: 'start',
  about: 'seconds from the start of the process to ready, on the filled store',
  async run(context) {
    const { folder, events } = await context.bigStore();
    // Stopped and killed in turn, so each kind of start follows the other kind of end.
    const thenStopped: number[] = [];
    const thenKilled: number[] = [];
    for (let round = 0; round < context.sizes.start.rounds; round++) {
      thenStopped.push(
        await context.withServer(pisyncCommand(folder), async (server) => server.startedInMs / 1000),
      );
      thenKilled.push(
        await context.withServer(pisyncCommand(folder), async (server) => {
          await server.kill();
          return server.startedInMs / 1000;
        }),
      );
    }
    // The very first start follows the stop that ended the filling.
    const afterKill = thenStopped.slice(1);
    const afterStop = [thenStopped[0]!, ...thenKilled];
    context.details['start'] = { afterStop, afterKill };
    return [
      {
        id: 'start_seconds',
        label: `ready after start on ${short(events)} events`,
        value: median(afterStop),
        unit: 's',
        goal: { better: 'lower', atLeast: 2, aim: 0.5 },
        note: `after a stop; after kill -9 ${short(median(afterKill))} s; slowest of all ${short(Math.max(...afterStop, ...afterKill))} s`,
      },
    ];
  },
};
