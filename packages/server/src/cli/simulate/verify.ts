import type { ApiClient } from '../client.ts';
import { fleetDeviceId, fleetPrefix } from './fleet.ts';
import { type DeviceSums, type Ledger, type Measure, measures } from './ledger.ts';

/** What a server holds, by device id. */
export type FleetSums = ReadonlyMap<string, DeviceSums>;

/** One number of one device that is not what the server acknowledged. */
export interface Difference {
  readonly device_id: string;
  readonly measure: Measure;
  readonly acknowledged: number;
  readonly held: number;
}

export interface Verification {
  readonly devices: number;
  /** Events acknowledged as stored in this run. */
  readonly acknowledged: number;
  /** Events that appeared in the store during this run. */
  readonly held: number;
  /** Events of which an attempt had no result: these may be held or not. */
  readonly unsure: number;
  /** Devices that differ beyond what lost answers explain. */
  readonly different: number;
  /** The first of the differences. */
  readonly differences: readonly Difference[];
}

interface DevicesReply {
  readonly items: readonly { readonly device_id: string; readonly totals: DeviceSums }[];
  readonly next_cursor: string | null;
}

/** Reads the sums of all devices of a fleet, page by page. */
export async function readFleetSums(client: ApiClient, seed: string): Promise<FleetSums> {
  const sums = new Map<string, DeviceSums>();
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ search: fleetPrefix(seed), sort: 'device_id', limit: '1000' });
    if (cursor !== null) query.set('cursor', cursor);
    const page: DevicesReply = await client.ask<DevicesReply>('GET', `/api/devices?${query}`);
    for (const { device_id, totals } of page.items) sums.set(device_id, totals);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return sums;
}

/** Most differences that are listed. */
const listed = 100;

/**
 * Compares what appeared on the server between two readings with what it acknowledged: each acknowledged event
 * must be held, and held once. Pure.
 */
export function compareSums(
  seed: string,
  devices: number,
  ledger: Ledger,
  before: FleetSums,
  after: FleetSums,
): Verification {
  const differences: Difference[] = [];
  let [acknowledgedTotal, heldTotal, unsureTotal, different] = [0, 0, 0, 0];
  for (let device = 0; device < devices; device += 1) {
    const device_id = fleetDeviceId(seed, device);
    const { acknowledged, unsure } = ledger.account(device);
    const grown = (measure: Measure): number =>
      (after.get(device_id)?.[measure] ?? 0) - (before.get(device_id)?.[measure] ?? 0);
    const wrong = measures.filter((measure) => {
      const surplus = grown(measure) - acknowledged[measure];
      // With lost answers, sums can only be bounded, and only the number of events from above.
      return surplus < 0 || (unsure === 0 ? surplus > 0 : measure === 'syncs' && surplus > unsure);
    });
    acknowledgedTotal += acknowledged.syncs;
    heldTotal += grown('syncs');
    unsureTotal += unsure;
    if (wrong.length === 0) continue;
    different += 1;
    if (differences.length >= listed) continue;
    for (const measure of wrong) {
      differences.push({ device_id, measure, acknowledged: acknowledged[measure], held: grown(measure) });
    }
  }
  return {
    devices,
    acknowledged: acknowledgedTotal,
    held: heldTotal,
    unsure: unsureTotal,
    different,
    differences,
  };
}
