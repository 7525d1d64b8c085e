import type pg from 'pg';
import type { PreparedGroup } from '../commit/group-commit.ts';
import type { Database } from '../connection/database.ts';
import { sessionOf } from '../connection/session.ts';
import { findLayout } from './layout/find-layout.ts';
import type { LayoutKind } from './layout/layout.ts';

/** Makes the partitions that commits need, before they need them. Hypertables need none. */
export class PartitionTable {
  readonly #database: Database;
  /** Partitions that are there, as `sync_event_2026_11`. */
  readonly #known = new Set<string>();
  #layout: LayoutKind | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Forgets what is there: partitions were dropped meanwhile. */
  forget(): void {
    this.#known.clear();
  }

  /** True where all that the groups need is known to be there. */
  covers(groups: readonly PreparedGroup[]): boolean {
    return this.#missing(groups).size === 0;
  }

  /** Makes what the groups need, in a transaction of its own: it locks the table for a moment only. */
  async ensure(groups: readonly PreparedGroup[], client: pg.Client): Promise<void> {
    const missing = this.#missing(groups);
    if (missing.size === 0) return;
    if (await this.#areNeeded(client)) {
      await makePartitions(client, this.#database, [...missing.values()]);
    }
    for (const name of missing.keys()) this.#known.add(name);
  }

  async #areNeeded(client: pg.Client): Promise<boolean> {
    if (this.#layout === undefined) {
      await client.query(this.#database.begin('read'));
      this.#layout = (await findLayout(sessionOf(client))).kind;
      await client.query('COMMIT');
    }
    return this.#layout === 'partitions';
  }

  #missing(groups: readonly PreparedGroup[]): ReadonlyMap<string, Partition> {
    const missing = new Map<string, Partition>();
    const months = { sync_event: new Set<number>(), detection: new Set<number>() };
    for (const { group } of groups) {
      for (const { timestamp } of group.observations) months.sync_event.add(monthNumber(timestamp));
      for (const { timestamp } of group.detections ?? []) months.detection.add(monthNumber(timestamp));
    }
    for (const [table, numbers] of Object.entries(months)) {
      for (const number of numbers) {
        const month = monthPartition(table, number);
        if (!this.#known.has(month.name)) missing.set(month.name, month);
      }
    }
    return missing;
  }
}

/** A partition, and what makes it. */
export interface Partition {
  readonly name: string;
  readonly statements: string;
}

/** Makes those that are not there, in one transaction. @returns their names */
export async function makePartitions(
  client: pg.Client,
  database: Database,
  wanted: readonly Partition[],
): Promise<readonly string[]> {
  await client.query(`${database.begin('write')}; SELECT pg_advisory_xact_lock(${PARTITION_LOCK})`);
  const rows = await sessionOf(client).query<{ name: string }>(
    'SELECT tablename::text AS name FROM pg_tables WHERE schemaname = $1',
    [database.place.schema],
  );
  const there = new Set(rows.map(({ name }) => name));
  const missing = wanted.filter(({ name }) => !there.has(name));
  for (const { statements } of missing) await client.query(statements);
  await client.query('COMMIT');
  return missing.map(({ name }) => name);
}

/** Two processes that make the same partition take turns. */
const PARTITION_LOCK = 7_474_001;

let lastMonth = { from: 0, to: 0, number: 0 };

/** Months since the year 0, by UTC; neighbours are most often of one month. */
export function monthNumber(timestamp: number): number {
  if (timestamp >= lastMonth.from && timestamp < lastMonth.to) return lastMonth.number;
  const date = new Date(timestamp);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  lastMonth = {
    from: new Date(0).setUTCFullYear(year, month, 1),
    to: new Date(0).setUTCFullYear(year, month + 1, 1),
    number: year * 12 + month,
  };
  return lastMonth.number;
}

/**
 * A month of a table: made beside the others and then attached, so that nobody who reads or writes them has to stop for it.
 *
 * @param number - as {@link monthNumber} counts
 */
export function monthPartition(table: string, number: number): Partition {
  const [from, to] = [number, number + 1].map((month) =>
    new Date(new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1)).toISOString(),
  ) as [string, string];
  const name = `${table}_${from.slice(0, 7).replace('-', '_')}`;
  const statements = `CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING STORAGE);
    ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`;
  return { name, statements };
}
