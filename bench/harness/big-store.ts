import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchSource, storedCount } from '../load/batch-source.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { bytesOnDisk, settled } from './disk.ts';
import type { BenchOptions } from './options.ts';
import type { ServerProcess } from './server-process.ts';
import type { Sizes } from './sizes.ts';
import { short } from './statistics.ts';

/** A filled store that several scenarios look at. No server runs on it between them. */
export interface BigStore {
  readonly folder: string;
  readonly events: number;
  readonly devices: number;
  /** Events per second of each step of the filling. */
  readonly rates: readonly number[];
  /** Bytes on disk once nothing moved any more, with the server still running, and after it was stopped. */
  readonly bytesRunning: number;
  readonly bytesStopped: number;
}

const folderName = 'big-store';
const recordName = 'big-store.json';

/** What of the bench context the building of a store needs. */
interface BuildSite {
  readonly sizes: Sizes;
  readonly options: BenchOptions;
  say(text: string): void;
  folder(label: string): string;
  withPisync<Result>(
    label: string,
    folder: string,
    use: (server: ServerProcess) => Promise<Result>,
  ): Promise<Result>;
}

/** Fills the store in steps, or takes the one that an earlier run kept. */
export async function buildBigStore(context: BuildSite): Promise<BigStore> {
  const kept = keptStore(context);
  if (kept !== null) {
    context.say(`  reusing ${kept.folder}`);
    return kept;
  }
  const { devices, growth } = context.sizes;
  const folder = context.folder(folderName);
  const measured = await context.withPisync('growth', folder, async (server) => {
    const rates = await fill(context, server);
    context.say('  waiting for the store to settle');
    return { rates, bytesRunning: await settled(folder, context.options.quick ? 1000 : 5000) };
  });
  const store = { folder, events: growth.events, devices, ...measured, bytesStopped: bytesOnDisk(folder) };
  if (context.options.keep) writeFileSync(join(context.options.work, recordName), JSON.stringify(store));
  return store;
}

function keptStore(context: BuildSite): BigStore | null {
  const path = join(context.options.work, recordName);
  if (!context.options.keep || !existsSync(path)) return null;
  const store = JSON.parse(readFileSync(path, 'utf8')) as BigStore;
  const { devices, growth } = context.sizes;
  const fits = store.events === growth.events && store.devices === devices && existsSync(store.folder);
  return fits ? store : null;
}

async function fill(context: BuildSite, server: ServerProcess): Promise<number[]> {
  const { devices, batches, growth } = context.sizes;
  const { batchSize, connections } = batches;
  const source = new BatchSource({
    devices,
    batchSize,
    identity: 'seq',
    epoch: 'bench',
    connections,
    events: 0,
  });
  const rates: number[] = [];
  for (let events = growth.step; events <= growth.events; events += growth.step) {
    source.extendTo(events);
    const result = await runClosedLoop({
      url: server.url,
      connections,
      next: (connection) => source.next(connection),
      accept: (status, connection) => status === 200 && storedCount(connection.reader.body) === batchSize,
    });
    if (result.errors > 0) throw new Error(`filling failed: ${result.firstError}`);
    rates.push(growth.step / result.seconds);
    const megabytes = Math.round(server.memory().now / 2 ** 20);
    context.say(`  ${short(events)} stored, last step ${short(rates.at(-1)!)}/s, ${megabytes} MB resident`);
  }
  return rates;
}
