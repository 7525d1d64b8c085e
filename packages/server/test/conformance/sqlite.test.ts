import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { storeSuite } from 'pisync/conformance';
import { openMemoryStore } from '../../src/adapters/store/memory/memory-store.ts';
import { openSqliteStore, type SqliteStore } from '../../src/adapters/store/sqlite/sqlite-store.ts';
import { startCommitProcess } from './start-commit-process.ts';

storeSuite({
  name: 'sqlite',
  supports: { durable: true, exclusive: true },
  createPlace: async () => join(await mkdtemp(join(tmpdir(), 'pisync-conformance-')), 'pisync.db'),
  removePlace: (place) => rm(dirname(place), { recursive: true }),
  open: (place, policy) => openSqliteStore(place, policy),
  settle: (store) => (store as SqliteStore).settle(),
  failNextCommit: (store, kind) => (store as SqliteStore).injectFault(kind),
  startChild: (place, policy) => startCommitProcess(`sqlite:${place}`, policy),
  model: openMemoryStore,
  numRuns: Number(process.env['PISYNC_MODEL_RUNS'] ?? 20),
});
