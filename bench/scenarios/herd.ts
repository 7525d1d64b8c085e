import type { BenchContext } from '../harness/bench-context.ts';
import { JsonClient } from '../harness/json-client.ts';
import type { Row, Scenario } from '../harness/scenario.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { short } from '../harness/statistics.ts';
import { deviceId } from '../load/event-template.ts';
import { type HerdResult, runHerd } from '../load/herd-run.ts';

/** A whole fleet comes back after an outage. */
export const herd: Scenario = {
  name: 'herd',
  about: '100,000 devices with 24 queued events each return within 60 s',
  async run(context) {
    const folder = context.folder('herd');
    const { result, wrong } = await context.withPisync('herd', folder, async (server) => {
      const outcome = await runHerd({ ...context.sizes.herd, url: server.url, limitSeconds: 300 });
      return { result: outcome, wrong: await check(context, server) };
    });
    context.removeFolder(folder);
    const { admitted, wholeDevice, ...counts } = result;
    context.details['herd'] = {
      ...counts,
      admitted: admitted.summary(),
      whole_device: wholeDevice.summary(),
    };
    if (result.firstError !== null) throw new Error(`the herd met an error: ${result.firstError}`);
    if (wrong.length > 0) throw new Error(`not all stored once: ${wrong.slice(0, 3).join('; ')}`);
    return rowsOf(context, result);
  },
};

/** Reads back that every event is there once: fleet totals, and some devices one by one. */
async function check(context: BenchContext, server: ServerProcess): Promise<string[]> {
  const { devices, eventsPerDevice } = context.sizes.herd;
  const client = new JsonClient(server.url);
  const wrong: string[] = [];
  const expect = (what: string, value: unknown, expected: number): void => {
    if (value !== expected) wrong.push(`${what}: ${String(value)} instead of ${expected}`);
  };
  const summary = await client.read('/api/fleet/summary');
  expect('devices', summary['devices'], devices);
  expect('events', (summary['totals'] as Record<string, unknown>)['syncs'], devices * eventsPerDevice);
  for (let sample = 0; sample < Math.min(500, devices); sample++) {
    const id = deviceId(Math.floor(Math.random() * devices));
    const history = await client.read(`/api/devices/${id}/sync-history?limit=1000`);
    const items = history['items'] as { seq: number }[];
    expect(`${id}: total`, history['total'], eventsPerDevice);
    expect(`${id}: different events`, new Set(items.map((it) => it.seq)).size, eventsPerDevice);
  }
  client.close();
  return wrong;
}

function rowsOf(context: BenchContext, result: HerdResult): Row[] {
  const { devices, eventsPerDevice } = context.sizes.herd;
  const missing = devices * eventsPerDevice - result.storedEvents - result.duplicateEvents;
  const { admitted, wholeDevice } = result;
  return [
    {
      id: 'herd_missing',
      label: `herd of ${short(devices)} devices × ${eventsPerDevice} events: not stored once`,
      value: missing,
      unit: 'events',
      goal: { better: 'lower', atLeast: 0, aim: 0 },
      note: `${result.storedEvents} stored; ${result.putOff} requests put off, ${result.spread} replies spread the next, ${result.brokenConnections} connections broken`,
    },
    {
      id: 'herd_p95',
      label: 'herd: p95 of admitted requests',
      value: admitted.quantile(0.95),
      unit: 'ms',
      goal: { better: 'lower', atLeast: 100, aim: null },
      note: `p50 ${short(admitted.quantile(0.5))}, p99 ${short(admitted.quantile(0.99))}, max ${short(admitted.max)} ms`,
    },
    {
      id: 'herd_seconds',
      label: 'herd: all done after',
      value: result.seconds,
      unit: 's',
      goal: { better: 'lower', atLeast: 300, aim: 60 },
      note: `a device is rid of its queue after ${short(wholeDevice.quantile(0.5))} ms (p95 ${short(wholeDevice.quantile(0.95))} ms)`,
    },
  ];
}
