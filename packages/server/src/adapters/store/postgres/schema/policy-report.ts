/** What a round of maintenance did. */
export interface PolicyReport {
  /** False where another process is at it. */
  readonly ran: boolean;
  /** Tables of partitions that were made, and of those that were dropped; jobs of TimescaleDB that were changed, or removed. */
  readonly made: readonly string[];
  readonly dropped: readonly string[];
  /** What was told of packed telemetry, or of days whose sums were brought up to date. */
  readonly sealed: readonly string[];
  /** What could not be done, and is tried again by the next round. */
  readonly failures: readonly { readonly policy: string; readonly error: Error }[];
}
