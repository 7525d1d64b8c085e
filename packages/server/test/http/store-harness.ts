import { tmpdir } from 'node:os';
import { after } from 'node:test';
import { pino } from 'pino';
import { openMemoryStore } from '../../src/adapters/store/memory/memory-store.ts';
import { createServer } from '../../src/http/server.ts';
import type { Store } from '../../src/ports/store.ts';
import { systemClock } from '../../src/roles/system-clock.ts';
import type { TestServer } from './harness.ts';

/** What a test of a misbehaving store may choose. */
export interface StoreServerChoices {
  readonly maxWaitingItems?: number;
  readonly shutdownGraceMs?: number;
  readonly slowQueryMs?: number;
}

/** Starts a server on a memory store of which some methods are replaced. */
export async function startOn(
  replace: (store: Store) => Partial<Store>,
  choices: StoreServerChoices = {},
): Promise<TestServer> {
  const memory = await openMemoryStore({ partial: 'failure' });
  const replaced = replace(memory);
  const store = new Proxy(memory, {
    get(target, name) {
      const own = (replaced as Record<string | symbol, unknown>)[name];
      if (own !== undefined) return own;
      const value = (target as unknown as Record<string | symbol, unknown>)[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const server = await createServer({
    host: '127.0.0.1',
    port: 0,
    store,
    log,
    clock: systemClock,
    random: Math.random,
    admission: {
      device: { perSecond: 1000, burst: 10_000 },
      total: { perSecond: 1_000_000, burst: 1_000_000 },
      maxWaitingItems: choices.maxWaitingItems ?? 10_000,
      maxBufferedBytes: 1 << 26,
    },
    ingest: { maxItems: 10_000, maxItemBytes: 65_536, maxDepth: 32, maxBacklogMs: 400 * 86_400_000 },
    states: { failingStreak: 3, silentAfterMs: 168 * 3_600_000 },
    maxBodyBytes: 1 << 24,
    maxPoints: 500_000,
    maxImportBytes: 2 ** 24,
    lineDeviceTags: ['device_id', 'device', 'host'],
    spoolFolder: tmpdir(),
    vendorOf: () => null,
    requestTimeoutMs: 10_000,
    shutdownGraceMs: choices.shutdownGraceMs ?? 500,
    slowQueryMs: choices.slowQueryMs ?? 100,
    version: '0.0.0',
  });
  after(() => server.close());
  return { url: server.url, running: { url: server.url, notes: [], close: () => server.close() }, lines };
}
