import type { Scenario } from '../harness/scenario.ts';
import { short, slowdown } from '../harness/statistics.ts';

/** Whether storing gets slower as the store grows. */
export const growth: Scenario = {
  name: 'growth',
  about: 'the same batches from 1 M to 10 M stored events: how much slower at the end',
  async run(context) {
    const { rates, events } = await context.bigStore();
    const { from, to, percent } = slowdown(rates);
    const step = events / rates.length;
    context.details['growth'] = { step, rates };
    return [
      {
        id: 'growth_slower',
        label: `slower from ${short(step)} to ${short(events)} stored events by`,
        value: percent,
        unit: '%',
        goal: { better: 'lower', atLeast: 30, aim: 15 },
        note: `${short(from)} to ${short(to)} events/s; slowest step ${short(Math.min(...rates))}/s`,
      },
    ];
  },
};
