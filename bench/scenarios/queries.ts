import type { BenchContext } from '../harness/bench-context.ts';
import type { Row, Scenario } from '../harness/scenario.ts';
import type { ServerProcess } from '../harness/server-process.ts';
import { short } from '../harness/statistics.ts';
import { type LoadResult, runClosedLoop } from '../load/closed-loop.ts';
import { deviceId } from '../load/event-template.ts';

interface Query {
  readonly id: string;
  readonly label: string;
  /** Rows without a goal are shown for their own sake. */
  readonly counts: boolean;
  path(device: string): string;
}

const queryList: readonly Query[] = [
  {
    id: 'history',
    label: 'history page',
    counts: true,
    path: (device) => `/api/device/${device}/sync-history?page=1&limit=10`,
  },
  {
    id: 'failures',
    label: 'repeated failures',
    counts: true,
    path: () => '/api/devices/repeated-failures?limit=50',
  },
  { id: 'device', label: 'one device', counts: true, path: (device) => `/api/devices/${device}` },
  {
    id: 'history_100',
    label: 'history, 100 events',
    counts: false,
    path: (device) => `/api/devices/${device}/sync-history?limit=100`,
  },
  {
    id: 'streaks',
    label: 'consecutive failures',
    counts: false,
    path: () => '/api/devices/repeated-failures?mode=consecutive&limit=50',
  },
  {
    id: 'devices',
    label: 'device list',
    counts: false,
    path: (device) => `/api/devices?search=${device}&limit=20`,
  },
  { id: 'fleet', label: 'fleet summary', counts: false, path: () => '/api/fleet/summary' },
];

/** What an answer costs on the filled store, for devices at random. */
export const queries: Scenario = {
  name: 'queries',
  about: 'history page, repeated failures and one device on the filled store, alone and four at once',
  async run(context) {
    const { folder, events } = await context.bigStore();
    return context.withPisync('queries', folder, async (server) => {
      const rows: Row[] = [];
      for (const query of queryList) {
        for (const connections of [1, 4])
          rows.push(await measure(context, server, query, connections, events));
      }
      return rows;
    });
  },
};

async function measure(
  context: BenchContext,
  server: ServerProcess,
  query: Query,
  connections: number,
  events: number,
): Promise<Row> {
  const { requests } = context.sizes.queries;
  await ask(context, server, query, connections, Math.ceil(requests / 10));
  const { errors, firstError, latency, seconds } = await ask(context, server, query, connections, requests);
  if (errors > 0) throw new Error(`${query.label}: ${errors} errors: ${firstError}`);
  context.details[`query ${query.id}, ${connections} at once`] = latency.summary();
  const p95 = latency.quantile(0.95);
  context.say(`  ${query.label}, ${connections} at once: p95 ${short(p95)} ms`);
  return {
    id: `query_${query.id}_${connections}`,
    label: `${query.label} at ${short(events)} events, ${connections === 1 ? 'one at a time' : `${connections} at once`}: p95`,
    value: p95,
    unit: 'ms',
    goal: query.counts ? { better: 'lower', atLeast: 5, aim: 1 } : null,
    note: `p50 ${short(latency.quantile(0.5))} ms, max ${short(latency.max)} ms, ${short(requests / seconds)}/s`,
  };
}

function ask(
  context: BenchContext,
  server: ServerProcess,
  query: Query,
  connections: number,
  requests: number,
): Promise<LoadResult> {
  let left = requests;
  return runClosedLoop({
    url: server.url,
    connections,
    next() {
      if (left-- <= 0) return null;
      const device = deviceId(Math.floor(Math.random() * context.sizes.devices));
      return `GET ${query.path(device)} HTTP/1.1\r\nhost: bench\r\n\r\n`;
    },
    accept: (status) => status === 200,
  });
}
