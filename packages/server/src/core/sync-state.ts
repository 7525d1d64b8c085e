/**
 * The derived state of one device as a row of numbers, so that 100,000 devices fit into a few pages of memory and a
 * snapshot is a copy. Fields are addressed as `row[base + F.name]`; times are epoch milliseconds; `NaN` is "none".
 * The names are stable: stores with columns use them.
 */
export const F = {
  firstSeenAt: 0,
  lastSeenAt: 1,
  /** Newest sync in the device's order. */
  latestEpoch: 2,
  latestMajor: 3,
  latestMinor: 4,
  latestTimestamp: 5,
  latestFiles: 6,
  latestErrors: 7,
  /** Index into {@link clockQualities}. */
  latestQuality: 8,
  /** Newest success in the device's order; epoch -1 before the first. */
  successEpoch: 9,
  successMajor: 10,
  successMinor: 11,
  successTimestamp: 12,
  /** Failures ordered after the newest success. */
  streak: 13,
  /** First failure of the streak, valid while `streak > 0`. */
  firstFailureEpoch: 14,
  firstFailureMajor: 15,
  firstFailureMinor: 16,
  firstFailureTimestamp: 17,
  /** Newest failure in the device's order; epoch -1 before the first. */
  lastFailureEpoch: 18,
  lastFailureMajor: 19,
  lastFailureMinor: 20,
  lastFailureTimestamp: 21,
  lastFailureFiles: 22,
  lastFailureErrors: 23,
  syncs: 24,
  partial: 25,
  failed: 26,
  files: 27,
  errors: 28,
  bytes: 29,
  conflicts: 30,
  /** Newest measured clock offset (server minus device) and when it was measured. */
  clockOffset: 31,
  clockOffsetAt: 32,
  /** Numbers of its counters that observations other than syncs used. */
  otherNumbers: 33,
} as const;

/** Numbers in one row. */
export const SYNC_STATE_LENGTH = 34;

export const clockQualities = ['ok', 'corrected', 'unknown'] as const;

/** Writes the state of a device of which nothing is known yet. */
export function resetSyncState(row: Float64Array, base: number): void {
  row.fill(0, base, base + SYNC_STATE_LENGTH);
  row[base + F.firstSeenAt] = Number.POSITIVE_INFINITY;
  row[base + F.lastSeenAt] = Number.NEGATIVE_INFINITY;
  row[base + F.latestEpoch] = -1;
  row[base + F.successEpoch] = -1;
  row[base + F.lastFailureEpoch] = -1;
  row[base + F.successTimestamp] = Number.NaN;
  row[base + F.firstFailureTimestamp] = Number.NaN;
  row[base + F.lastFailureTimestamp] = Number.NaN;
  row[base + F.clockOffset] = Number.NaN;
  row[base + F.clockOffsetAt] = Number.NEGATIVE_INFINITY;
}
