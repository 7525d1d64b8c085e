import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  embeddedInstallation,
  PostgresServer,
} from '../../../packages/server/test/postgres/postgres-server.ts';
import { processTree } from '../process-memory.ts';
import { processCpu } from './process-cpu.ts';

/** What the manual advises for a machine of some gigabytes; everything else, and what flushing depends on, as PostgreSQL has it. */
const postgresSettings: readonly string[] = [
  'shared_buffers=512MB',
  'max_wal_size=4GB',
  'fsync=on',
  'synchronous_commit=on',
];

/** The PostgreSQL server of a run. PiSync and what it is measured against have databases of their own on it. */
export class BenchPostgres {
  readonly #server: PostgresServer;

  private constructor(server: PostgresServer) {
    this.#server = server;
  }

  /** @param parent - where its data lie, if the user that it runs as can get there */
  static async start(parent: string): Promise<BenchPostgres> {
    const place = isOpenToAll(parent) ? parent : tmpdir();
    return new BenchPostgres(await PostgresServer.start(embeddedInstallation(), postgresSettings, place));
  }

  /** Hands over the URL of an empty database, and removes it afterwards. */
  async withDatabase<Result>(use: (url: string) => Promise<Result>): Promise<Result> {
    const url = await this.#server.createDatabase();
    try {
      return await use(url);
    } finally {
      await this.#server.dropDatabase(url);
    }
  }

  /** An empty database that stays until the server stops. @returns its URL */
  createDatabase(): Promise<string> {
    return this.#server.createDatabase();
  }

  /** Seconds of processor time of all its processes so far. */
  cpu(): number {
    return processCpu(this.#pid());
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** SIGKILL to all its processes. */
  async kill(): Promise<void> {
    const children = processTree(this.#pid()).slice(1);
    await this.#server.kill();
    // One that computes does not see that its parent is gone, and none may have the data open at the next start.
    for (const pid of children) if (titleOf(pid).startsWith('postgres')) killIfThere(pid);
  }

  /** SIGKILL to one of the processes that serve connections: the others start anew with it. @returns false where there is none */
  killOne(): boolean {
    const serving = processTree(this.#pid())
      .slice(1)
      .filter((pid) => /127\.0\.0\.1/.test(titleOf(pid)));
    const pid = serving[Math.floor(Math.random() * serving.length)];
    if (pid !== undefined) killIfThere(pid);
    return pid !== undefined;
  }

  /** Starts it again after {@link kill}. Resolves when it answers. */
  launch(): Promise<void> {
    return this.#server.launch();
  }

  /** Resolves when it answers; it may be getting over a process that was killed. */
  async answers(): Promise<void> {
    const limit = performance.now() + 30_000;
    for (;;) {
      try {
        await this.#server.query('SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > limit) throw error;
        await sleep(20);
      }
    }
  }

  /** Where its data lie until {@link stop}. */
  get folder(): string {
    return this.#server.folder;
  }

  #pid(): number {
    return Number(readFileSync(join(this.#server.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already: that is what was wanted.
  }
}

/** PostgreSQL does not run as root: then it takes another user, who must get to its folder. */
function isOpenToAll(folder: string): boolean {
  for (let place = folder; ; place = dirname(place)) {
    if ((statSync(place).mode & 0o001) === 0) return process.getuid?.() !== 0;
    if (place === dirname(place)) return true;
  }
}
