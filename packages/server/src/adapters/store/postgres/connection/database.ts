import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import pg from 'pg';
import type { StoreOptions } from '../../../../ports/store-options.ts';
import { isLostConnection, toPisyncError } from './database-error.ts';
import { ConnectionPool, type PoolUse } from './pool.ts';
import { type Pools, Replicas } from './replicas.ts';
import type { Session } from './session.ts';
import { type PostgresPlace, parsePostgresUrl } from './url.ts';
import { valueSettings } from './value-types.ts';

export type DatabaseOptions = StoreOptions;

export const usualDatabaseOptions: DatabaseOptions = {
  queryConnections: 8,
  reportConnections: 4,
  queryTimeoutMs: 30_000,
  reportTimeoutMs: 300_000,
  commitTimeoutMs: 60_000,
  lockTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  readUrls: [],
  readMaxLagMs: 10_000,
};

/**
 * Commits look up thousands of rows by their keys. The planner, which expects fewer reads of a whole table to be cheaper,
 * would join them by hashing all devices: ten times as slow.
 */
const keyLookups =
  '; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; SET LOCAL jit = off';

/** The server ends a statement at its limit; one that says nothing so much later is out of reach, in milliseconds. */
const SILENCE_MS = 5_000;

/** A question whose connection is lost sooner is asked again, in milliseconds. */
const ASK_AGAIN_MS = 1_000;

const NOTICE_MS = 50;

/** Time after which the server ends a transaction that its client forgot. */
const IDLE_TIMEOUT_MS = 60_000;

/** A commit of one process: whoever sees its row in `writer` sees all that was committed before. */
export interface CommitMark {
  /** The process, as 32 hexadecimal digits. */
  readonly writer: string;
  readonly number: number;
}

/** Pages and single records, or what reads much: neither waits for the other. */
export type ReadKind = 'query' | 'report';

/** Connections to one PostgreSQL server. Nothing is set for a session: a pooler may give each transaction another one. */
export class Database {
  readonly place: PostgresPlace;
  readonly options: DatabaseOptions;
  readonly #pools: Pools;
  readonly #replicas: Replicas | undefined;
  #mark: CommitMark | undefined;

  constructor(url: string, options: DatabaseOptions) {
    this.place = parsePostgresUrl(url);
    this.options = options;
    const { readUrls, readMaxLagMs } = options;
    const primary = this.#config(this.place.connectionString, options.connectTimeoutMs);
    if (readUrls.length > 0) {
      this.#replicas = new Replicas(readUrls, readMaxLagMs, primary, (url) => this.#makePools(url));
    }
    this.#pools = this.#makePools(this.place.connectionString);
  }

  #config(connectionString: string, silentMs: number): pg.ClientConfig {
    return {
      connectionString,
      connectionTimeoutMillis: this.options.connectTimeoutMs,
      query_timeout: silentMs + SILENCE_MS,
      application_name: 'pisync',
      keepAlive: true,
    };
  }

  #makePools(connectionString: string): Pools {
    const { queryConnections, queryTimeoutMs, reportConnections, reportTimeoutMs } = this.options;
    return {
      query: new ConnectionPool(this.#config(connectionString, queryTimeoutMs), queryConnections),
      report: new ConnectionPool(this.#config(connectionString, reportTimeoutMs), reportConnections),
    };
  }

  /** A connection of its own, to be closed by the caller. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config(this.place.connectionString, this.options.commitTimeoutMs));
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Use of the pools of the primary. */
  get poolUse(): Readonly<Record<ReadKind, PoolUse>> {
    return { query: this.#pools.query.use, report: this.#pools.report.use };
  }

  /** What is known of the replicas; undefined where there are none. */
  get replicas(): Pick<Replicas, 'all' | 'healthy' | 'lagMs' | 'notes'> | undefined {
    return this.#replicas;
  }

  /**
   * Looks at the replicas, and asks them from now on.
   *
   * @param mark - a row of `writer` that was committed after all that answers must show
   */
  async useReplicas(mark: CommitMark): Promise<void> {
    this.#mark = mark;
    await this.#replicas?.start();
  }

  /** To be told of each commit of this process before its callers are: answers show it from then on. */
  committed(mark: CommitMark): void {
    if (this.#mark !== undefined) this.#mark = mark;
  }

  /**
   * Statements that begin a transaction: its limits, and where its tables are.
   *
   * @param mode - `read` and `report` see one state of everything and change nothing
   */
  begin(mode: 'read' | 'report' | 'write'): string {
    const { commitTimeoutMs, queryTimeoutMs, reportTimeoutMs, lockTimeoutMs } = this.options;
    const how =
      mode === 'write' ? ' ISOLATION LEVEL READ COMMITTED' : ' ISOLATION LEVEL REPEATABLE READ READ ONLY';
    const statementMs = { read: queryTimeoutMs, report: reportTimeoutMs, write: commitTimeoutMs }[mode];
    return `BEGIN${how}; SET LOCAL search_path = "${this.place.schema}"; SET LOCAL statement_timeout = ${statementMs};
      SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_TIMEOUT_MS};
      ${valueSettings}${mode === 'write' ? keyLookups : ''}`;
  }

  /**
   * Answers a question from one state of the primary.
   *
   * @param question - may be asked a second time, after its connection was lost
   * @throws {PisyncError} `store_unavailable`
   */
  async read<T>(question: (session: Session) => Promise<T>, kind: ReadKind = 'query'): Promise<T> {
    const begin = this.begin(kind === 'query' ? 'read' : 'report');
    const pool = this.#pools[kind];
    const ask = () => pool.transaction((client) => client.query(begin), question);
    const started = performance.now();
    try {
      return await ask().catch(async (error: unknown) => {
        if (!isLostConnection(error) || performance.now() - started > ASK_AGAIN_MS) throw error;
        // The server may have ended all connections that nobody used: the pool hears of it within a moment.
        await delay(NOTICE_MS);
        return ask();
      });
    } catch (error) {
      throw toPisyncError(error);
    }
  }

  /**
   * Answers a question from one state of a replica that shows all commits of this process, or else of the primary.
   *
   * @param question - may be asked a second time, of the primary, after it has failed
   * @throws {PisyncError} `store_unavailable`
   */
  async readAnywhere<T>(question: (session: Session) => Promise<T>, kind: ReadKind = 'query'): Promise<T> {
    const replica = this.#mark === undefined ? undefined : this.#replicas?.pick();
    if (replica === undefined) return this.read(question, kind);
    try {
      return await replica.whileThere(
        replica.pools[kind].transaction((client) => this.#beginOn(client, kind), question),
      );
    } catch (error) {
      if (error instanceof PisyncError || isTimeout(error)) throw toPisyncError(error);
      if (isLostConnection(error)) replica.leaveOut((error as Error).message);
      return this.read(question, kind);
    }
  }

  /**
   * Begins a transaction whose state holds the last commit of this process: the row that it left is looked up in the same state.
   * Looking chooses that state, and the tables of telemetry must be held before (see telemetry/point-scan.ts).
   */
  async #beginOn(client: pg.PoolClient, kind: ReadKind): Promise<void> {
    const { writer, number } = this.#mark as CommitMark;
    const begin = this.begin(kind === 'query' ? 'read' : 'report');
    const look = `SELECT EXISTS (SELECT FROM writer WHERE id = '${writer}' AND commit >= ${number}) AS seen`;
    const results: unknown = await client.query(`${begin}; ${HOLD_POINTS}; ${look}`);
    const last = (results as readonly pg.QueryResult<{ seen: boolean }>[]).at(-1);
    if (last?.rows[0]?.seen !== true) throw new Behind();
  }

  /** Changes something outside of commits, in one transaction of its own. */
  async write<T>(change: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.#pools.query.transaction((client) => client.query(this.begin('write')), change);
    } catch (error) {
      throw toPisyncError(error);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pools.query.close(), this.#pools.report.close(), this.#replicas?.close()]);
  }
}

const HOLD_POINTS = 'LOCK TABLE ONLY point IN ACCESS SHARE MODE';

/** A replica does not show the last commit yet. */
class Behind extends Error {}

/** A question that takes too long would do so on the primary, too. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error as Error & { code?: string }).code === '57014';
}
