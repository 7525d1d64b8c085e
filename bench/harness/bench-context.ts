import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BigStore, buildBigStore } from './big-store.ts';
import { eventLoopMetrics } from './metrics.ts';
import type { BenchOptions } from './options.ts';
import { pisyncCommand } from './pisync-command.ts';
import { BenchPostgres } from './postgres/bench-postgres.ts';
import { type MovedStore, moveBigStore } from './postgres/moved-store.ts';
import { type ServerCommand, type ServerProcess, startServer } from './server-process.ts';
import { fullSizes, quickSizes, type Sizes } from './sizes.ts';

/** What a server was measured with: each has its own limit of memory. */
export type Load = 'events' | 'telemetry and detections';

/** The most resident memory that a PiSync server ever had, and what it was used for. */
export interface Peak {
  readonly label: string;
  readonly load: Load;
  readonly bytes: number;
}

/** What the scenarios of one run share. */
export class BenchContext {
  readonly sizes: Sizes;
  readonly options: BenchOptions;
  /** Absolute numbers behind the rows, by scenario, for the baseline file. */
  readonly details: Record<string, unknown> = {};
  /** Most resident memory that the PiSync servers ever had. */
  readonly peaks: Peak[] = [];
  #bigStore: Promise<BigStore> | null = null;
  #postgres: Promise<BenchPostgres> | null = null;
  #movedStore: Promise<MovedStore> | null = null;
  #folders = 0;

  constructor(options: BenchOptions) {
    this.options = options;
    this.sizes = options.quick ? quickSizes : fullSizes;
    if (!options.keep) rmSync(options.work, { recursive: true, force: true });
    mkdirSync(options.work, { recursive: true });
  }

  /** Progress for the person who waits; goes to stderr, so that stdout is the table. */
  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** An empty folder for one store. */
  folder(label: string): string {
    const path = join(this.options.work, `${label}-${++this.#folders}`);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
    return path;
  }

  removeFolder(path: string): void {
    if (existsSync(path)) rmSync(path, { recursive: true, force: true });
  }

  /** Starts a server, hands it over, and stops it whatever happens. */
  async withServer<Result>(
    command: ServerCommand,
    use: (server: ServerProcess) => Promise<Result>,
  ): Promise<Result> {
    const server = await startServer(command);
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  }

  /** The same for PiSync; remembers how much memory it took and how long its event loop was held up. */
  withPisync<Result>(
    label: string,
    folder: string,
    use: (server: ServerProcess) => Promise<Result>,
    load: Load = 'events',
  ): Promise<Result> {
    return this.withServer(pisyncCommand(folder), async (server) => {
      const result = await use(server);
      this.peaks.push({ label, load, bytes: server.memory().peak });
      this.details[`event loop: ${label}`] = await eventLoopMetrics(server.url);
      return result;
    });
  }

  /** The store with the full number of events; filled on first use. */
  bigStore(): Promise<BigStore> {
    this.#bigStore ??= buildBigStore(this);
    return this.#bigStore;
  }

  /** The PostgreSQL server of this run; started on first use. */
  postgres(): Promise<BenchPostgres> {
    this.#postgres ??= BenchPostgres.start(this.options.work);
    return this.#postgres;
  }

  /** The filled store after its move to PostgreSQL; moved on first use. */
  movedStore(): Promise<MovedStore> {
    this.#movedStore ??= moveBigStore(this);
    return this.#movedStore;
  }

  /** Stops PostgreSQL and removes all stores of this run, apart from one that is to be kept. */
  async cleanUp(): Promise<void> {
    await (await this.#postgres)?.stop();
    if (!this.options.keep) rmSync(this.options.work, { recursive: true, force: true });
  }
}
