import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import { type Hands, perform, type Row } from '../../migrations/migration.ts';
import type { MigrationStep } from '../../migrations/next-step.ts';
import type { MigrationTarget, OnStatement } from '../../migrations/run-migrations.ts';
import type { Database } from '../connection/database.ts';
import { sayGoodbye } from '../connection/goodbye.ts';
import { sessionOf } from '../connection/session.ts';

/** Those who migrate one schema of one database take turns. A lock of a transaction: a pooler may part sessions. */
const MIGRATION_LOCK = 7_474_000;

/** Rows of `schema_version` are the versions that were applied; one whose way down was begun is not complete. */
const VERSION_TABLE = `CREATE TABLE IF NOT EXISTS schema_version (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  complete boolean NOT NULL DEFAULT true
)`;

/** How often somebody who waits for the lock asks again, in milliseconds. */
const ASK_AGAIN_MS = 100;

/** The tables of a PostgreSQL store. */
export class PostgresTarget implements MigrationTarget {
  readonly #client: pg.Client;
  readonly #database: Database;
  readonly #schema: string;

  /** @param client - a connection that nobody else uses meanwhile */
  constructor(client: pg.Client, database: Database) {
    this.#client = client;
    this.#database = database;
    this.#schema = database.place.schema;
  }

  async version(down: boolean): Promise<number> {
    const session = sessionOf(this.#client);
    const tables = await session.query(
      "SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'schema_version'",
      [this.#schema],
    );
    if (tables.length === 0) return 0;
    const [row] = await session.query<{ version: number }>(
      `SELECT coalesce(max(version), 0) AS version FROM "${this.#schema}".schema_version
       WHERE complete OR ${down}`,
    );
    return row?.version ?? 0;
  }

  /** True where nothing was ever committed: then nothing takes long, and nobody is kept waiting. */
  async isEmpty(): Promise<boolean> {
    if ((await this.version(true)) === 0) return true;
    const rows = await sessionOf(this.#client).query(
      `SELECT FROM "${this.#schema}".store WHERE position > 0 OR detection_ordinal > 0 OR series > 0`,
    );
    return rows.length === 0;
  }

  async rehearse(step: MigrationStep, onStatement: OnStatement): Promise<void> {
    await this.#perform(step, !(await this.isEmpty()), {
      ask: (question) => this.#ask(question),
      run: async (statement) => onStatement(statement),
    });
  }

  async apply(step: MigrationStep, onStatement: OnStatement): Promise<void> {
    if (step.concurrently && !(await this.isEmpty())) await this.#applyConcurrently(step, onStatement);
    else await this.#applyAtOnce(step, onStatement);
  }

  async #applyAtOnce(step: MigrationStep, onStatement: OnStatement): Promise<void> {
    await this.#beginLocked(this.#client);
    try {
      if ((await this.version(isDown(step))) === step.from) {
        await this.#makeSchema();
        await this.#perform(step, false, {
          ask: (question) => this.#ask(question),
          run: async (statement) => {
            onStatement(statement);
            await this.#client.query(statement);
          },
        });
        await this.#record(step);
      }
      await this.#client.query('COMMIT');
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  /**
   * The lock is held by a transaction on a second connection. That one has no snapshot and no lock of a table, so that a
   * concurrent build does not wait for it. A statement with parameters would leave it one: its portal stays.
   */
  async #applyConcurrently(step: MigrationStep, onStatement: OnStatement): Promise<void> {
    const holder = await this.#database.connect();
    try {
      await this.#beginLocked(holder);
      await holder.query('SET LOCAL idle_in_transaction_session_timeout = 0');
      if ((await this.version(isDown(step))) !== step.from) return;
      if (isDown(step)) await this.#inTransaction(() => this.#markIncomplete(step));
      await this.#perform(step, true, {
        ask: (question) => this.#ask(question),
        run: async (statement, alone) => {
          onStatement(statement);
          if (alone) await this.#client.query(statement);
          else await this.#inTransaction(() => this.#client.query(statement));
        },
      });
      await this.#inTransaction(() => this.#record(step));
    } finally {
      await sayGoodbye(holder);
    }
  }

  #perform(step: MigrationStep, concurrently: boolean, hands: Hands): Promise<void> {
    return perform(step.work, { schema: this.#schema, concurrently }, hands);
  }

  #ask(question: string): Promise<readonly Row[]> {
    return sessionOf(this.#client).query(question);
  }

  async #begin(client: pg.Client): Promise<void> {
    await client.query(`${this.#database.begin('write')}; SET LOCAL statement_timeout = 0`);
  }

  /**
   * Begins a transaction that holds the lock. Whoever waits asks again and again, in transactions of their own: one that waited
   * inside of one would have a snapshot, for whose end a concurrent build waits in turn.
   *
   * @throws {PisyncError} `store_unavailable` where somebody else holds it for long
   */
  async #beginLocked(client: pg.Client): Promise<void> {
    const deadline = performance.now() + this.#database.options.lockTimeoutMs;
    for (;;) {
      await this.#begin(client);
      const [row] = await sessionOf(client).query<{ held: boolean }>(
        `SELECT pg_try_advisory_xact_lock(${MIGRATION_LOCK}, hashtext('${this.#schema}')) AS held`,
      );
      if (row?.held === true) return;
      await client.query('ROLLBACK');
      if (performance.now() > deadline) {
        throw new PisyncError('store_unavailable', {
          detail: `${this.#database.place.shown}: another process is changing the tables. Try again when it is done.`,
          retryAfterMs: 10_000,
        });
      }
      await delay(ASK_AGAIN_MS);
    }
  }

  async #inTransaction(work: () => Promise<unknown>): Promise<void> {
    await this.#begin(this.#client);
    try {
      await work();
      await this.#client.query('COMMIT');
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  async #makeSchema(): Promise<void> {
    const [row] = await sessionOf(this.#client).query<{ found: boolean }>(
      'SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS found',
      [this.#schema],
    );
    // Asked first: the right to make one is not needed where an administrator did.
    if (row?.found !== true) await this.#client.query(`CREATE SCHEMA "${this.#schema}"`);
    await this.#client.query(VERSION_TABLE);
  }

  async #record(step: MigrationStep): Promise<void> {
    if (isDown(step)) {
      await this.#client.query('DELETE FROM schema_version WHERE version = $1', [step.from]);
      return;
    }
    await this.#client.query(
      `INSERT INTO schema_version (version, name) VALUES ($1, $2)
       ON CONFLICT (version) DO UPDATE SET name = excluded.name, applied_at = now(), complete = true`,
      [step.to, step.name],
    );
  }

  /** Whatever ends the way down, nobody takes the version for one that is there. */
  async #markIncomplete({ from }: MigrationStep): Promise<void> {
    await this.#client.query('UPDATE schema_version SET complete = false WHERE version = $1', [from]);
  }
}

function isDown({ from, to }: MigrationStep): boolean {
  return to < from;
}
