import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import type { PartialRule } from '../../../../core/fold.ts';
import type { CommitMark, Database } from '../connection/database.ts';
import { isLostConnection, toPisyncError } from '../connection/database-error.ts';
import { sessionOf } from '../connection/session.ts';
import type { PartitionTable } from '../schema/partitions.ts';
import { KeptDevices } from './device-rows.ts';
import { GroupCommit, type PreparedGroup, type StoreCounters } from './group-commit.ts';
import { isRepetition } from './identities.ts';

/** How long a commit whose answer was lost is followed up before its sender is told to try again, in milliseconds. */
const FOLLOW_UP_MS = 20_000;
const RETRY_MS = 200;

/** How often it is looked whether a server that was given up is back, in milliseconds. */
const PROBE_MS = 1_000;

/** Repetitions come in numbers, when many devices send again what was not acknowledged. */
const WARY_COMMITS = 50;

/** What became of the groups of one transaction. */
export interface CommitAnswer {
  /** For each group, as `Store.commit` returns them. */
  readonly outcomes: readonly (readonly CommitOutcome[])[];
  /** Position of the store after it. */
  readonly position: number;
  readonly addedDevices: number;
}

/** A transaction that only has to end. */
interface Work {
  readonly answer: CommitAnswer;
  /** To be called when it has ended well. */
  keep(): void;
}

/**
 * Commits on a connection of its own, one transaction at a time.
 *
 * A transaction locks the one row of `store` first. It notes its number in this process' row of `writer`: where the connection
 * is lost while it ends, that row tells on the next connection, under the same lock, whether it was kept. Then its outcomes
 * stand; else it is done again. So each outcome is exact, also where items have no identity.
 */
export class CommitWriter {
  /** As the database gives it back. */
  readonly #id = randomUUID().replaceAll('-', '');
  readonly #kept = new KeptDevices();
  readonly #database: Database;
  readonly #partitions: PartitionTable;
  readonly #partial: PartialRule;
  #client: pg.Client | undefined;
  #number = 0;
  #fault: Error | undefined;
  #recovering = false;
  #closed = false;
  #probe: Promise<void> | undefined;
  /** Commits that look identities up first; the others take all for new, which costs less as long as it is true. */
  #expectRepetitions = 0;

  constructor(database: Database, partitions: PartitionTable, partial: PartialRule) {
    this.#database = database;
    this.#partitions = partitions;
    this.#partial = partial;
  }

  /** Makes the next commit fail before it ends, as the server would. For tests. */
  failNext(error: Error): void {
    this.#fault = error;
  }

  /** The last commit that began. */
  get mark(): CommitMark {
    return { writer: this.#id, number: this.#number };
  }

  /** True from the loss of a connection until the server takes writes again. */
  get recovering(): boolean {
    return this.#recovering;
  }

  /** @throws {PisyncError} `store_unavailable` where nothing was kept, or nobody can tell in time */
  async commit(groups: readonly PreparedGroup[]): Promise<CommitAnswer> {
    const deadline = performance.now() + FOLLOW_UP_MS;
    this.#number += 1;
    /** What was computed by a transaction whose end is not known. */
    let pending: Work | undefined;
    let forgotten = false;
    for (;;) {
      try {
        const client = await this.#connected();
        if (pending !== undefined && (await this.#wasKept(client))) {
          this.#recovering = false;
          return pending.answer;
        }
        pending = undefined;
        await this.#partitions.ensure(groups, client);
        await client.query(this.#database.begin('write'));
        const work = await this.#work(client, groups);
        pending = work;
        await client.query('COMMIT');
        work.keep();
        this.#recovering = false;
        return work.answer;
      } catch (error) {
        const lost = isLostConnection(error) || pending !== undefined;
        this.#recovering = lost;
        this.#kept.clear();
        await this.#abandon(lost);
        if (isRepetition(error) && this.#expectRepetitions === 0) {
          this.#expectRepetitions = WARY_COMMITS;
          continue;
        }
        if (isWithoutPartition(error) && !forgotten) {
          forgotten = true;
          this.#partitions.forget();
          continue;
        }
        // A transaction that the server itself ended kept nothing, and would most likely end in the same way again.
        if (!lost) throw toPisyncError(error);
        if (performance.now() > deadline) {
          this.#probe ??= this.#untilBack();
          throw unavailable(error);
        }
        await delay(RETRY_MS);
      }
    }
  }

  /** Who is told that the store recovers sends nothing: then no commit would find out that the server is back. */
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

  async #connected(): Promise<pg.Client> {
    this.#client ??= await this.#database.connect();
    return this.#client;
  }

  /** True where the transaction whose answer was lost was kept. Waits until it has ended in either way. */
  async #wasKept(client: pg.Client): Promise<boolean> {
    await client.query(`${this.#database.begin('write')}; SELECT FROM store WHERE id = 1 FOR UPDATE`);
    const rows = await sessionOf(client).query<{ commit: number }>(
      'SELECT commit FROM writer WHERE id = $1',
      [this.#id],
    );
    await client.query('COMMIT');
    return rows[0]?.commit === this.#number;
  }

  async #work(client: pg.Client, groups: readonly PreparedGroup[]): Promise<Work> {
    const session = sessionOf(client);
    const [row] = await session.query<StoreCounters & { partial: string; last: string | null }>(LOCK_STORE);
    if (row === undefined) throw new TypeError('the store has no row');
    if (row.partial !== this.#partial) throw otherPolicy(row.partial, this.#partial);
    const counters = { position: row.position, ordinal: row.ordinal, series: row.series };
    if (row.last !== this.#id) this.#kept.clear();
    const commit = new GroupCommit(session, this.#partial, counters, this.#kept);
    const { outcomes, addedDevices } = await commit.run(groups, this.#expectRepetitions === 0);
    if (this.#expectRepetitions > 0) this.#expectRepetitions -= 1;
    await session.query(END_COMMIT, [
      counters.position,
      counters.ordinal,
      counters.series,
      this.#id,
      this.#number,
    ]);
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault;
    return { answer: { outcomes, position: counters.position, addedDevices }, keep: () => commit.keep() };
  }

  async #abandon(lost: boolean): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    if (!lost) {
      try {
        await client.query('ROLLBACK');
        return;
      } catch {
        // The connection is as good as lost.
      }
    }
    this.#client = undefined;
    // Not waited for: a peer that is gone does not say goodbye.
    client.end().catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }
}

/** Whatever the server or the role is set to, an acknowledged commit is on disk; a stricter setting stays. */
const LOCK_STORE = `
  SELECT position, detection_ordinal AS ordinal, series, partial, last_writer AS last,
    CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
      THEN set_config('synchronous_commit', 'on', true) END AS synchronous
  FROM store WHERE id = 1 FOR UPDATE`;

const END_COMMIT = `
  WITH counted AS (
    UPDATE store SET position = $1::bigint, detection_ordinal = $2::bigint, series = $3::bigint, last_writer = $4::uuid
    WHERE id = 1
  )
  INSERT INTO writer (id, commit, at) VALUES ($4::uuid, $5::bigint, now())
  ON CONFLICT (id) DO UPDATE SET commit = excluded.commit, at = excluded.at`;

/** True where a row had nowhere to go: its partition was dropped by a policy, and is made again. SQLSTATE check_violation. */
function isWithoutPartition(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23514';
}

function otherPolicy(theirs: string, ours: string): PisyncError {
  return new PisyncError('store_unavailable', {
    detail: `Another process has opened the store with partial_counts_as = ${theirs}; here it is ${ours}. Give all the same.`,
    retryAfterMs: 10_000,
  });
}

function unavailable(cause: unknown): PisyncError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new PisyncError('store_unavailable', {
    detail: `The database did not come back in time: ${said}.`,
    retryAfterMs: 1_000,
    cause,
  });
}
