import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from '../harness/scenario.ts';
import type { ServerProcess } from '../harness/server-process.ts';

const megabyte = 2 ** 20;

/** Resident memory of the server: all threads, as the system counts it. */
export const memory: Scenario = {
  name: 'memory',
  about: 'resident memory, idle on an empty and on the filled store, and the peak over what ran before',
  async run(context) {
    const empty = context.folder('memory');
    const big = await context.bigStore();
    const waitMs = context.options.quick ? 500 : 3000;
    const idle = async (server: ServerProcess): Promise<number> => {
      await sleep(waitMs);
      return server.memory().now;
    };
    const idleEmpty = await context.withPisync('idle, empty', empty, idle);
    const idleBig = await context.withPisync('idle, filled', big.folder, idle);
    context.removeFolder(empty);
    const peaks = [...context.peaks].sort((a, b) => b[1] - a[1]);
    const [worst, peak] = peaks[0]!;
    context.details['memory'] = {
      idle_empty_mb: idleEmpty / megabyte,
      idle_filled_mb: idleBig / megabyte,
      peaks_mb: Object.fromEntries(peaks.map(([name, bytes]) => [name, Math.round(bytes / megabyte)])),
    };
    const goal = { better: 'lower', atLeast: 120, aim: 80 } as const;
    const note = `${waitMs / 1000} s after ready`;
    return [
      {
        id: 'memory_idle',
        label: 'memory idle, empty store',
        value: idleEmpty / megabyte,
        unit: 'MB',
        goal,
        note,
      },
      {
        id: 'memory_idle_filled',
        label: 'memory idle, filled store',
        value: idleBig / megabyte,
        unit: 'MB',
        goal,
        note,
      },
      {
        id: 'memory_peak',
        label: 'memory, peak under all of these',
        value: peak / megabyte,
        unit: 'MB',
        goal: { better: 'lower', atLeast: 300, aim: 200 },
        note: `at "${worst}"; ${peaks.length} servers measured`,
      },
    ];
  },
};
