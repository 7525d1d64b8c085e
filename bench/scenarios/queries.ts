import { askMany, getRequest, type Question } from '../harness/questions.ts';
import type { Goal, Row, Scenario } from '../harness/scenario.ts';
import { short } from '../harness/statistics.ts';
import { deviceId } from '../load/event-template.ts';

/** A question about events, for a device at random. */
interface Query {
  readonly id: string;
  readonly label: string;
  /** Rows without a goal are shown for their own sake. */
  readonly counts: boolean;
  path(device: string): string;
}

const usualGoal: Goal = { better: 'lower', atLeast: 5, aim: 1 };

export const queryList: readonly Query[] = [
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
    const { devices, queries } = context.sizes;
    return context.withPisync('queries', folder, async ({ url }) => {
      const rows: Row[] = [];
      for (const query of queryList) {
        for (const connections of [1, 4]) {
          const goal = query.counts ? usualGoal : null;
          const question = questionOf(query, connections, { events, devices }, goal);
          rows.push(await askMany(context, question, { url, connections, requests: queries.requests }));
        }
      }
      return rows;
    });
  },
};

/** The question as so many ask it at once. */
export function questionOf(
  query: Query,
  connections: number,
  { events, devices }: { readonly events: number; readonly devices: number },
  goal: Goal | null,
): Question {
  return {
    id: `query_${query.id}_${connections}`,
    label: `${query.label} at ${short(events)} events, ${connections === 1 ? 'one at a time' : `${connections} at once`}`,
    goal,
    request: () => getRequest(query.path(deviceId(Math.floor(Math.random() * devices)))),
  };
}
