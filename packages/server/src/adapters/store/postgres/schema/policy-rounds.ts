import type { Database } from '../connection/database.ts';
import { type PackedTelemetry, runPolicies } from './policies.ts';

/** The first round comes soon, but not amid a start; the others every hour. */
const FIRST_MS = 60_000;
const EVERY_MS = 3_600_000;

/** Does what the declared policies ask for, every hour, for as long as the store is open. */
export class PolicyRounds {
  readonly #database: Database;
  readonly #packed: PackedTelemetry;
  #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #notes: readonly string[] = [];
  #closed = false;

  constructor(database: Database, packed: PackedTelemetry) {
    this.#database = database;
    this.#packed = packed;
    this.#timer = this.#in(FIRST_MS);
  }

  /** What the last round could not do, for people. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  #in(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#running = this.#round();
    }, ms).unref();
  }

  async #round(): Promise<void> {
    try {
      const { failures } = await runPolicies(this.#database, this.#packed);
      this.#notes = failures.map(
        ({ policy, error }) => `policy ${policy} could not be followed: ${error.message}`,
      );
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      this.#notes = [`policies could not be followed: ${said}`];
    }
    if (!this.#closed) this.#timer = this.#in(EVERY_MS);
  }

  /** Waits for a round that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
