import { isDeviceId, PisyncError, type SyncStatus } from '@pisync/protocol';
import { deviceState } from '../core/device.ts';
import { decodeCursor, encodeCursor, type KeyPart, type ListIdentity } from '../core/paging.ts';
import type { Clock } from '../ports/clock.ts';
import type { Meter } from '../ports/meter.ts';
import type {
  DevicePage,
  DeviceRecord,
  DeviceSort,
  DeviceState,
  HistoryKey,
  StateRule,
  Store,
} from '../ports/store.ts';
import { deviceView, failuresView, hourView, statisticsView, syncView, totalsView } from './views.ts';

/** Most items of one page. */
export const MAX_LIMIT = 1000;

/** Deepest item that `page` reaches; a `cursor` goes on from there. */
const MAX_DEPTH_BY_PAGE = 100_000;

/** How device states are told apart. */
export interface StateLimits {
  readonly failingStreak: number;
  readonly silentAfterMs: number;
}

export interface HistoryRequest {
  readonly deviceId: string;
  readonly page: number | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly status: SyncStatus | undefined;
}

export interface DevicesRequest {
  readonly search: string | undefined;
  readonly status: DeviceState | undefined;
  readonly sort: DeviceSort;
  readonly descending: boolean;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface FailuresRequest {
  readonly threshold: number;
  readonly mode: 'total' | 'consecutive';
  readonly limit: number;
  readonly cursor: string | undefined;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Answers what operators ask, in wire form. Every call of the store is timed, and logged where it is slow. */
export class Queries {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #states: StateLimits;

  constructor(store: Store, clock: Clock, meter: Meter, states: StateLimits) {
    this.#store = store;
    this.#clock = clock;
    this.#meter = meter;
    this.#states = states;
  }

  /**
   * One device's syncs, newest first.
   *
   * @throws {PisyncError} `device_unknown`, `invalid_cursor`, `invalid_parameter` for a page too deep
   */
  async history(request: HistoryRequest) {
    const { deviceId, limit, from, to, status } = request;
    const page = request.page ?? 1;
    checkDepth(request, page);
    const identity = { list: 'history', filters: { deviceId, from, to, status } };
    const after = historyKey(identity, request.cursor);
    const offset = after === undefined ? (page - 1) * limit : undefined;
    const query = { deviceId, limit, from, to, status, after, offset };
    const found = known(await this.#timed('history', query, () => this.#store.history(query)));
    const { next } = found;
    const filtered = from !== undefined || to !== undefined || status !== undefined;
    return {
      device_id: deviceId,
      items: found.items.map(syncView),
      next_cursor: next === null ? null : encodeCursor(identity, [next.timestamp, next.epochIndex, next.tie]),
      page: after === undefined ? page : null,
      limit,
      // The store counts the whole history: of a filtered one, the number of pages is not known.
      total: found.total,
      pages: filtered ? null : Math.ceil(found.total / limit),
    };
  }

  /** @throws {PisyncError} `device_unknown` */
  async device(deviceId: string, windowHours: number) {
    const now = this.#clock.now();
    // To the end of the running minute: so that a repeated read within it is the same, and its ETag holds.
    const to = (Math.floor(now / MINUTE) + 1) * MINUTE;
    const window = { deviceId, from: to - windowHours * HOUR, to };
    const [device, statistics] = await Promise.all([
      this.#timed('device', { deviceId }, () => this.#store.device(deviceId)),
      this.#timed('statistics', window, () => this.#store.statistics(deviceId, window.from, window.to)),
    ]);
    return {
      ...deviceView(known(device), this.#state(known(device), this.#rule(now))),
      window: statisticsView(known(statistics)),
    };
  }

  /** @throws {PisyncError} `invalid_cursor` */
  async devices(request: DevicesRequest) {
    const { search, status, sort, descending, limit } = request;
    const rule = this.#rule(this.#clock.now());
    const identity = { list: 'devices', filters: { search, status, sort, descending } };
    const after = deviceKey(identity, request.cursor);
    const query = { rule, search, state: status, sort, descending, limit, after };
    const found = await this.#timed('devices', query, () => this.#store.devices(query));
    return {
      items: found.items.map((device) => deviceView(device, this.#state(device, rule))),
      next_cursor: nextDevice(identity, found),
      limit,
      total: found.matching,
    };
  }

  /** Devices with more failures than the threshold, worst first. @throws {PisyncError} `invalid_cursor` */
  async repeatedFailures(request: FailuresRequest) {
    const { threshold, mode, limit } = request;
    const measure = mode === 'total' ? ('total_failures' as const) : ('consecutive_failures' as const);
    const rule = this.#rule(this.#clock.now());
    const identity = { list: 'repeated-failures', filters: { threshold, mode } };
    const after = deviceKey(identity, request.cursor);
    const query = {
      rule,
      moreThan: { measure, count: threshold },
      sort: measure,
      descending: true,
      limit,
      after,
    };
    const found = await this.#timed('repeated_failures', query, () => this.#store.devices(query));
    return {
      items: found.items.map((device) => failuresView(device, this.#state(device, rule))),
      next_cursor: nextDevice(identity, found),
      limit,
      total: found.matching,
      threshold,
      mode,
    };
  }

  /** Counts by state and sums per hour over the newest `hours` hours, the running one included. */
  async fleet(hours: number) {
    const now = this.#clock.now();
    const to = (Math.floor(now / HOUR) + 1) * HOUR;
    const from = to - hours * HOUR;
    const found = await this.#timed('fleet', { from, to }, () =>
      this.#store.fleet(this.#rule(now), from, to),
    );
    return {
      devices: found.devices,
      states: found.states,
      totals: totalsView(found.totals),
      hours: found.hours.map(hourView),
    };
  }

  #state(device: DeviceRecord, rule: StateRule): DeviceState {
    return deviceState(device.consecutiveFailures, device.lastSeenAt, rule);
  }

  #rule(now: number): StateRule {
    return { failingStreak: this.#states.failingStreak, silentAfterMs: this.#states.silentAfterMs, now };
  }

  async #timed<T>(name: string, parameters: object, ask: () => Promise<T>): Promise<T> {
    const start = this.#clock.monotonic();
    try {
      return await ask();
    } finally {
      this.#meter.query(name, this.#clock.monotonic() - start, parameters);
    }
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined)
    throw new PisyncError('device_unknown', { detail: 'No event of this device was ever stored.' });
  return found;
}

function checkDepth(request: HistoryRequest, page: number): void {
  if (request.cursor !== undefined && request.page !== undefined) {
    throw new PisyncError('invalid_parameter', { field: 'page', detail: 'Give page or cursor, not both.' });
  }
  if (page * request.limit <= MAX_DEPTH_BY_PAGE) return;
  const detail = `Pages reach ${MAX_DEPTH_BY_PAGE} items (page × limit). Go on by cursor: pass next_cursor of a reply.`;
  throw new PisyncError('invalid_parameter', { field: 'page', detail });
}

function readCursor(
  identity: ListIdentity,
  cursor: string | undefined,
  shape: readonly ('number' | 'string')[],
): readonly KeyPart[] | undefined {
  if (cursor === undefined) return undefined;
  const key = decodeCursor(identity, cursor, shape);
  if (key === 'malformed') {
    const detail = 'Pass next_cursor of the previous reply, unchanged.';
    throw new PisyncError('invalid_cursor', { field: 'cursor', detail });
  }
  if (key === 'other_list') {
    const detail =
      'The cursor belongs to another list or to other filters. Keep them the same, or start without cursor.';
    throw new PisyncError('invalid_cursor', { field: 'cursor', detail });
  }
  return key;
}

function historyKey(identity: ListIdentity, cursor: string | undefined): HistoryKey | undefined {
  const key = readCursor(identity, cursor, ['number', 'number', 'number']);
  if (key === undefined) return undefined;
  const [timestamp, epochIndex, tie] = key as [number, number, number];
  return { timestamp, epochIndex, tie };
}

function deviceKey(identity: ListIdentity, cursor: string | undefined) {
  const key = readCursor(identity, cursor, ['number', 'string']);
  if (key === undefined) return undefined;
  const [value, deviceId] = key as [number, string];
  if (isDeviceId(deviceId)) return { value, deviceId };
  throw new PisyncError('invalid_cursor', {
    field: 'cursor',
    detail: 'Pass next_cursor of the previous reply, unchanged.',
  });
}

function nextDevice(identity: ListIdentity, page: DevicePage): string | null {
  return page.next === null ? null : encodeCursor(identity, [page.next.value, page.next.deviceId]);
}
