import type { Scenario } from '../harness/scenario.ts';
import { short } from '../harness/statistics.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { SingleSource } from '../load/single-source.ts';

/** Single events that arrive at a fixed rate over many connections. */
export const openLoop: Scenario = {
  name: 'open-loop',
  about: 'single events at a fixed rate, latency counted from the moment each was meant to be sent',
  async run(context) {
    const { rate, connections, durationMs, warmUpMs } = context.sizes.openLoop;
    const folder = context.folder('open-loop');
    const result = await context.withPisync('open loop', folder, (server) => {
      const source = new SingleSource({ devices: context.sizes.devices, epoch: 'bench', connections });
      return runOpenLoop({
        url: server.url,
        connections,
        rate,
        durationMs,
        warmUpMs,
        request: (_, connection) => source.next(connection),
        accept: (status) => status === 201,
      });
    });
    context.removeFolder(folder);
    const { latency, errors, firstError } = result;
    context.details['open loop'] = { rate, connections, errors, ...latency.summary() };
    const label = `open loop, ${short(rate)} POST/s over ${connections} connections`;
    return [
      {
        id: 'open_loop_errors',
        label: `${label}: errors`,
        value: errors,
        unit: '',
        goal: { better: 'lower', atLeast: 0, aim: 0 },
        note: firstError ?? `${result.requests} answered`,
      },
      {
        id: 'open_loop_p95',
        label: `${label}: p95`,
        value: latency.quantile(0.95),
        unit: 'ms',
        goal: { better: 'lower', atLeast: 25, aim: 10 },
        note: `p50 ${short(latency.quantile(0.5))}, p99 ${short(latency.quantile(0.99))}, max ${short(latency.max)} ms`,
      },
    ];
  },
};
