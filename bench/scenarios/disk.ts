import type { Scenario } from '../harness/scenario.ts';
import { short } from '../harness/statistics.ts';

/** What an event costs on disk. */
export const disk: Scenario = {
  name: 'disk',
  about: 'bytes on disk per event, all files of the store, once it has settled',
  async run(context) {
    const { events, bytesRunning, bytesStopped } = await context.bigStore();
    context.details['disk'] = { events, bytesRunning, bytesStopped };
    return [
      {
        id: 'disk_per_event',
        label: `disk per event at ${short(events)} events, indexes and WAL included`,
        value: Math.max(bytesRunning, bytesStopped) / events,
        unit: 'B',
        goal: { better: 'lower', atLeast: 100, aim: 50 },
        note: `${short(bytesRunning / events)} B while running, ${short(bytesStopped / events)} B after a stop`,
      },
    ];
  },
};
