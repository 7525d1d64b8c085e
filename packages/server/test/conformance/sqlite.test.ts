import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { storeSuite } from 'pisync/conformance';
import { openMemoryStore } from '../../src/adapters/store/memory/memory-store.ts';
import { openSqliteStore, type SqliteStore } from '../../src/adapters/store/sqlite/sqlite-store.ts';
import type { StorePolicy } from '../../src/ports/store.ts';

const commitProcess = join(import.meta.dirname, 'commit-process.ts');

function startChild(place: string, policy: StorePolicy): ChildProcess {
  const options = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  return spawn(process.execPath, [...options, commitProcess, `sqlite:${place}`, policy.partial], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

storeSuite({
  name: 'sqlite',
  supports: { durable: true, exclusive: true },
  createPlace: async () => join(await mkdtemp(join(tmpdir(), 'pisync-conformance-')), 'pisync.db'),
  removePlace: (place) => rm(dirname(place), { recursive: true }),
  open: (place, policy) => openSqliteStore(place, policy),
  settle: (store) => (store as SqliteStore).settle(),
  failNextCommit: (store, kind) => (store as SqliteStore).injectFault(kind),
  startChild,
  model: openMemoryStore,
  numRuns: Number(process.env['PISYNC_MODEL_RUNS'] ?? 20),
});
