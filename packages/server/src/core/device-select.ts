import { type DeviceKey, type DeviceQuery, type DeviceSort, deviceState } from './device.ts';
import type { PartialRule } from './fold.ts';
import { F, SYNC_STATE_LENGTH } from './sync-state.ts';

/**
 * What device lists sort and filter by, of neighbouring devices, column by column: a pass over 100,000 devices reads a tenth
 * of the memory that their rows take.
 */
export interface DeviceColumns {
  /** Number of the first device; the others follow. */
  readonly first: number;
  readonly count: number;
  readonly lastSeen: Float64Array;
  readonly streak: Float64Array;
  readonly failures: Float64Array;
  readonly syncs: Float64Array;
}

/**
 * Reads the columns of rows that lie one behind the other.
 *
 * @param into - columns of as many devices that may be written over
 */
export function columnsOf(
  first: number,
  count: number,
  rows: Float64Array,
  partial: PartialRule,
  into?: DeviceColumns,
): DeviceColumns {
  const column = (own: Float64Array | undefined): Float64Array =>
    own ?? new Float64Array(rows.length / SYNC_STATE_LENGTH);
  const columns = {
    first,
    count,
    lastSeen: column(into?.lastSeen),
    streak: column(into?.streak),
    failures: column(into?.failures),
    syncs: column(into?.syncs),
  };
  const partials = partial === 'failure' ? 1 : 0;
  for (let slot = 0, base = 0; slot < count; slot++, base += SYNC_STATE_LENGTH) {
    columns.lastSeen[slot] = rows[base + F.lastSeenAt]!;
    columns.streak[slot] = rows[base + F.streak]!;
    columns.failures[slot] = rows[base + F.failed]! + partials * rows[base + F.partial]!;
    columns.syncs[slot] = rows[base + F.syncs]!;
  }
  return columns;
}

/** Where a selection reads columns and ids. */
export interface DeviceRows {
  readonly blocks: Iterable<DeviceColumns>;
  id(device: number): string;
}

export interface DeviceSelection {
  /** Device numbers in the asked order. */
  readonly devices: readonly number[];
  readonly next: DeviceKey | null;
  readonly matching: number;
}

/** The column of the sort value; a device id is no number. */
const sortColumns = {
  device_id: undefined,
  last_seen: 'lastSeen',
  consecutive_failures: 'streak',
  total_failures: 'failures',
  syncs: 'syncs',
} as const satisfies Record<DeviceSort, keyof DeviceColumns | undefined>;

interface Place {
  readonly value: number;
  readonly id: string;
}

interface Candidate extends Place {
  readonly device: number;
}

/**
 * One page of a device list, in one pass over all devices: nothing has to be kept sorted while events arrive.
 */
export function selectDevices(query: DeviceQuery, rows: DeviceRows): DeviceSelection {
  const best = new BestDevices(query, rows);
  const measure = query.moreThan === undefined ? undefined : sortColumns[query.moreThan.measure];
  const least = query.moreThan?.count ?? 0;
  const sort = sortColumns[query.sort];
  const search = query.search?.toLowerCase();
  const { state, rule } = query;
  for (const block of rows.blocks) {
    const { first, count, streak, lastSeen } = block;
    const measured = measure === undefined ? undefined : block[measure];
    const values = sort === undefined ? undefined : block[sort];
    for (let slot = 0; slot < count; slot++) {
      if (measured !== undefined && !(measured[slot]! > least)) continue;
      if (state !== undefined && deviceState(streak[slot]!, lastSeen[slot]!, rule) !== state) continue;
      if (
        search !== undefined &&
        !rows
          .id(first + slot)
          .toLowerCase()
          .includes(search)
      )
        continue;
      best.offer(first + slot, values === undefined ? 0 : values[slot]!);
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
