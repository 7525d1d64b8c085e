import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import type { StoreSnapshot, StoreSource } from '../../../../ports/store-copy.ts';
import { Database, usualDatabaseOptions } from '../connection/database.ts';
import { checkServer, connectError } from '../connection/server-check.ts';
import { type Session, sessionOf } from '../connection/session.ts';
import type { PostgresPlace } from '../connection/url.ts';
import { refuseUnfinished } from './migration-mark.ts';
import { openSnapshot } from './postgres-snapshot.ts';

/** SQLSTATE undefined_table. */
const NO_TABLE = '42P01';

/**
 * Opens the store in a PostgreSQL database to copy it, whoever else has it open. Nothing is written to it. Each snapshot is one
 * transaction that reads: while it is held, the server cleans up nothing that is newer.
 *
 * @throws {PisyncError} `invalid_config` where there is no store, or one that is being filled itself; what
 *   `openPostgresStore` throws
 */
export async function openPostgresSource(url: string): Promise<StoreSource> {
  const database = new Database(url, usualDatabaseOptions);
  let client: pg.Client | undefined;
  try {
    client = await database.connect();
    await checkServer(client, database.place);
    await refuseUnfinished(sessionOf(client), database.place);
    const source = new PostgresSource(database, client);
    await database.read((session) => refuseIncomplete(session, database.place));
    return source;
  } catch (error) {
    await client?.end().catch(() => {});
    await database.close();
    throw (error as { code?: unknown }).code === NO_TABLE
      ? new PisyncError('invalid_config', {
          field: 'from',
          detail: `There is no store at ${database.place.shown}, schema ${database.place.schema}.`,
        })
      : connectError(error, database.place);
  }
}

/** What was dropped by a policy is known by its identities only, and other stores could not be told of it. */
async function refuseIncomplete(session: Session, { shown }: PostgresPlace): Promise<void> {
  const [row] = await session.query<{ events: number; detections: number }>(
    `SELECT position - (SELECT count(*) FROM sync_event) AS events,
       detection_ordinal - (SELECT count(*) FROM detection) AS detections
     FROM store WHERE id = 1`,
  );
  if (row?.events === 0 && row.detections === 0) return;
  throw new PisyncError('invalid_config', {
    field: 'from',
    detail: `${shown} has dropped ${row?.events} events and ${row?.detections} detections by its policies. Such a store cannot be moved; copy the database with pg_dump instead.`,
  });
}

class PostgresSource implements StoreSource {
  readonly shown: string;
  readonly #database: Database;
  readonly #client: pg.Client;

  constructor(database: Database, client: pg.Client) {
    this.shown = database.place.shown;
    this.#database = database;
    this.#client = client;
  }

  async snapshot(): Promise<StoreSnapshot> {
    return openSnapshot(this.#database, this.#client);
  }

  activity(): Promise<string> {
    return this.#database.read(async (session) => {
      const rows = await session.query(
        'SELECT position, detection_ordinal, series, (SELECT sum(commit) FROM writer) AS commits FROM store WHERE id = 1',
      );
      return JSON.stringify(rows);
    });
  }

  /** Many processes may have such a store open at once, and none can keep the others away. */
  async hold(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {});
    await this.#database.close();
  }
}
