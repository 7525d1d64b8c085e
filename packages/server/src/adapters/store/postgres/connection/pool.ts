import pg from 'pg';
import { isLostConnection } from './database-error.ts';
import { type Session, sessionOf } from './session.ts';

/** How many connections are open and not lent, and how many questions wait for one. */
export interface PoolUse {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Idle connections are closed after this time, in milliseconds. */
const IDLE_MS = 30_000;

/** Longest wait for what runs, and for the goodbye of a server that may be out of reach, in milliseconds. */
const GOODBYE_MS = 2_000;

/** Connections to one server, lent for a transaction each. */
export class ConnectionPool {
  readonly #pool: pg.Pool;

  constructor(config: pg.ClientConfig, size: number) {
    this.#pool = new pg.Pool({ ...config, max: size, idleTimeoutMillis: IDLE_MS });
    // A connection that breaks while it is idle is taken out of the pool; the next question gets another one.
    this.#pool.on('error', () => {});
    // One that breaks while it is lent tells so by the statement that ran.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  get use(): PoolUse {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { open: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /** @param begin - begins the transaction; where it throws, nothing else is done */
  async transaction<T>(
    begin: (client: pg.PoolClient) => Promise<unknown>,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const client = await this.#pool.connect();
    let broken = true;
    try {
      await begin(client);
      const answer = await work(sessionOf(client));
      await client.query('COMMIT');
      broken = false;
      return answer;
    } catch (error) {
      broken = isLostConnection(error) || !(await rollsBack(client));
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** Takes no more questions; those that run have a moment to end, and their connections are closed then. */
  async close(): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      late = setTimeout(resolve, GOODBYE_MS);
    });
    await Promise.race([this.#pool.end(), patience]);
    clearTimeout(late);
  }
}

async function rollsBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}
