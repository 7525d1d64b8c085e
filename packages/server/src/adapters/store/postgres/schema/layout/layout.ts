/**
 * How a store keeps what has a time: in partitions of PostgreSQL, or in hypertables of TimescaleDB. It is chosen when its first
 * tables are made (choose-layout.ts) and never changes: the kind of its tables is the record of it (find-layout.ts).
 *
 * - `partitions`: PiSync makes a table for each month, or day of telemetry, and packs telemetry into its own blocks.
 * - `hypertables`: TimescaleDB makes chunks as rows come, packs telemetry into its columnstore, sums it up by hour and day, and
 *   drops what is old, by jobs that PiSync declares (jobs.ts).
 */
export type Layout = { readonly kind: 'partitions' } | Hypertables;

export interface Hypertables {
  readonly kind: 'hypertables';
  /** Schema of the functions of the extension, as it is written in SQL. */
  readonly functions: string;
}

export type LayoutKind = Layout['kind'];
