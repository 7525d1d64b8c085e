import type { BenchContext } from '../harness/bench-context.ts';
import type { Row, Scenario } from '../harness/scenario.ts';
import { interleave, median, short } from '../harness/statistics.ts';
import { BatchSource, storedCount } from '../load/batch-source.ts';
import { type LoadResult, runClosedLoop } from '../load/closed-loop.ts';
import type { Identity } from '../load/event-template.ts';

/** Batches of events from all devices in random order, with either identity. */
export const batches: Scenario = {
  name: 'batches',
  about: 'POST /api/sync-events with 500 events from 100,000 devices, shuffled',
  async run(context) {
    const results = await interleave<Identity, LoadResult>(context.sizes.batches.rounds, {
      seq: () => measure(context, 'seq'),
      digest: () => measure(context, 'digest'),
    });
    return [rowOf(context, 'seq', results.seq), rowOf(context, 'digest', results.digest)];
  },
};

async function measure(context: BenchContext, identity: Identity): Promise<LoadResult> {
  const { devices } = context.sizes;
  const { batchSize, connections, warmUpEvents, events } = context.sizes.batches;
  const folder = context.folder(`batches-${identity}`);
  const result = await context.withPisync(`batches, ${identity}`, folder, async (server) => {
    const source = new BatchSource({
      devices,
      batchSize,
      identity,
      epoch: 'bench',
      connections,
      events: warmUpEvents,
    });
    const run = (): Promise<LoadResult> =>
      runClosedLoop({
        url: server.url,
        connections,
        next: (connection) => source.next(connection),
        accept: (status, connection) => status === 200 && storedCount(connection.reader.body) === batchSize,
      });
    await run();
    source.extendTo(warmUpEvents + events);
    return run();
  });
  context.removeFolder(folder);
  if (result.errors > 0) throw new Error(`${result.errors} batches failed: ${result.firstError}`);
  context.say(`  ${identity}: ${short(rateOf(context, result))} events/s`);
  return result;
}

function rateOf(context: BenchContext, result: LoadResult): number {
  return (result.requests * context.sizes.batches.batchSize) / result.seconds;
}

function rowOf(context: BenchContext, identity: Identity, results: readonly LoadResult[]): Row {
  const rates = results.map((it) => rateOf(context, it));
  const p95 = median(results.map((it) => it.latency.quantile(0.95)));
  context.details[`batches, ${identity}`] = { rates, p95_ms: p95 };
  const { batchSize, connections } = context.sizes.batches;
  return {
    id: `batches_${identity}`,
    label: `batches of ${batchSize} from ${short(context.sizes.devices)} devices, by ${identity === 'seq' ? 'epoch and seq' : 'digest'}`,
    value: median(rates),
    unit: 'events/s',
    goal: { better: 'higher', atLeast: 100_000, aim: 250_000 },
    note: `${connections} connections, p95 of a batch ${short(p95)} ms`,
  };
}
