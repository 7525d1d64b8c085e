import pg from 'pg';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { runPolicies } from '../../../../src/adapters/store/postgres/schema/policies.ts';
import type { PolicyReport } from '../../../../src/adapters/store/postgres/schema/policy-report.ts';
import { type PgliteServer, startPgliteServer } from '../../../postgres/pglite-server.ts';

type Rows = readonly Record<string, unknown>[];

/** A database with TimescaleDB for the time of a test file, see pglite-server.ts for what it can prove. */
export class TimescaleServer {
  readonly #server: PgliteServer;
  #places = 0;

  private constructor(server: PgliteServer) {
    this.#server = server;
  }

  static async start(): Promise<TimescaleServer> {
    return new TimescaleServer(await startPgliteServer());
  }

  /** A URL of a store that is not there yet. */
  newUrl(): string {
    this.#places += 1;
    return `${this.#server.url}?schema=t${this.#places}`;
  }

  /** Runs with a new store that is open. */
  async withStore(use: (place: TimescalePlace) => Promise<void>): Promise<void> {
    const url = this.newUrl();
    const place = new TimescalePlace(url, await openPostgresStore(url, { partial: 'failure' }));
    try {
      await use(place);
    } finally {
      await place.close();
    }
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

const nothingPacked = { sealPoints: async () => [], dropSealedPoints: async () => [] };

/** A store with hypertables. */
export class TimescalePlace {
  readonly url: string;
  readonly store: PostgresStore;
  readonly database: Database;

  constructor(url: string, store: PostgresStore) {
    this.url = url;
    this.store = store;
    this.database = new Database(url, usualDatabaseOptions);
  }

  /** A round of maintenance, as a server does one every hour. */
  round(now: number): Promise<PolicyReport> {
    return runPolicies(this.database, nothingPacked, now);
  }

  sql(text: string): Promise<Rows> {
    return sqlAt(this.url, text);
  }

  /** Does what TimescaleDB's scheduler does when a job is due. */
  async runJobs(kind: string): Promise<void> {
    const jobs = await this.sql(
      `SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = '${kind}' AND hypertable_schema = current_schema()
       ORDER BY job_id`,
    );
    for (const { job_id } of jobs) await this.sql(`CALL public.run_job(${String(job_id)})`);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.store.close();
  }
}

/** Runs a statement in the schema of a store, outside of a transaction. */
export async function sqlAt(url: string, text: string): Promise<Rows> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // One session serves all connections: what is set for one statement is taken back.
    await client.query(`SET search_path = "${new URL(url).searchParams.get('schema') ?? 'pisync'}"`);
    return (await client.query(text)).rows;
  } finally {
    await client.query('RESET search_path');
    await client.end();
  }
}
