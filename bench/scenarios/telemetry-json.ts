import type { BenchContext } from '../harness/bench-context.ts';
import type { Goal, Row, Scenario } from '../harness/scenario.ts';
import { interleave, median, short } from '../harness/statistics.ts';
import { runPrepared } from '../load/closed-loop.ts';
import type { HttpConnection } from '../load/http/http-connection.ts';
import { columnRequests, type JsonRequestOptions, objectRequests } from '../load/telemetry/json-requests.ts';

type Form = 'objects' | 'columns';

const forms: Readonly<
  Record<Form, { readonly goal: Goal; make(options: JsonRequestOptions): readonly Buffer[] }>
> = {
  objects: { goal: { better: 'higher', atLeast: 400_000, aim: 700_000 }, make: objectRequests },
  columns: { goal: { better: 'higher', atLeast: 800_000, aim: 1_500_000 }, make: columnRequests },
};

/** The same points as JSON, in either form. */
export const telemetryJson: Scenario = {
  name: 'telemetry-json',
  about: 'POST /api/telemetry, an object a point and columns of devices, flushed before the reply',
  async run(context) {
    const { devices, batchPoints, warmUpPoints, points } = context.sizes.telemetry.json;
    const startMs = Math.floor(Date.now() / 86_400_000 - 3) * 86_400_000;
    const options = { devices, batchPoints, points: warmUpPoints + points, startMs };
    const requests = { objects: forms.objects.make(options), columns: forms.columns.make(options) };
    const rates = await interleave<Form, number>(context.sizes.telemetry.rounds, {
      objects: () => measure(context, 'objects', requests.objects),
      columns: () => measure(context, 'columns', requests.columns),
    });
    context.details['telemetry json'] = rates;
    return [rowOf(context, 'objects', rates.objects), rowOf(context, 'columns', rates.columns)];
  },
};

/** @returns points per second */
async function measure(context: BenchContext, form: Form, requests: readonly Buffer[]): Promise<number> {
  const { batchPoints, warmUpPoints } = context.sizes.telemetry.json;
  const { connections } = context.sizes.telemetry;
  const folder = context.folder('telemetry-json');
  const warmUp = warmUpPoints / batchPoints;
  // An item holds many points in one form: `stored` counts items.
  const whole =
    form === 'objects' ? `"points":${batchPoints},"stored":${batchPoints},` : `"points":${batchPoints},`;
  const result = await context.withPisync(
    `telemetry, ${form}`,
    folder,
    async ({ url }) => {
      const load = {
        url,
        connections,
        accept: (status: number, { reader }: HttpConnection) => status === 200 && reader.body.includes(whole),
      };
      const warm = await runPrepared(load, requests.slice(0, warmUp));
      if (warm.errors > 0) throw new Error(`${form} refused: ${warm.firstError}`);
      return runPrepared(load, requests.slice(warmUp));
    },
    'telemetry and detections',
  );
  context.removeFolder(folder);
  if (result.errors > 0) throw new Error(`${form} refused: ${result.firstError}`);
  const rate = (result.requests * batchPoints) / result.seconds;
  context.say(`  ${form}: ${short(rate)} points/s`);
  return rate;
}

function rowOf(context: BenchContext, form: Form, rates: readonly number[]): Row {
  const { batchPoints } = context.sizes.telemetry.json;
  return {
    id: `telemetry_json_${form}`,
    label: `JSON ${form}, batches of ${short(batchPoints)} points`,
    value: median(rates),
    unit: 'points/s',
    goal: forms[form].goal,
    note: `${context.sizes.telemetry.connections} connections, times as RFC 3339`,
  };
}
