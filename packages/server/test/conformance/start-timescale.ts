import { startPgliteServer } from '../postgres/pglite-server.ts';
import type { TestServer } from './postgres-suite.ts';

/**
 * The database is PostgreSQL 17 with TimescaleDB, compiled to WebAssembly: what SQL means there is proven, not load, waiting or
 * failure. See pglite-server.ts. Its stores have hypertables.
 */
export async function startTimescale(): Promise<TestServer> {
  const server = await startPgliteServer();
  let places = 0;
  return {
    // There is one database: each store has a schema of its own.
    createPlace: async () => `${server.url}?schema=t${++places}`,
    // All are gone when the server ends.
    removePlace: async () => {},
    stop: () => server.close(),
  };
}
