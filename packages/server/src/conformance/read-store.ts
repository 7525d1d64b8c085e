import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { StoredDetection } from '../ports/detection-store.ts';
import type {
  DeviceRecord,
  FleetSummary,
  HistoryQuery,
  QuarantinePage,
  Store,
  StoredSyncEvent,
  StoreStatus,
} from '../ports/store.ts';
import type { TelemetryStore } from '../ports/telemetry-store.ts';
import { deviceQuery, hour, now, usualRule } from './make-events.ts';
import { plainPoints } from './telemetry/make-points.ts';

/** How long a status may be behind, in milliseconds. */
const STATUS_LAG_MS = 5000;

/** All events of a device that match, newest first, read page by page. */
export async function readHistory(
  store: Store,
  query: Partial<HistoryQuery> & { readonly deviceId: string },
): Promise<readonly StoredSyncEvent[]> {
  const items: StoredSyncEvent[] = [];
  let after = query.after;
  do {
    const page = await store.history({ limit: 1000, ...query, after });
    if (page === undefined) return items;
    items.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return items;
}

/** The answers to all that a store can be asked. */
export interface Everything {
  readonly devices: readonly DeviceRecord[];
  /** By device id: its record, history and statistics. */
  readonly histories: Readonly<Record<string, unknown>>;
  readonly fleet: FleetSummary;
  readonly quarantine: QuarantinePage;
  /** By device and key: the newest point and all points. */
  readonly telemetry: Readonly<Record<string, unknown>>;
  readonly detections: readonly StoredDetection[];
}

/** Asks a store everything, for comparing one moment with another. */
export async function readEverything(store: Store): Promise<Everything> {
  const { items: devices } = await store.devices(deviceQuery());
  const histories: Record<string, unknown> = {};
  for (const { deviceId } of devices) {
    histories[deviceId] = {
      device: await store.device(deviceId),
      events: await readHistory(store, { deviceId }),
      statistics: await store.statistics(deviceId, 0, now + hour),
    };
  }
  return {
    devices,
    histories,
    fleet: await store.fleet(usualRule, 0, now + 1000 * hour),
    quarantine: await store.quarantine({ limit: 1000 }),
    telemetry: await readTelemetry(store),
    detections: (await store.detections.list({ filter: {}, limit: 10_000 })).items,
  };
}

/** Only what is exact in whatever order points are added. */
const summed = ['count', 'min', 'max', 'first', 'last'] as const;

/** All points of all series, their newest ones and what they are in hours. */
export async function readTelemetry(store: {
  readonly telemetry: Pick<TelemetryStore, 'series' | 'range' | 'aggregate'>;
}): Promise<Readonly<Record<string, unknown>>> {
  const all: Record<string, unknown> = {};
  const { items } = await store.telemetry.series({ limit: 10_000 });
  for (const { name, time, value } of items) {
    const ever = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
    const answer = await store.telemetry.range({ ...ever, series: name, limit: 100_000 });
    const hours = await store.telemetry.aggregate({
      ...ever,
      series: [{ ...name, group: 0 }],
      bucket: '1h',
      timeZone: 'UTC',
      names: summed,
      maxBuckets: 100_000,
    });
    all[`${name.deviceId}\n${name.key}`] = {
      latest: [time, value],
      points: plainPoints(answer?.points),
      next: answer?.next,
      hours: hours?.map(({ starts, columns }) => [starts, ...columns]),
    };
  }
  return all;
}

/** Asserts what the status tells, which costs no I/O and may therefore be a moment behind. */
export async function assertStatus(store: Store, expected: Partial<StoreStatus>): Promise<void> {
  const deadline = Date.now() + STATUS_LAG_MS;
  const told = () => pick(store.status(), Object.keys(expected) as (keyof StoreStatus)[]);
  while (!isDeepStrictEqual(told(), expected) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(told(), expected);
}

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Partial<T>;
}
