import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import type { PartialRule } from '../../../../core/fold.ts';
import type { CommitMark, Database } from '../connection/database.ts';
import { isLostConnection, toPisyncError } from '../connection/database-error.ts';
import { type Session, sessionOf } from '../connection/session.ts';
import type { PartitionTable } from '../schema/partitions.ts';
import type { Script } from '../wire/script.ts';
import { DeviceRows, KeptDevices } from './device-rows.ts';
import { devicesOf, keysOf, type PreparedGroup, type StoreCounters } from './group-commit.ts';
import { findClaims, isRepetition } from './identities.ts';
import { writeGroups } from './interactive-commit.ts';
import { type CommitFrame, isScriptable, scriptCommit } from './scripted-commit.ts';
import { WriterConnection } from './writer-connection.ts';

/** How long a commit whose answer was lost is followed up before its sender is told to try again, in milliseconds. */
const FOLLOW_UP_MS = 20_000;
const RETRY_MS = 200;

/** Repetitions come in numbers, when many devices send again what was not acknowledged. */
const WARY_COMMITS = 50;

/** What became of the groups of one transaction. */
export interface CommitAnswer {
  /** For each group, as `Store.commit` returns them. */
  readonly outcomes: readonly (readonly CommitOutcome[])[];
  /** Position of the store after it. */
  readonly position: number;
  readonly addedDevices: number;
  readonly mark: CommitMark;
}

/** A commit that can be sent. */
export interface PreparedCommit {
  readonly script: Script;
  /** What it answers when it is kept. */
  readonly answer: CommitAnswer;
  readonly devices: DeviceRows;
  /** What it claims, and what was found known of that. */
  readonly known: ReadonlyMap<string, string | null>;
}

/** A commit that was sent in vain, or nobody knows. */
export interface FailedCommit {
  readonly commit: PreparedCommit;
  readonly error: unknown;
}

/** A transaction that only has to end. */
interface Work {
  readonly answer: CommitAnswer;
  /** To be called when it has ended well, or not. */
  end(kept: boolean): void;
}

/**
 * Commits on a connection of its own, one transaction at a time.
 *
 * A transaction locks the one row of `store` first. It notes its number in this process' row of `writer`: where the connection
 * is lost while it ends, that row tells on the next connection, under the same lock, whether it was kept. Then its outcomes
 * stand; else it is done again. So each outcome is exact, also where items have no identity.
 *
 * As long as no other process commits, this one knows the devices it meets, and how the store will be after what it has sent. Then
 * a commit is worked out ahead ({@link prepare}) and sent as one script, while the server is at work on the one before.
 */
export class CommitWriter {
  /** As the database gives it back. */
  readonly #id = randomUUID().replaceAll('-', '');
  readonly #kept = new KeptDevices();
  readonly #database: Database;
  readonly #connection: WriterConnection;
  readonly #partitions: PartitionTable;
  readonly #partial: PartialRule;
  #number = 0;
  /** How the store is after all that was sent; undefined where only the server can tell. */
  #ahead: StoreCounters | undefined;
  /** What scripts that are not answered yet claim. */
  readonly #claimed = new Set<ReadonlyMap<string, string | null>>();
  #fault: Error | undefined;
  /** Commits that look identities up first; the others take all for new, which costs less as long as it is true. */
  #expectRepetitions = 0;

  constructor(database: Database, partitions: PartitionTable, partial: PartialRule) {
    this.#database = database;
    this.#connection = new WriterConnection(database);
    this.#partitions = partitions;
    this.#partial = partial;
  }

  /** Makes the next commit fail before it ends, as the server would. For tests. */
  failNext(error: Error): void {
    this.#fault = error;
    this.#ahead = undefined;
  }

  /** The last commit that began. */
  get mark(): CommitMark {
    return { writer: this.#id, number: this.#number };
  }

  /** True from the loss of a connection until the server takes writes again. */
  get recovering(): boolean {
    return this.#connection.recovering;
  }

  /**
   * Works a commit out before the one that was sent last has been answered. Never called a second time before it has resolved
   * and its commit, if any, was sent.
   *
   * @returns undefined where it has to be done by {@link commit}, when all that was sent is answered
   * @throws {PisyncError} `store_unavailable`
   */
  async prepare(groups: readonly PreparedGroup[]): Promise<PreparedCommit | undefined> {
    const before = this.#ahead;
    if (before === undefined) return undefined;
    if (!groups.every(isScriptable) || !this.#partitions.covers(groups)) return undefined;
    const devices = new DeviceRows(this.#kept, this.#partial);
    const known = await this.#ask(devices, devices.take(devicesOf(groups)), groups);
    // What was sent has failed meanwhile: what was read may be from before another process' commit.
    if (this.#ahead !== before) return undefined;
    const frame: CommitFrame = {
      begin: this.#database.begin('write'),
      writer: this.#id,
      number: this.#number + 1,
      partial: this.#partial,
      before,
    };
    const commit = scriptCommit(groups, frame, devices, known);
    if (commit === undefined) {
      devices.forget();
      return undefined;
    }
    devices.keep();
    this.#number = frame.number;
    this.#ahead = commit.after;
    if (this.#expectRepetitions > 0) this.#expectRepetitions -= 1;
    this.#claimed.add(known);
    const { script, outcomes, addedDevices, after } = commit;
    return {
      script,
      answer: { outcomes, position: after.position, addedDevices, mark: this.mark },
      devices,
      known,
    };
  }

  /**
   * Sends what was prepared last, behind what was sent before.
   *
   * @throws where it was not kept, or nobody knows: {@link commit} finds out
   */
  async send({ script, devices, known }: PreparedCommit): Promise<void> {
    try {
      await this.#connection.run(script);
      this.#connection.works();
    } catch (error) {
      this.#ahead = undefined;
      devices.forget();
      if (!isRolledBack(error)) this.#connection.drop();
      throw error;
    } finally {
      this.#claimed.delete(known);
    }
  }

  /**
   * Asks the server, on another connection, what is not known of devices and claims. What was sent and is not answered yet may
   * be missing in its answer, but its devices are kept, and its claims are added here.
   */
  async #ask(
    devices: DeviceRows,
    missing: readonly string[],
    groups: readonly PreparedGroup[],
  ): Promise<Map<string, string | null>> {
    const keys = this.#expectRepetitions > 0 ? keysOf(groups) : new Set<string>();
    if (keys.size === 0 && missing.length === 0) return new Map();
    const unanswered = [...this.#claimed];
    const known = await this.#database.read(async (session) => {
      await devices.read(session, missing);
      return keys.size === 0 ? new Map<string, string | null>() : findClaims(session, keys);
    });
    for (const claimed of unanswered) {
      for (const key of keys) {
        const body = claimed.get(key);
        if (body !== undefined) known.set(key, body);
      }
    }
    return known;
  }

  /**
   * Commits in a transaction that asks the server for all it takes. To be called when all that was sent is answered.
   *
   * @param sent - the same groups, sent as a script that failed by `error`
   * @throws {PisyncError} `store_unavailable` where nothing was kept, or nobody can tell in time
   */
  async commit(groups: readonly PreparedGroup[], sent?: FailedCommit): Promise<CommitAnswer> {
    const deadline = performance.now() + FOLLOW_UP_MS;
    this.#ahead = undefined;
    if (sent === undefined) this.#number += 1;
    const mark = sent?.commit.answer.mark ?? this.mark;
    /** What became of the groups in a transaction whose end is not known. */
    let pending: CommitAnswer | undefined;
    if (sent !== undefined) {
      if (isRolledBack(sent.error)) await this.#fail(sent.error, false);
      else pending = sent.commit.answer;
    }
    let forgotten = false;
    for (;;) {
      const allNew = this.#expectRepetitions === 0;
      let work: Work | undefined;
      try {
        const client = await this.#connection.client();
        await this.#partitions.ensure(groups, client);
        await client.query(this.#database.begin('write'));
        work = await this.#work(client, groups, mark, pending);
        pending = work.answer;
        await client.query('COMMIT');
        work.end(true);
        this.#connection.works();
        return work.answer;
      } catch (error) {
        work?.end(false);
        const lost = isLostConnection(error) || pending !== undefined;
        await this.#fail(error, lost);
        if (isRepetition(error) && allNew) continue;
        if (isWithoutPartition(error) && !forgotten) {
          forgotten = true;
          this.#partitions.forget();
          continue;
        }
        // A transaction that the server itself ended kept nothing, and would most likely end in the same way again.
        if (!lost) throw toPisyncError(error);
        if (performance.now() > deadline) {
          this.#connection.watch();
          throw unavailable(error);
        }
        await delay(RETRY_MS);
      }
    }
  }

  /** @param pending - what was answered by a transaction whose end is not known; it waits until that has ended in either way */
  async #work(
    client: pg.Client,
    groups: readonly PreparedGroup[],
    mark: CommitMark,
    pending: CommitAnswer | undefined,
  ): Promise<Work> {
    const session = sessionOf(client);
    const [row] = await session.query<StoreCounters & { partial: string; last: string | null }>(LOCK_STORE);
    if (row === undefined) throw new TypeError('the store has no row');
    if (row.partial !== this.#partial) throw otherPolicy(row.partial, this.#partial);
    const counters = { position: row.position, ordinal: row.ordinal, series: row.series };
    const alone = row.last === this.#id;
    if (!alone) this.#kept.clear();
    if (pending !== undefined && (await this.#lastKept(session)) >= mark.number) {
      return { answer: pending, end: () => {} };
    }
    const rules = { partial: this.#partial, allNew: this.#expectRepetitions === 0 };
    const written = await writeGroups(session, groups, rules, counters, this.#kept);
    const { outcomes, addedDevices, devices } = written;
    const { position, ordinal, series } = counters;
    await session.query(END_COMMIT, [position, ordinal, series, mark.writer, mark.number]);
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) {
      devices.forget();
      throw fault;
    }
    return {
      answer: { outcomes, position, addedDevices, mark },
      end: (kept) => {
        if (!kept) return devices.forget();
        devices.keep();
        if (alone) this.#ahead = counters;
        if (this.#expectRepetitions > 0) this.#expectRepetitions -= 1;
      },
    };
  }

  /** Number of this process' last commit that was kept; the store is locked. */
  async #lastKept(session: Session): Promise<number> {
    const rows = await session.query<{ commit: number }>('SELECT commit FROM writer WHERE id = $1', [
      this.#id,
    ]);
    return rows[0]?.commit ?? 0;
  }

  /** To be called when nothing runs, and a transaction has failed. */
  async #fail(error: unknown, lost: boolean): Promise<void> {
    if (isRepetition(error) && this.#expectRepetitions === 0) this.#expectRepetitions = WARY_COMMITS;
    if (lost) this.#connection.drop();
    else await this.#connection.rollBack();
  }

  close(): Promise<void> {
    return this.#connection.close();
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

/** True of an error by which the server tells that it has ended a transaction, and not its connection. */
function isRolledBack(error: unknown): boolean {
  return typeof (error as { code?: unknown }).code === 'string' && !isLostConnection(error);
}

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
