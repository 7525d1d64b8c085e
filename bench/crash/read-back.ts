import { JsonClient } from '../harness/json-client.ts';
import { deviceKind, deviceName, epochOf, fails, outcomeOf, seqAt, timeOf } from './fleet/fleet-events.ts';
import type { Ledger } from './ledger.ts';

/** What is there of one kind of observation against the client's ledger. All must be zero but `stored`. */
export interface Tally {
  stored: number;
  /** Acknowledged and not there. */
  lost: number;
  /** There more than once. */
  duplicates: number;
  /** There and never sent, or with another body. */
  foreign: number;
  readonly examples: string[];
}

/** The events of the server's store, and what is derived from them. All but `stored` and `devices` must be zero. */
export interface Comparison extends Tally {
  devices: number;
  /** Devices whose streak, failures or totals differ from a count over the ledger. */
  wrongState: number;
  /** Fleet totals that differ from the sum of all histories. */
  wrongTotals: number;
}

export function emptyTally(): Tally {
  return { stored: 0, lost: 0, duplicates: 0, foreign: 0, examples: [] };
}

/**
 * Reads everything back through the API: all devices, and all history of each, page by page.
 *
 * @param others - devices that sent other kinds of observations only
 */
export async function compareWithLedger(
  url: string,
  ledger: Ledger,
  others: ReadonlySet<string> = new Set(),
): Promise<Comparison> {
  const client = new JsonClient(url, 4);
  const comparison: Comparison = { ...emptyTally(), devices: 0, wrongState: 0, wrongTotals: 0 };
  const listed = new Set<string>();
  for await (const device of pages(client, '/api/devices?limit=1000'))
    listed.add(String(device['device_id']));
  comparison.devices = listed.size;
  for (let device = 0; device < ledger.devices; device++) {
    if (ledger.count(device) > 0) await compareDevice(client, ledger, device, comparison);
    listed.delete(deviceName(device));
  }
  for (const name of listed) if (!others.has(name)) comparison.foreign++;
  const totals = (await client.read('/api/fleet/summary'))['totals'] as Record<string, unknown>;
  if (totals['syncs'] !== comparison.stored) {
    comparison.wrongTotals++;
    example(comparison, `fleet total ${String(totals['syncs'])}, read back ${comparison.stored}`);
  }
  client.close();
  return comparison;
}

async function compareDevice(
  client: JsonClient,
  ledger: Ledger,
  device: number,
  into: Comparison,
): Promise<void> {
  const path = `/api/devices/${deviceName(device)}`;
  const found = new Set<number>();
  for await (const item of pages(client, `${path}/sync-history?limit=1000`)) {
    const seq = seqAt(device, Date.parse(String(item['timestamp'])));
    into.stored++;
    if (found.has(seq)) {
      into.duplicates++;
      example(into, `${path}: event ${seq} is there twice`);
    }
    found.add(seq);
    if (seq < ledger.count(device) && sameBody(device, seq, item)) continue;
    into.foreign++;
    example(into, `${path}: not as sent: ${JSON.stringify(item)}`);
  }
  noteLost(ledger, device, found, into);
  compareState(await client.read(path), device, found, into);
}

/** Counts what was acknowledged and not found. */
export function noteLost(ledger: Ledger, device: number, found: ReadonlySet<number>, into: Tally): void {
  for (let seq = 0; seq < ledger.count(device); seq++) {
    if (!ledger.isAcknowledged(device, seq) || found.has(seq)) continue;
    into.lost++;
    example(into, `device ${device}: ${ledger.what} ${seq} was acknowledged and is not there`);
  }
}

function sameBody(device: number, seq: number, item: Record<string, unknown>): boolean {
  const { files, errors } = outcomeOf(device, seq);
  const counted =
    deviceKind(device) !== 'seq' || (item['seq'] === seq && item['epoch'] === epochOf(device, seq));
  return counted && item['total_files_synced'] === files && item['total_errors'] === errors;
}

/** The streak by brute force: all stored events in the device's order, failures after the newest success. */
function compareState(
  state: Record<string, unknown>,
  device: number,
  found: ReadonlySet<number>,
  into: Comparison,
): void {
  const order = [...found];
  // A counting device's epochs follow each other, and so do the counters in them; others are ordered by time.
  if (deviceKind(device) === 'seq') order.sort((a, b) => a - b);
  else order.sort((a, b) => timeOf(device, a) - timeOf(device, b));
  const failures = order.filter((seq) => fails(device, seq)).length;
  const newestSuccess = order.findLastIndex((seq) => !fails(device, seq));
  const expected: Record<string, number> = {
    consecutive_failures: order.length - 1 - newestSuccess,
    total_failures: failures,
  };
  const totals = state['totals'] as Record<string, unknown> | undefined;
  const right =
    Object.entries(expected).every(([name, value]) => state[name] === value) &&
    totals?.['syncs'] === found.size;
  if (right) return;
  into.wrongState++;
  example(into, `${deviceName(device)}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(state)}`);
}

/** The items of a list, page by page. */
export async function* pages(client: JsonClient, path: string): AsyncGenerator<Record<string, unknown>> {
  let cursor: unknown = null;
  do {
    const page = await client.read(
      cursor === null ? path : `${path}&cursor=${encodeURIComponent(String(cursor))}`,
    );
    yield* page['items'] as Record<string, unknown>[];
    cursor = page['next_cursor'] ?? null;
  } while (cursor !== null);
}

export function example(comparison: Tally, text: string): void {
  if (comparison.examples.length < 10) comparison.examples.push(text.slice(0, 500));
}
