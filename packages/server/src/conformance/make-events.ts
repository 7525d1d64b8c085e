import type { Observation } from '@pisync/protocol';
import type { CommitGroup, DeviceQuery, RejectedItem, StateRule } from '../ports/store.ts';

/** The moment at which the suite takes place: 2026-11-20T08:30:00Z. */
export const now = Date.UTC(2026, 10, 20, 8, 30);

export const hour = 3_600_000;

/** The usual limits, judged at {@link now}. */
export const usualRule: StateRule = { failingStreak: 3, silentAfterMs: 168 * hour, now };

/** A successful sync of `pi-1` at {@link now} that has a time and so a digest as its identity, unless `fields` say more. */
export function observation(fields: Partial<Observation> = {}): Observation {
  const deviceTime = fields.deviceTime === undefined ? now : fields.deviceTime;
  const receivedAt = fields.receivedAt ?? now;
  return {
    kind: 'sync_event',
    deviceId: 'pi-1',
    epoch: null,
    seq: null,
    eventId: null,
    deviceTime,
    sentAt: null,
    totalFilesSynced: 3,
    totalErrors: 0,
    internetSpeed: null,
    syncDurationMs: null,
    bytesSynced: null,
    metadata: null,
    receivedAt,
    timestamp: deviceTime ?? receivedAt,
    clockQuality: deviceTime === null ? 'unknown' : 'ok',
    ...fields,
  };
}

/** The sync that a device counted as `seq`, made `seq` seconds before or after {@link now}. */
export function counted(seq: number, fields: Partial<Observation> = {}): Observation {
  const deviceTime = now - 10 * hour + (seq % 30_000) * 1000;
  return observation({ epoch: 'epoch-1', seq, deviceTime, ...fields });
}

/** What makes a sync a failed or a partial one. */
export const failed = { totalFilesSynced: 0, totalErrors: 2 };
export const partial = { totalFilesSynced: 3, totalErrors: 1 };

export function rejectedItem(fields: Partial<RejectedItem> = {}): RejectedItem {
  return {
    receivedAt: now,
    deviceId: 'pi-1',
    code: 'out_of_range',
    field: 'total_errors',
    detail: 'total_errors is negative; send a count',
    source: 'sync-events',
    raw: '{"device_id":"pi-1","total_errors":-1}',
    truncated: false,
    ...fields,
  };
}

/** A group of observations only. */
export function group(...observations: readonly Observation[]): CommitGroup {
  return { observations, rejected: [] };
}

/** What of a device list is usual: all devices by id. */
export function deviceQuery(fields: Partial<DeviceQuery> = {}): DeviceQuery {
  return { rule: usualRule, sort: 'device_id', descending: false, limit: 1000, ...fields };
}

/** A small generator of numbers that look random and are the same in every run. */
export function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The items in an order that only the seed decides. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = sequence(seed);
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
