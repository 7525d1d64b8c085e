import { type DeviceKey, type DeviceQuery, type DeviceSort, deviceState, totalFailures } from './device.ts';
import type { PartialRule } from './fold.ts';
import { F } from './sync-state.ts';

/** Where a selection reads rows and ids; devices are numbered from 0. */
export interface DeviceRows {
  readonly count: number;
  readonly partial: PartialRule;
  id(device: number): string;
  page(device: number): { readonly row: Float64Array; readonly base: number };
}

export interface DeviceSelection {
  /** Device numbers in the asked order. */
  readonly devices: readonly number[];
  readonly next: DeviceKey | null;
  readonly matching: number;
}

function sortValue(row: Float64Array, base: number, sort: DeviceSort, partial: PartialRule): number {
  if (sort === 'last_seen') return row[base + F.lastSeenAt]!;
  if (sort === 'consecutive_failures') return row[base + F.streak]!;
  if (sort === 'total_failures') return totalFailures(row, base, partial);
  return sort === 'syncs' ? row[base + F.syncs]! : 0;
}

function matches(
  query: DeviceQuery,
  rows: DeviceRows,
  device: number,
  row: Float64Array,
  base: number,
): boolean {
  const { state, moreThan, search } = query;
  if (moreThan !== undefined) {
    const measured =
      moreThan.measure === 'total_failures' ? totalFailures(row, base, rows.partial) : row[base + F.streak]!;
    if (!(measured > moreThan.count)) return false;
  }
  if (
    state !== undefined &&
    deviceState(row[base + F.streak]!, row[base + F.lastSeenAt]!, query.rule) !== state
  ) {
    return false;
  }
  return search === undefined || rows.id(device).toLowerCase().includes(search);
}

interface Candidate {
  readonly device: number;
  readonly value: number;
  readonly id: string;
}

/**
 * One page of a device list, in one pass over all rows: 100,000 devices are a few milliseconds, and nothing has to be
 * kept sorted while events arrive.
 */
export function selectDevices(query: DeviceQuery, rows: DeviceRows): DeviceSelection {
  const direction = query.descending ? -1 : 1;
  const byId = query.sort === 'device_id';
  const compareIds = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const compare = (valueA: number, idA: string, valueB: number, idB: string): number =>
    byId ? direction * compareIds(idA, idB) : direction * (valueA - valueB) || compareIds(idA, idB);
  const lowered = query.search === undefined ? query : { ...query, search: query.search.toLowerCase() };
  const best: Candidate[] = [];
  let matching = 0;
  let further = false;
  for (let device = 0; device < rows.count; device++) {
    const { row, base } = rows.page(device);
    if (!matches(lowered, rows, device, row, base)) continue;
    matching += 1;
    const value = sortValue(row, base, query.sort, rows.partial);
    const worst = best.length === query.limit ? best[best.length - 1] : undefined;
    // Most devices lose on the number alone; their ids need not be read.
    if (worst !== undefined && !byId && direction * (value - worst.value) > 0) {
      further = true;
      continue;
    }
    const id = rows.id(device);
    if (query.after !== undefined && compare(value, id, query.after.value, query.after.deviceId) <= 0)
      continue;
    if (worst !== undefined) {
      further = true;
      if (compare(value, id, worst.value, worst.id) > 0) continue;
      best.pop();
    }
    insert(best, { device, value, id }, compare);
  }
  const last = best[best.length - 1];
  return {
    devices: best.map((candidate) => candidate.device),
    next: further && last !== undefined ? { value: last.value, deviceId: last.id } : null,
    matching,
  };
}

function insert(
  best: Candidate[],
  candidate: Candidate,
  compare: (valueA: number, idA: string, valueB: number, idB: string) => number,
): void {
  let low = 0;
  let high = best.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = best[middle] as Candidate;
    if (compare(other.value, other.id, candidate.value, candidate.id) < 0) low = middle + 1;
    else high = middle;
  }
  best.splice(low, 0, candidate);
}
