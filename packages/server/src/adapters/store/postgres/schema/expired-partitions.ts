import type pg from 'pg';
import type { Database } from '../connection/database.ts';
import { sessionOf } from '../connection/session.ts';

/** A partition, or what a killed round left of one. */
interface Found {
  readonly name: string;
  readonly attached: boolean;
  /** Its way out was begun. */
  readonly pending: boolean;
}

/** Drops partitions beside running commits and questions. */
export class ExpiredPartitions {
  readonly #client: pg.Client;
  readonly #database: Database;
  readonly #schema: string;

  /** @param client - a connection that nobody else uses meanwhile */
  constructor(client: pg.Client, database: Database) {
    this.#client = client;
    this.#database = database;
    this.#schema = `"${database.place.schema}"`;
  }

  /**
   * Drops the partitions of a table by month that ended. Tables of such a name that are no partition any more are what a killed
   * round left: they go as well.
   *
   * @param before - epoch milliseconds: a month goes that ended then or earlier
   * @returns their names
   */
  async dropMonths(table: string, before: number): Promise<readonly string[]> {
    const month = new RegExp(`^${table}_(\\d{4})_(\\d{2})$`);
    const expired = (await this.#find(table)).filter(({ name }) => {
      const [, year, number] = month.exec(name) ?? [];
      return year !== undefined && Date.UTC(Number(year), Number(number)) <= before;
    });
    for (const partition of expired) {
      await this.#detach(table, partition);
      await this.#inTransaction([`DROP TABLE ${partition.name}`]);
    }
    return expired.map(({ name }) => name);
  }

  /**
   * Drops days of telemetry.
   *
   * @param before - the first day that stays, as days since 1970
   */
  async dropDays(before: number): Promise<readonly string[]> {
    const session = sessionOf(this.#client);
    const days = await session.query<{ day: number }>(
      `SELECT day FROM ${this.#schema}.point_day WHERE day < $1::int ORDER BY day`,
      [before],
    );
    const tables = new Map((await this.#find('point')).map((found) => [found.name, found]));
    const dropped: string[] = [];
    for (const { day } of days) {
      const name = `point_${new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '_')}`;
      const partition = tables.get(name);
      if (partition !== undefined) await this.#detach('point', partition);
      // With the store locked, no commit can take the day for one that has a table.
      await this.#inTransaction([
        'SELECT FROM store WHERE id = 1 FOR UPDATE',
        `DELETE FROM point_day WHERE day = ${day}`,
        `DROP TABLE IF EXISTS ${name}`,
      ]);
      dropped.push(name);
    }
    await this.#inTransaction([`DELETE FROM point_past WHERE time < to_timestamp(${before * 86_400})`]);
    return dropped;
  }

  #find(table: string): Promise<readonly Found[]> {
    return sessionOf(this.#client).query<Found>(
      `SELECT c.relname::text AS name, i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS pending
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
       WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname LIKE $2 ORDER BY 1`,
      [this.#database.place.schema, `${table.replaceAll('_', '\\_')}\\_%`],
    );
  }

  /** Nobody has to wait for it; it waits for those who read the table. Killed in between, it is finished here. */
  async #detach(table: string, { name, attached, pending }: Found): Promise<void> {
    if (!attached) return;
    const how = pending ? 'FINALIZE' : 'CONCURRENTLY';
    await this.#client.query(
      `ALTER TABLE ${this.#schema}.${table} DETACH PARTITION ${this.#schema}.${name} ${how}`,
    );
  }

  async #inTransaction(statements: readonly string[]): Promise<void> {
    try {
      await this.#client.query(`${this.#database.begin('write')}; ${statements.join('; ')}; COMMIT`);
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }
}
