import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Database } from '../connection/database.ts';
import type { Script } from '../wire/script.ts';
import { ScriptRunner } from '../wire/script-runner.ts';

/** How often it is looked whether a server that was given up is back, in milliseconds. */
const PROBE_MS = 1_000;

/** The connection of a writer; another one is made when it is lost. */
export class WriterConnection {
  readonly #database: Database;
  #client: pg.Client | undefined;
  #scripts: ScriptRunner | undefined;
  #recovering = false;
  #closed = false;
  #probe: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** True from the loss of a connection until the server takes writes again. */
  get recovering(): boolean {
    return this.#recovering;
  }

  async client(): Promise<pg.Client> {
    if (this.#client === undefined) {
      this.#client = await this.#database.connect();
      this.#scripts = new ScriptRunner(this.#client);
    }
    return this.#client;
  }

  /** Runs a script behind those that run; see {@link ScriptRunner}. */
  run(script: Script): Promise<void> {
    if (this.#scripts === undefined) return Promise.reject(new Error('Connection terminated'));
    return this.#scripts.run(script);
  }

  /** To be called when the server has taken a commit. */
  works(): void {
    this.#recovering = false;
  }

  /** Ends a transaction that has failed. To be called when nothing runs. */
  async rollBack(): Promise<void> {
    this.#recovering = false;
    try {
      await this.#client?.query('ROLLBACK');
    } catch {
      // The connection is as good as lost.
      this.drop();
    }
  }

  /** To be called when it is lost. */
  drop(): void {
    this.#recovering = true;
    const client = this.#client;
    this.#client = undefined;
    this.#scripts = undefined;
    // Not waited for: a peer that is gone does not say goodbye.
    client?.end().catch(() => {});
  }

  /** Looks until the server is back. Who is told that the store recovers sends nothing: then no commit would find out. */
  watch(): void {
    this.#probe ??= this.#untilBack();
  }

  async #untilBack(): Promise<void> {
    while (this.#recovering && !this.#closed) {
      await delay(PROBE_MS, undefined, { ref: false });
      const client = await this.#database.connect().catch(() => undefined);
      if (client === undefined) continue;
      const back = await client
        .query(`${this.#database.begin('write')}; SELECT FROM store WHERE id = 1 FOR UPDATE; ROLLBACK`)
        .then(
          () => true,
          () => false,
        );
      await client.end().catch(() => {});
      if (back) this.#recovering = false;
    }
    this.#probe = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    this.#scripts = undefined;
    await client?.end().catch(() => {});
  }
}
