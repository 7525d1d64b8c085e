import type pg from 'pg';
import type { Database } from '../connection/database.ts';
import { sayGoodbye } from '../connection/goodbye.ts';
import { sessionOf } from '../connection/session.ts';
import { daysOf, type PolicyValues, storedPolicies } from './declared-policies.ts';
import { ExpiredPartitions } from './expired-partitions.ts';
import { findLayout } from './layout/find-layout.ts';
import { runHypertableRound } from './layout/hypertable-round.ts';
import { makePartitions, monthNumber, monthPartition } from './partitions.ts';
import type { PolicyReport } from './policy-report.ts';

const DAY_MS = 86_400_000;

/** Of all processes on a schema, one does the round. A lock of a transaction: a pooler may part sessions. */
const POLICY_LOCK = 7_474_002;

/** Tables with a partition for each month. */
const MONTHLY = ['sync_event', 'detection'] as const;

/** What becomes of telemetry that is packed into blocks; days are counted from 1970. */
export interface PackedTelemetry {
  /** Packs the points of days before `day`. @returns what was done, for people */
  sealPoints(day: number): Promise<readonly string[]>;
  /** Drops what was packed of days before `day`. @returns what was done, for people */
  dropSealedPoints(day: number): Promise<readonly string[]>;
}

/**
 * Does what the declared policies ask for: makes partitions ahead, packs telemetry, drops what is past its time. Hypertables
 * are looked after by jobs of TimescaleDB, which are made to be as they are declared. To be called
 * every hour by every process. Identities stay for ever, so that what was dropped is still known when it is sent again; so do
 * numbers of devices and networks.
 *
 * @param now - epoch milliseconds
 * @throws where the database does not answer; what fails for one policy is in the report, and does not stop the others
 */
export async function runPolicies(
  database: Database,
  packed: PackedTelemetry,
  now: number = Date.now(),
): Promise<PolicyReport> {
  const layout = await database.read((session) => findLayout(session));
  const lock = `${POLICY_LOCK}, hashtext('${database.place.schema}')`;
  if (layout.kind === 'hypertables') return runHypertableRound(database, layout, lock, now);
  const holder = await database.connect();
  try {
    await holder.query(`${database.begin('write')}; SET LOCAL idle_in_transaction_session_timeout = 0`);
    // What runs concurrently waits for every open snapshot. A statement with parameters would leave one: its portal stays.
    const [row] = await sessionOf(holder).query<{ held: boolean }>(
      `SELECT pg_try_advisory_xact_lock(${lock}) AS held`,
    );
    if (row?.held !== true) return { ran: false, made: [], dropped: [], sealed: [], failures: [] };
    const values = await database.read((session) => storedPolicies(session, 'partitions'));
    return await new Round(database, values, packed, now).run();
  } finally {
    await sayGoodbye(holder);
  }
}

class Round {
  readonly #database: Database;
  readonly #values: PolicyValues;
  readonly #packed: PackedTelemetry;
  readonly #now: number;
  readonly #made: string[] = [];
  readonly #dropped: string[] = [];
  readonly #sealed: string[] = [];
  readonly #failures: PolicyReport['failures'][number][] = [];

  constructor(database: Database, values: PolicyValues, packed: PackedTelemetry, now: number) {
    this.#database = database;
    this.#values = values;
    this.#packed = packed;
    this.#now = now;
  }

  async run(): Promise<PolicyReport> {
    await this.#try('partitions_ahead', (client) => this.#makeAhead(client));
    const [events, detections] = MONTHLY;
    await this.#dropMonths('events_retention', events);
    await this.#dropMonths('detections_retention', detections);
    await this.#try('telemetry_retention', (client) => this.#dropTelemetry(client));
    await this.#try('telemetry_seal_after', async () => {
      const day = this.#firstDayKept('telemetry_seal_after');
      if (day !== null) this.#sealed.push(...(await this.#packed.sealPoints(day)));
    });
    return {
      ran: true,
      made: this.#made,
      dropped: this.#dropped,
      sealed: this.#sealed,
      failures: this.#failures,
    };
  }

  /** Each duty has a connection of its own: what was cut off may still hold one up. */
  async #try(policy: string, duty: (client: pg.Client) => Promise<void>): Promise<void> {
    let client: pg.Client | undefined;
    try {
      client = await this.#database.connect();
      await duty(client);
    } catch (error) {
      this.#failures.push({ policy, error: error instanceof Error ? error : new Error(String(error)) });
    } finally {
      if (client !== undefined) await sayGoodbye(client);
    }
  }

  async #makeAhead(client: pg.Client): Promise<void> {
    const current = monthNumber(this.#now);
    const months = Array.from(
      { length: Number(this.#values.partitions_ahead) + 1 },
      (_, ahead) => current + ahead,
    );
    const wanted = MONTHLY.flatMap((table) => months.map((month) => monthPartition(table, month)));
    this.#made.push(...(await makePartitions(client, this.#database, wanted)));
  }

  async #dropMonths(policy: 'events_retention' | 'detections_retention', table: string): Promise<void> {
    await this.#try(policy, async (client) => {
      const days = daysOf(this.#values, policy);
      if (days === null) return;
      const partitions = new ExpiredPartitions(client, this.#database);
      this.#dropped.push(...(await partitions.dropMonths(table, this.#now - days * DAY_MS)));
    });
  }

  async #dropTelemetry(client: pg.Client): Promise<void> {
    const day = this.#firstDayKept('telemetry_retention');
    if (day === null) return;
    this.#dropped.push(...(await new ExpiredPartitions(client, this.#database).dropDays(day)));
    this.#sealed.push(...(await this.#packed.dropSealedPoints(day)));
  }

  /** The first day of UTC that a policy does not reach; null where it is off. */
  #firstDayKept(policy: 'telemetry_retention' | 'telemetry_seal_after'): number | null {
    const days = daysOf(this.#values, policy);
    return days === null ? null : Math.floor(this.#now / DAY_MS) - days;
  }
}
