import type { SyncStatus } from '@pisync/protocol';

/** Total order of one device's history: `timestamp`, then `epochIndex`, then `tie` (`seq` or identity hash). */
export interface HistoryKey {
  /** Corrected time, epoch milliseconds. */
  readonly timestamp: number;
  /** Place of the epoch in the order in which the device's epochs first appeared; 0 without `seq`. */
  readonly epochIndex: number;
  /** `seq`; without one the 53 leading bits of the identity hash, or the position of an event without identity. */
  readonly tie: number;
}

/** Oldest first; history is listed in the opposite direction. */
export function compareHistory(a: HistoryKey, b: HistoryKey): number {
  return a.timestamp - b.timestamp || a.epochIndex - b.epochIndex || a.tie - b.tie;
}

/** What narrows a history. */
export interface HistoryFilter {
  /** Inclusive. */
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
  readonly status?: SyncStatus | undefined;
  /** Only what is strictly older than this key. */
  readonly after?: HistoryKey | undefined;
}

export function matchesHistory(filter: HistoryFilter, key: HistoryKey, status: SyncStatus): boolean {
  if (filter.from !== undefined && key.timestamp < filter.from) return false;
  if (filter.to !== undefined && key.timestamp >= filter.to) return false;
  if (filter.status !== undefined && status !== filter.status) return false;
  return filter.after === undefined || compareHistory(key, filter.after) < 0;
}
