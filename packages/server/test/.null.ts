import { openMemoryStore } from '../src/adapters/store/memory/memory-store.ts';
import { createServer } from '../src/http/server.ts';
import { createLog } from '../src/roles/log.ts';
import { systemClock } from '../src/roles/system-clock.ts';

const store = await openMemoryStore({ partial: 'failure' });
const nul = Object.assign(Object.create(store), {
  commit: async (g: { observations: unknown[] }) => g.observations.map(() => 'stored'),
  status: () => store.status(),
});
const s = await createServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  store: nul,
  clock: systemClock,
  log: createLog('info'),
  random: Math.random,
  admission: {
    device: { perSecond: 1e6, burst: 1e8 },
    total: { perSecond: 1e6, burst: 1e6 },
    maxWaitingItems: 200000,
    maxBufferedBytes: 1 << 26,
  },
  ingest: { maxItems: 10000, maxItemBytes: 65536, maxDepth: 32, maxBacklogMs: 400 * 864e5 },
  states: { failingStreak: 3, silentAfterMs: 6e8 },
  maxBodyBytes: 1 << 24,
  requestTimeoutMs: 30000,
  shutdownGraceMs: 1000,
  slowQueryMs: 100,
});
process.on('SIGTERM', () => s.close().then(() => process.exit(0)));
