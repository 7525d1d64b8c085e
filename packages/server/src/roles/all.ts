import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Logger } from 'pino';
import { openStore, packagedVendors } from '../adapters/registry.ts';
import { checkExposure } from '../config/exposure.ts';
import { type Config, namesIn } from '../config/schema.ts';
import { storeOptionsOf, unusedStoreSettings } from '../config/store-options.ts';
import { createServer, type ServerOptions } from '../http/server.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { createLog } from './log.ts';
import { systemClock } from './system-clock.ts';

const HOUR = 3_600_000;

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Bodies that are held in memory at once, as a multiple of the largest one. */
const BODIES_IN_MEMORY = 4;

/** A PiSync server that runs. */
export interface Running {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  /** What the operator should read at start: found damage, missing protection. */
  readonly notes: readonly string[];
  /** Answers what runs, refuses what is new, then closes the store. Idempotent. */
  close(): Promise<void>;
}

/** What a test replaces. */
export interface Surroundings {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly random?: () => number;
}

/**
 * Starts everything in one process: opens the store, then the port.
 *
 * @throws {PisyncError} `unsafe_config`, or what the store throws at open, such as `store_locked` or `store_newer`
 * @throws {Error} with the system's `code`, such as `EADDRINUSE`; the store is closed again
 */
export async function startAll(config: Config, surroundings: Surroundings = {}): Promise<Running> {
  const log = surroundings.log ?? createLog(config.log_level);
  const warnings = [...checkExposure(config), ...unusedStoreSettings(config)];
  const policy = { partial: config.partial_counts_as };
  const store = await openStore(config.store, policy, storeOptionsOf(config));
  const notes = [...warnings, ...store.status().notes];
  for (const note of notes) log.warn({ note }, 'start');
  releaseStartMemory();
  const server = await createServer(serverOptions(config, store, log, surroundings)).catch(
    async (error: unknown) => {
      await store.close();
      throw error;
    },
  );
  log.info({ url: server.url }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    url: server.url,
    notes,
    close() {
      closing ??= closeAll(server.close, store, log);
      return closing;
    },
  };
}

/**
 * Collects what loading has left, before requests come: the heap would keep ten megabytes of it until traffic fills them, which on an
 * idle server is never. Takes some 50 ms, once. Without the flag, which is taken back, Node does not offer it.
 */
function releaseStartMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect: NodeJS.GCFunction | undefined = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

async function closeAll(closeServer: () => Promise<void>, store: Store, log: Logger): Promise<void> {
  log.info('stopping');
  try {
    await closeServer();
  } finally {
    await store.close();
  }
  log.info('stopped');
}

function serverOptions(config: Config, store: Store, log: Logger, surroundings: Surroundings): ServerOptions {
  return {
    host: config.host,
    port: config.port,
    store,
    log,
    clock: surroundings.clock ?? systemClock,
    random: surroundings.random ?? Math.random,
    admission: {
      device: { perSecond: config.device_items_per_second, burst: config.device_burst_items },
      total: { perSecond: config.items_per_second, burst: config.items_per_second },
      maxWaitingItems: config.max_waiting_items,
      maxBufferedBytes: BODIES_IN_MEMORY * config.max_body_bytes,
    },
    ingest: {
      maxItems: config.max_items,
      maxItemBytes: config.max_item_bytes,
      maxDepth: config.max_depth,
      maxBacklogMs: config.max_backlog_days * 24 * HOUR,
    },
    states: { failingStreak: config.failing_streak, silentAfterMs: config.silent_after_hours * HOUR },
    maxBodyBytes: config.max_body_bytes,
    maxPoints: config.max_points,
    maxImportBytes: config.max_import_bytes,
    lineDeviceTags: namesIn(config.line_device_tags) as readonly string[],
    spoolFolder: tmpdir(),
    vendorOf: packagedVendors(),
    requestTimeoutMs: config.request_timeout_ms,
    shutdownGraceMs: config.shutdown_grace_ms,
    slowQueryMs: config.slow_query_ms,
    version,
  };
}
