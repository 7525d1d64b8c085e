import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext, Load } from '../harness/bench-context.ts';
import type { Row, Scenario } from '../harness/scenario.ts';
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
    context.details['memory'] = {
      idle_empty_mb: idleEmpty / megabyte,
      idle_filled_mb: idleBig / megabyte,
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
      peakRow(context, 'events', {
        id: 'memory_peak',
        label: 'memory, peak under all of these',
        goal: { better: 'lower', atLeast: 300, aim: 200 },
      }),
    ];
  },
};

/** The same for what devices measure and observe. */
export const telemetryMemory: Scenario = {
  name: 'telemetry-memory',
  about: 'the peak of resident memory over the scenarios of telemetry and detections that ran before',
  run: async (context) => {
    const load = 'telemetry and detections';
    if (!context.peaks.some((peak) => peak.load === load)) {
      context.say('  not run here: none of these scenarios ran before');
      return [];
    }
    return [
      peakRow(context, load, {
        id: 'telemetry_memory_peak',
        label: 'memory, peak under telemetry and detections',
        goal: { better: 'lower', atLeast: 400, aim: 250 },
      }),
    ];
  },
};

/** The worst of all servers that carried a load. */
function peakRow(context: BenchContext, load: Load, row: Pick<Row, 'id' | 'label' | 'goal'>): Row {
  const peaks = context.peaks.filter((peak) => peak.load === load).sort((a, b) => b.bytes - a.bytes);
  const worst = peaks[0]!;
  // Several servers may have had one label: the worst of each is written last and stays.
  const shown = peaks.toReversed().map(({ label, bytes }) => [label, Math.round(bytes / megabyte)]);
  context.details[`memory, ${load}`] = Object.fromEntries(shown);
  return {
    ...row,
    value: worst.bytes / megabyte,
    unit: 'MB',
    note: `at "${worst.label}"; ${peaks.length} servers measured`,
  };
}
