import { after, before } from 'node:test';
import { storeSuite } from 'pisync/conformance';
import { openMemoryStore } from '../../src/adapters/store/memory/memory-store.ts';
import { openPostgresStore, type PostgresStore } from '../../src/adapters/store/postgres/postgres-store.ts';
import { startCommitProcess } from './start-commit-process.ts';

/** A database server for the time of a test file. */
export interface TestServer {
  /** A URL of an empty store. */
  createPlace(): Promise<string>;
  removePlace(url: string): Promise<void>;
  stop(): Promise<void>;
}

/** Registers the whole suite against one kind of server. */
export function postgresSuite(name: string, start: () => Promise<TestServer>, numRuns: number): void {
  let server: TestServer;
  before(async () => {
    server = await start();
  });
  after(() => server.stop());
  storeSuite({
    name,
    supports: { durable: true, exclusive: false },
    createPlace: () => server.createPlace(),
    removePlace: (place) => server.removePlace(place),
    open: openPostgresStore,
    settle: (store) => (store as PostgresStore).settle(),
    failNextCommit: (store, kind) => (store as PostgresStore).injectFault(kind),
    startChild: startCommitProcess,
    model: openMemoryStore,
    numRuns: Number(process.env['PISYNC_MODEL_RUNS'] ?? numRuns),
  });
}
