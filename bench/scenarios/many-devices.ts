import type { Scenario } from '../harness/scenario.ts';
import { short, slowdown } from '../harness/statistics.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { LineSource, metricNames } from '../load/telemetry/line-source.ts';

const batchPoints = 1000;
const everyMs = 60_000;

/** Whether telemetry gets slower as its store grows, with the fewest points of a series in each request. */
export const manyDevices: Scenario = {
  name: 'many-devices',
  about: '100,000 devices, one point each in batches of 1,000, to 50 M points: how much slower at the end',
  async run(context) {
    const { connections } = context.sizes.telemetry;
    const { devices, points, step } = context.sizes.telemetry.growth;
    const folder = context.folder('many-devices');
    const rates = await context.withPisync(
      'many devices',
      folder,
      async (server) => {
        const source = new LineSource({
          devices,
          metrics: metricNames.slice(0, 1),
          fieldsPerLine: 1,
          batchPoints,
          connections,
          startMs: Date.now() - Math.ceil(points / devices) * everyMs,
          everyMs,
          shuffled: true,
          points: 0,
        });
        const found: number[] = [];
        for (let stored = step; stored <= points; stored += step) {
          source.extendTo(stored);
          const result = await runClosedLoop({
            url: server.url,
            connections,
            next: (connection) => source.next(connection),
            accept: (status) => status === 204,
          });
          if (result.errors > 0) throw new Error(`points refused: ${result.firstError}`);
          found.push(step / result.seconds);
          const megabytes = Math.round(server.memory().now / 2 ** 20);
          context.say(
            `  ${short(stored)} points, last step ${short(found.at(-1)!)}/s, ${megabytes} MB resident`,
          );
        }
        return found;
      },
      'telemetry and detections',
    );
    context.removeFolder(folder);
    const { from, to, percent } = slowdown(rates);
    context.details['many devices'] = { step, rates };
    return [
      {
        id: 'many_devices_slower',
        label: `one point of each of ${short(devices)} devices, slower from ${short(step)} to ${short(points)} points by`,
        value: percent,
        unit: '%',
        goal: { better: 'lower', atLeast: 25, aim: 10 },
        note: `${short(from)} to ${short(to)} points/s; slowest step ${short(Math.min(...rates))}/s`,
      },
    ];
  },
};
