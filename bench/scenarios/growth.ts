import type { Scenario } from '../harness/scenario.ts';
import { median, short } from '../harness/statistics.ts';

/** Whether storing gets slower as the store grows. */
export const growth: Scenario = {
  name: 'growth',
  about: 'the same batches from 1 M to 10 M stored events: how much slower at the end',
  async run(context) {
    const { rates, events } = await context.bigStore();
    // The first step has the devices' first sightings and a cold process in it: the three after it are the start.
    const from = median(rates.slice(1, 4));
    const to = median(rates.slice(-3));
    const step = events / rates.length;
    context.details['growth'] = { step, rates };
    return [
      {
        id: 'growth_slower',
        label: `slower from ${short(step)} to ${short(events)} stored events by`,
        value: Math.max(0, (1 - to / from) * 100),
        unit: '%',
        goal: { better: 'lower', atLeast: 30, aim: 15 },
        note: `${short(from)} to ${short(to)} events/s; slowest step ${short(Math.min(...rates))}/s`,
      },
    ];
  },
};
