import { type ClockQuality, type SyncStatus, syncStatus } from '@pisync/protocol';
import type { PartialRule } from './fold.ts';
import { clockQualities, F } from './sync-state.ts';
import type { SyncTotals } from './totals.ts';

/** One device's derived state. Times are epoch milliseconds; `null` where nothing of the kind happened yet. */
export interface DeviceRecord {
  readonly deviceId: string;
  /** `receivedAt` of the first and the newest stored observation; those that are no syncs count by the minute. */
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** The newest sync in the device's order (epoch, seq), not the last received; null for a device that never synced. */
  readonly latest: {
    readonly timestamp: number;
    readonly status: SyncStatus;
    readonly totalFilesSynced: number;
    readonly totalErrors: number;
    readonly clockQuality: ClockQuality;
  } | null;
  /** Failed syncs ordered after the newest success. */
  readonly consecutiveFailures: number;
  /** All syncs that count as failures under the policy. */
  readonly totalFailures: number;
  /** `timestamp` of the first failure of the running streak. */
  readonly failingSince: number | null;
  /** The newest failure in the device's order. */
  readonly lastFailure: {
    readonly timestamp: number;
    readonly totalErrors: number;
    readonly status: SyncStatus;
  } | null;
  /** `timestamp` of the newest success in the device's order. */
  readonly lastSuccessAt: number | null;
  readonly totals: SyncTotals & {
    /** Same identity, other body: refused and counted. */
    readonly conflicts: number;
  };
  /** The newest measured clock offset (server minus device), where the device sends `sent_at`. */
  readonly clockOffsetMs: number | null;
  /** Number of outbox epochs seen. */
  readonly epochs: number;
}

/** `failing`: streak at or over the limit; `silent`: not heard from; `warning`: a shorter streak; else `ok`. */
export type DeviceState = 'failing' | 'silent' | 'warning' | 'ok';

export const deviceStates: readonly DeviceState[] = ['failing', 'silent', 'warning', 'ok'];

/** How states are told apart; evaluated when asked, so that a change of configuration needs no rewrite. */
export interface StateRule {
  /** Streak from which a device is `failing`. */
  readonly failingStreak: number;
  /** Milliseconds without contact after which a device is `silent`. */
  readonly silentAfterMs: number;
  /** The time to judge by. */
  readonly now: number;
}

/** The state of a device; a failing one stays failing when it falls silent, so that silence hides no failure. */
export function deviceState(streak: number, lastSeenAt: number, rule: StateRule): DeviceState {
  if (streak >= rule.failingStreak) return 'failing';
  if (rule.now - lastSeenAt > rule.silentAfterMs) return 'silent';
  return streak > 0 ? 'warning' : 'ok';
}

function totalFailures(row: Float64Array, base: number, partial: PartialRule): number {
  return row[base + F.failed]! + (partial === 'failure' ? row[base + F.partial]! : 0);
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** Reads a device's row as a record. */
export function toDeviceRecord(
  deviceId: string,
  row: Float64Array,
  base: number,
  epochs: number,
  partial: PartialRule,
): DeviceRecord {
  const at = (field: number): number => row[base + field]!;
  const syncs = at(F.syncs);
  return {
    deviceId,
    firstSeenAt: at(F.firstSeenAt),
    lastSeenAt: at(F.lastSeenAt),
    latest:
      at(F.latestEpoch) < 0
        ? null
        : {
            timestamp: at(F.latestTimestamp),
            status: syncStatus(at(F.latestFiles), at(F.latestErrors)),
            totalFilesSynced: at(F.latestFiles),
            totalErrors: at(F.latestErrors),
            clockQuality: clockQualities[at(F.latestQuality)] as ClockQuality,
          },
    consecutiveFailures: at(F.streak),
    totalFailures: totalFailures(row, base, partial),
    failingSince: at(F.streak) > 0 ? at(F.firstFailureTimestamp) : null,
    lastFailure:
      at(F.lastFailureEpoch) < 0
        ? null
        : {
            timestamp: at(F.lastFailureTimestamp),
            totalErrors: at(F.lastFailureErrors),
            status: syncStatus(at(F.lastFailureFiles), at(F.lastFailureErrors)),
          },
    lastSuccessAt: orNull(at(F.successTimestamp)),
    totals: {
      syncs,
      success: syncs - at(F.partial) - at(F.failed),
      partial: at(F.partial),
      failed: at(F.failed),
      files: at(F.files),
      errors: at(F.errors),
      bytes: at(F.bytes),
      conflicts: at(F.conflicts),
    },
    clockOffsetMs: orNull(at(F.clockOffset)),
    epochs,
  };
}

export type DeviceSort = 'device_id' | 'last_seen' | 'consecutive_failures' | 'total_failures' | 'syncs';

/** Place in a device list: the sort value (0 when sorted by id) and the device id of the last item. */
export interface DeviceKey {
  readonly value: number;
  readonly deviceId: string;
}

export interface DeviceQuery {
  readonly rule: StateRule;
  /** Case-insensitive part of the device id. */
  readonly search?: string | undefined;
  readonly state?: DeviceState | undefined;
  /** Only devices with strictly more failures than this. */
  readonly moreThan?:
    | { readonly measure: 'consecutive_failures' | 'total_failures'; readonly count: number }
    | undefined;
  /** Ties are listed by device id, ascending; `device_id` itself in code unit order. */
  readonly sort: DeviceSort;
  readonly descending: boolean;
  readonly limit: number;
  /** Resume strictly after this place. */
  readonly after?: DeviceKey | undefined;
}
