import { PisyncError } from '@pisync/protocol';
import type { Session } from '../connection/session.ts';
import type { PostgresPlace } from '../connection/url.ts';

/** Beside the other tables while a store is being filled, and only then: what is to be done yet, by name. */
const TABLE = 'migration';

/** Name under which the store is noted that is copied. */
const FROM = 'from';

/** True while a store is being filled by `pisync migrate-store`. */
async function isMarked(session: Session, schema: string): Promise<boolean> {
  const rows = await session.query('SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = $2', [
    schema,
    TABLE,
  ]);
  return rows.length > 0;
}

/** @throws {PisyncError} `invalid_config` for a store that is not filled yet: a commit would get a position that is taken */
export async function refuseUnfinished(session: Session, { schema, shown }: PostgresPlace): Promise<void> {
  if (!(await isMarked(session, schema))) return;
  const detail = `${shown} is being filled by pisync migrate-store, which has not ended. Run the same command again, with --cut-over; or begin anew after: DROP SCHEMA ${schema} CASCADE.`;
  throw new PisyncError('invalid_config', { field: 'store', detail });
}

/** What a target that is not finished notes of itself. To be used within a transaction. */
export class MigrationMark {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Marks an empty store, or finds the mark of the same source.
   *
   * @returns true where a migration of that source goes on
   * @throws {PisyncError} `invalid_config` for a store that holds something else
   */
  async begin(place: PostgresPlace, from: string): Promise<boolean> {
    const session = this.#session;
    if (await isMarked(session, place.schema)) {
      const begun = await this.get(FROM);
      if (begun === from) return true;
      throw refused(place, `it is being filled from ${begun}. Go on with that one, or name another schema.`);
    }
    const [row] = await session.query<{ used: boolean }>(
      `SELECT position > 0 OR detection_ordinal > 0 OR series > 0 OR EXISTS (SELECT FROM device)
         OR EXISTS (SELECT FROM quarantine) AS used FROM store WHERE id = 1 FOR UPDATE`,
    );
    if (row?.used !== false)
      throw refused(place, 'it is not empty. Name another database, or another schema with ?schema=NAME.');
    await session.query(`CREATE TABLE ${TABLE} (name text PRIMARY KEY, value text NOT NULL)`);
    await this.set(FROM, from);
    return false;
  }

  async get(name: string): Promise<string | undefined> {
    const rows = await this.#session.query<{ value: string }>(`SELECT value FROM ${TABLE} WHERE name = $1`, [
      name,
    ]);
    return rows[0]?.value;
  }

  async set(name: string, value: string): Promise<void> {
    await this.#session.query(
      `INSERT INTO ${TABLE} (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      [name, value],
    );
  }

  /** The names that begin so, with their values. */
  async list(start: string): Promise<readonly { readonly name: string; readonly value: string }[]> {
    return this.#session.query(`SELECT name, value FROM ${TABLE} WHERE starts_with(name, $1) ORDER BY name`, [
      start,
    ]);
  }

  async remove(name: string): Promise<void> {
    await this.#session.query(`DELETE FROM ${TABLE} WHERE name = $1`, [name]);
  }

  /** The store is filled from here on. */
  async end(): Promise<void> {
    await this.#session.query(`DROP TABLE ${TABLE}`);
  }
}

function refused({ shown }: PostgresPlace, why: string): PisyncError {
  return new PisyncError('invalid_config', { field: 'to', detail: `${shown} cannot be filled: ${why}` });
}
