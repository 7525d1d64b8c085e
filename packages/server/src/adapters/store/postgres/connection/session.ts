import type { Client, PoolClient } from 'pg';
import { valueTypes } from './value-types.ts';

/** One row; columns are named by the query. */
export type Row = Record<string, unknown>;

/** Statements inside one transaction. */
export interface Session {
  /**
   * Runs one statement, without a name, as connection poolers need it. Rows come as `valueTypes` reads them.
   *
   * @param values - texts, numbers, booleans, buffers or null; arrays as `textArray` and `numberArray` write them
   */
  query<R extends object = Row>(text: string, values?: readonly unknown[]): Promise<readonly R[]>;
  /** Runs something on the client when all that was asked before has ended: what is written down meanwhile costs no time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** The driver's client, for COPY. */
  readonly client: Client | PoolClient;
}

/** A session on a client whose transaction has begun. */
export function sessionOf(client: Client | PoolClient): Session {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };
  return {
    client,
    inTurn,
    query: <R extends object>(text: string, values: readonly unknown[] = []) =>
      inTurn(async () => {
        const config = { text, values: values as unknown[], types: valueTypes };
        const result = await client.query(config);
        return result.rows as R[];
      }),
  };
}
