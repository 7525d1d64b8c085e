import { type DeviceKey, type DeviceQuery, type DeviceSort, deviceState } from './device.ts';
import type { PartialRule } from './fold.ts';
import { F, SYNC_STATE_LENGTH } from './sync-state.ts';

/** Neighbouring devices whose rows lie one behind the other. */
export interface DeviceBlock {
  /** Number of the first device; the others follow. */
  readonly first: number;
  readonly count: number;
  readonly rows: Float64Array;
}

/** Where a selection reads rows and ids. */
export interface DeviceRows {
  readonly partial: PartialRule;
  readonly blocks: Iterable<DeviceBlock>;
  id(device: number): string;
}

export interface DeviceSelection {
  /** Device numbers in the asked order. */
  readonly devices: readonly number[];
  readonly next: DeviceKey | null;
  readonly matching: number;
}

/** Place of the sort value in a row; failures are a sum of two, a device id is no number. */
const sortFields: Readonly<Record<DeviceSort, number | 'failures' | 'none'>> = {
  device_id: 'none',
  last_seen: F.lastSeenAt,
  consecutive_failures: F.streak,
  total_failures: 'failures',
  syncs: F.syncs,
};

interface Place {
  readonly value: number;
  readonly id: string;
}

interface Candidate extends Place {
  readonly device: number;
}

/**
 * One page of a device list, in one pass over all rows: 100,000 devices are about a millisecond, and nothing has to be
 * kept sorted while events arrive.
 */
export function selectDevices(query: DeviceQuery, rows: DeviceRows): DeviceSelection {
  const best = new BestDevices(query, rows);
  const measure = query.moreThan === undefined ? 'none' : sortFields[query.moreThan.measure];
  const least = query.moreThan?.count ?? 0;
  const field = sortFields[query.sort];
  const partials = rows.partial === 'failure' ? 1 : 0;
  const search = query.search?.toLowerCase();
  const { state, rule } = query;
  const read = (row: Float64Array, base: number, from: number | 'failures' | 'none'): number =>
    from === 'failures'
      ? row[base + F.failed]! + partials * row[base + F.partial]!
      : from === 'none'
        ? 0
        : row[base + from]!;
  for (const block of rows.blocks) {
    const row = block.rows;
    for (let slot = 0, base = 0; slot < block.count; slot++, base += SYNC_STATE_LENGTH) {
      if (measure !== 'none' && !(read(row, base, measure) > least)) continue;
      if (
        state !== undefined &&
        deviceState(row[base + F.streak]!, row[base + F.lastSeenAt]!, rule) !== state
      )
        continue;
      const device = block.first + slot;
      if (search !== undefined && !rows.id(device).toLowerCase().includes(search)) continue;
      best.offer(device, read(row, base, field));
    }
  }
  return best.result();
}

/** The first devices of the asked order among those that are offered. */
class BestDevices {
  readonly #query: DeviceQuery;
  readonly #rows: DeviceRows;
  readonly #direction: number;
  readonly #byId: boolean;
  readonly #best: Candidate[] = [];
  #matching = 0;
  #further = false;

  constructor(query: DeviceQuery, rows: DeviceRows) {
    this.#query = query;
    this.#rows = rows;
    this.#direction = query.descending ? -1 : 1;
    this.#byId = query.sort === 'device_id';
  }

  offer(device: number, value: number): void {
    this.#matching += 1;
    const { limit, after } = this.#query;
    const best = this.#best;
    const worst = best.length === limit ? best[limit - 1] : undefined;
    // Most devices lose on the number alone; their ids need not be read.
    if (worst !== undefined && !this.#byId && this.#direction * (value - worst.value) > 0) {
      this.#further = true;
      return;
    }
    const candidate = { device, value, id: this.#rows.id(device) };
    if (after !== undefined && this.#compare(candidate, { value: after.value, id: after.deviceId }) <= 0)
      return;
    if (worst !== undefined) {
      this.#further = true;
      if (this.#compare(candidate, worst) > 0) return;
      best.pop();
    }
    this.#insert(candidate);
  }

  #compare(a: Place, b: Place): number {
    const byId = a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
    return this.#byId ? this.#direction * byId : this.#direction * (a.value - b.value) || byId;
  }

  #insert(candidate: Candidate): void {
    let low = 0;
    let high = this.#best.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#best[middle] as Candidate, candidate) < 0) low = middle + 1;
      else high = middle;
    }
    this.#best.splice(low, 0, candidate);
  }

  result(): DeviceSelection {
    const last = this.#best[this.#best.length - 1];
    return {
      devices: this.#best.map((candidate) => candidate.device),
      next: this.#further && last !== undefined ? { value: last.value, deviceId: last.id } : null,
      matching: this.#matching,
    };
  }
}
