import type { CommitOutcome, Observation, ObservedDetection, PointBatch, SyncStatus } from '@pisync/protocol';
import type { DeviceKey, DeviceQuery, DeviceRecord, DeviceState, StateRule } from '../core/device.ts';
import type { PartialRule } from '../core/fold.ts';
import type { HistoryKey } from '../core/history.ts';
import type { HourTotals, SyncTotals } from '../core/totals.ts';
import type { DetectionStore } from './detection-store.ts';
import type { TelemetryStore } from './telemetry-store.ts';

export type {
  DeviceKey,
  DeviceQuery,
  DeviceRecord,
  DeviceSort,
  DeviceState,
  StateRule,
} from '../core/device.ts';
export { deviceStates } from '../core/device.ts';
export type { HistoryKey } from '../core/history.ts';
export type { HourTotals, SyncTotals } from '../core/totals.ts';

/** What an operator may configure about the derived state; fixed for the life of an open store. */
export interface StorePolicy {
  /** How a `partial` sync counts in failure numbers and streaks. */
  readonly partial: PartialRule;
}

/** An item that failed validation, as the sender sent it. */
export interface RejectedItem {
  readonly receivedAt: number;
  /** Where a device id could be read. Hostile text: at most 128 characters are kept. */
  readonly deviceId: string | null;
  readonly code: string;
  readonly field: string | null;
  readonly detail: string;
  /** The route it came by, such as `sync-events`. */
  readonly source: string;
  /** The item's own text, cut at 64 KiB. */
  readonly raw: string;
  /** True where `raw` was cut: such an item can be seen but not replayed. */
  readonly truncated: boolean;
}

/**
 * One observation of telemetry that its sender counted: it is kept once, by its number. A repetition may come with other
 * times, where the device's clock was corrected in between.
 */
export interface CountedPoints {
  readonly deviceId: string;
  readonly epoch: string;
  readonly seq: number;
  /** Its points of the group's: from, inclusive, and to, exclusive. Those of no two overlap. */
  readonly from: number;
  readonly to: number;
}

/** What one request hands to the store. */
export interface CommitGroup {
  readonly observations: readonly Observation[];
  readonly rejected: readonly RejectedItem[];
  /** Telemetry; at most 65,536 points. */
  readonly points?: PointBatch | undefined;
  /** When the points came, epoch milliseconds: their devices count as seen then. None is seen where it is absent. */
  readonly contactAt?: number | undefined;
  /** Which of the points are observations with a counter; needs `contactAt`. */
  readonly counted?: readonly CountedPoints[] | undefined;
  readonly detections?: readonly ObservedDetection[] | undefined;
}

/** An observation as the store keeps it. */
export interface StoredSyncEvent extends Observation {
  /** Place in the store's committed order, from 1, gapless per store, never reused. */
  readonly position: number;
  /** Place of its epoch in the order in which the device's epochs first appeared; 0 without `seq`. */
  readonly epochIndex: number;
  readonly status: SyncStatus;
}

export interface HistoryQuery {
  readonly deviceId: string;
  /** Inclusive lower bound of `timestamp`. */
  readonly from?: number | undefined;
  /** Exclusive upper bound of `timestamp`. */
  readonly to?: number | undefined;
  readonly status?: SyncStatus | undefined;
  /** 1 to 1,000. */
  readonly limit: number;
  /** Items to skip, newest first; at most 100,000. Not together with `after`. */
  readonly offset?: number | undefined;
  /** Resume strictly after (older than) this key. */
  readonly after?: HistoryKey | undefined;
}

export interface HistoryPage {
  /** Newest first by {@link HistoryKey}. */
  readonly items: readonly StoredSyncEvent[];
  /** Key of the last item if there are more, else null. */
  readonly next: HistoryKey | null;
  /** All stored events of the device, whatever the filter. */
  readonly total: number;
}

export interface DevicePage {
  readonly items: readonly DeviceRecord[];
  readonly next: DeviceKey | null;
  /** Devices that match, over all pages. */
  readonly matching: number;
}

export interface FleetSummary {
  readonly devices: number;
  readonly states: Readonly<Record<DeviceState, number>>;
  /** Hours with at least one sync, oldest first, within the asked window. */
  readonly hours: readonly HourTotals[];
  /** Totals over all time. */
  readonly totals: SyncTotals;
}

/** Statistics of one device over `[from, to)` of corrected time. */
export interface DeviceStatistics extends SyncTotals {
  readonly from: number;
  readonly to: number;
  readonly averageSpeed: number | null;
  readonly averageDurationMs: number | null;
  /** False where the window held more than the scan limit: then the newest events of it were counted. */
  readonly complete: boolean;
}

/** One quarantined item. Identical items (device, code, text) are kept once and counted. */
export interface QuarantinedItem extends RejectedItem {
  readonly id: number;
  /** How often it came; `receivedAt` is the first time. */
  readonly count: number;
  readonly lastReceivedAt: number;
}

export interface QuarantineQuery {
  readonly deviceId?: string | undefined;
  readonly code?: string | undefined;
  readonly limit: number;
  /** Only items with a smaller id: newest first. */
  readonly before?: number | undefined;
}

export interface QuarantinePage {
  readonly items: readonly QuarantinedItem[];
  readonly next: number | null;
  readonly total: number;
}

/** What an adapter can do; a suite tests the absence, too. */
export interface StoreSupports {
  /** `stored` survives a crash of this process and of the machine. */
  readonly durable: boolean;
  /** Opening the same place a second time at once is refused. */
  readonly exclusive: boolean;
}

/** Health as `/readyz` and `/metrics` tell it. Cheap: no I/O. */
export interface StoreStatus {
  readonly state: 'ready' | 'recovering' | 'closed';
  /** Why it is not ready, or what was found at open, such as a damaged file that was set aside. */
  readonly notes: readonly string[];
  readonly position: number;
  readonly devices: number;
  /** Observations handed over and not yet answered. */
  readonly waiting: number;
  /** Named gauges of the adapter, such as `wal_bytes`; names are documented by the adapter. */
  readonly gauges: Readonly<Record<string, number>>;
}

/** One finding of a full check. */
export interface Finding {
  readonly severity: 'ok' | 'warning' | 'error';
  readonly check: string;
  readonly detail: string;
}

/**
 * Keeps observations exactly once, with the state derived from them.
 *
 * Every method throws {@link PisyncError} `store_closed` after `close`, and `store_unavailable` (retryable) while the
 * store recovers from a failure.
 */
export interface Store {
  readonly supports: StoreSupports;

  /** Reads telemetry; it comes in by {@link commit}. */
  readonly telemetry: TelemetryStore;

  /** Reads detections; they come in by {@link commit}. */
  readonly detections: DetectionStore;

  /**
   * Commits all groups that wait in as few flushes as possible. Called for every ingest request, any number at
   * once. Within a group, detections come first, then telemetry, then
   * observations, each kind in its order; each item is looked up by identity first, and only a new one touches derived state, in
   * the same transaction.
   *
   * When it resolves, every `stored` observation, its identity and its effect on derived state, every rejected item and
   * every point survive a crash of this process and, where `supports.durable`, of the machine.
   *
   * A number of an epoch identifies one observation of any kind. What was kept of telemetry holds no bodies, so that a number
   * that telemetry used is answered `duplicate` whatever comes under it.
   *
   * @returns one outcome per observation, then per detection, then per counted telemetry, each in order
   * @throws {PisyncError} `store_unavailable` if nothing of the group was kept
   */
  commit(group: CommitGroup): Promise<readonly CommitOutcome[]>;

  /** One device's events, newest first; undefined for a device that was never stored. Sees all resolved commits. */
  history(query: HistoryQuery): Promise<HistoryPage | undefined>;

  device(deviceId: string): Promise<DeviceRecord | undefined>;

  devices(query: DeviceQuery): Promise<DevicePage>;

  /** @param from - first hour to include, epoch milliseconds; @param to - exclusive */
  fleet(rule: StateRule, from: number, to: number): Promise<FleetSummary>;

  /** Scans at most 100,000 events of `[from, to)`; undefined for an unknown device. */
  statistics(deviceId: string, from: number, to: number): Promise<DeviceStatistics | undefined>;

  quarantine(query: QuarantineQuery): Promise<QuarantinePage>;

  quarantined(id: number): Promise<QuarantinedItem | undefined>;

  /** Removes an item for good, after a replay or by an operator; false if it was not there. Durable. */
  discard(id: number): Promise<boolean>;

  status(): StoreStatus;

  /** Reads and verifies everything; for `pisync doctor`, may take minutes. */
  verify(): Promise<readonly Finding[]>;

  /** Waits for running commits, then releases the place. Idempotent. */
  close(): Promise<void>;
}
