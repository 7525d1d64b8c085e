import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import type { PolicyView, SchemaStatus, StoreAdmin } from '../../../../ports/store-admin.ts';
import { pendingSteps, viewOf } from '../../migrations/next-step.ts';
import { runMigrations } from '../../migrations/run-migrations.ts';
import { Database, usualDatabaseOptions } from '../connection/database.ts';
import { sayGoodbye } from '../connection/goodbye.ts';
import { checkServer, connectError } from '../connection/server-check.ts';
import type { Session } from '../connection/session.ts';
import { PostgresTarget } from '../migrations/postgres-target.ts';
import { migrations } from '../migrations/versions.ts';
import { parsePolicies, policyViews, storedPolicies, writePolicies } from '../schema/declared-policies.ts';
import { findLayout } from '../schema/layout/find-layout.ts';
import { jobNotes, settleJobs } from '../schema/layout/jobs.ts';
import { tableSizes } from './table-sizes.ts';

/** Builds of indexes take as long as they take; a timer of Node counts up to 24 days. */
const LONGEST_MS = 7 * 86_400_000;

/** Looks after the tables of a store in PostgreSQL, beside the servers that use it. */
export async function openPostgresAdmin(url: string): Promise<StoreAdmin> {
  const database = new Database(url, {
    ...usualDatabaseOptions,
    queryConnections: 1,
    commitTimeoutMs: LONGEST_MS,
  });
  const client = await connected(database);
  return new PostgresAdmin(client, database);
}

async function connected(database: Database): Promise<pg.Client> {
  let client: pg.Client | undefined;
  try {
    client = await database.connect();
    await checkServer(client, database.place);
    return client;
  } catch (error) {
    if (client !== undefined) await sayGoodbye(client);
    await database.close();
    throw connectError(error, database.place);
  }
}

class PostgresAdmin implements StoreAdmin {
  readonly #client: pg.Client;
  readonly #database: Database;
  readonly #target: PostgresTarget;

  constructor(client: pg.Client, database: Database) {
    this.#client = client;
    this.#database = database;
    this.#target = new PostgresTarget(client, database);
  }

  migrate: StoreAdmin['migrate'] = (request) =>
    this.#explained(() => runMigrations(this.#target, migrations, request));

  status(): Promise<SchemaStatus> {
    return this.#explained(async () => {
      const version = await this.#target.version(false);
      const pending = pendingSteps(migrations, version).map(viewOf);
      const { schema } = this.#database.place;
      const tables = await this.#database.read((session) => tableSizes(session, schema));
      const bytes = tables.reduce((sum, table) => (table.partitionOf === null ? sum + table.bytes : sum), 0);
      return { version, newest: migrations.length, pending, bytes, tables };
    });
  }

  policies(): Promise<readonly PolicyView[]> {
    return this.#ofStore(async () =>
      this.#database.read(async (session) => {
        const layout = await findLayout(session);
        const notes = layout.kind === 'hypertables' ? await jobNotes(session) : undefined;
        return policyViews(await storedPolicies(session, layout.kind), layout.kind, notes);
      }),
    );
  }

  setPolicies(values: ReadonlyMap<string, string>): Promise<void> {
    return this.#ofStore(async () => {
      await this.#database.write(async (session: Session) => {
        const layout = await findLayout(session);
        await writePolicies(session, parsePolicies(values, layout.kind), layout.kind);
        if (layout.kind === 'hypertables') {
          await settleJobs(session, layout, await storedPolicies(session, layout.kind));
        }
      });
    });
  }

  /** For questions that only a store can answer. */
  #ofStore<T>(work: () => Promise<T>): Promise<T> {
    return this.#explained(async () => {
      const version = await this.#target.version(false);
      // Refuses what a newer PiSync made.
      pendingSteps(migrations, version);
      if (version > 0) return work();
      throw new PisyncError('invalid_config', {
        field: 'store',
        detail: `${this.#database.place.shown}: there is no store yet. Make one: pisync store migrate`,
      });
    });
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw connectError(error, this.#database.place);
    }
  }

  async close(): Promise<void> {
    await sayGoodbye(this.#client);
    await this.#database.close();
  }
}
