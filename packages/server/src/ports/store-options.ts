/** How a store on a server is reached. A store in this process or in a file has no use for any of it. */
export interface StoreOptions {
  /** Connections that answer pages and single records. */
  readonly queryConnections: number;
  /** Connections that answer what reads much: maps, sums, statistics, exports, a full check. */
  readonly reportConnections: number;
  /** Longest statement of a question, in milliseconds. */
  readonly queryTimeoutMs: number;
  /** Longest statement of a report, in milliseconds. */
  readonly reportTimeoutMs: number;
  /** Longest statement of a commit, in milliseconds. */
  readonly commitTimeoutMs: number;
  /** Longest wait for a lock that somebody else holds, in milliseconds. */
  readonly lockTimeoutMs: number;
  /** Longest try to connect, and longest wait for a free connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Replicas that may answer questions; the store's own URL answers whatever they cannot. */
  readonly readUrls: readonly string[];
  /** A replica that is further behind is not asked, in milliseconds. */
  readonly readMaxLagMs: number;
}
