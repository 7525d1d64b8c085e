import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessMemory, processMemory, processTree } from './process-memory.ts';

/** How to start a server under test. */
export interface ServerCommand {
  /** For messages. */
  readonly name: string;
  /** What to start; this Node where absent. */
  readonly program?: string;
  /** Arguments for the program, given the port to listen on. */
  readonly args: (port: number) => readonly string[];
  /** Path that answers 200 once the server is ready. */
  readonly readyPath: string;
  readonly env?: (port: number) => Readonly<Record<string, string>>;
  /** Give up after so long; 60 s by default. */
  readonly readyWithinMs?: number;
  /** Listen here instead of on a free port: for a restart behind the same address. */
  readonly port?: number;
}

/** A server that runs in its own process. */
export interface ServerProcess {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from the spawn to the first 200. */
  readonly startedInMs: number;
  memory(): ProcessMemory;
  /** What it printed so far, the last 64 KiB. */
  output(): string;
  /** True until the process has ended. */
  alive(): boolean;
  /** SIGTERM, then SIGKILL after a while. Resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL to the process and its descendants at once. Resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a server and waits until it answers.
 *
 * @throws {Error} with what the server printed, when it ends or is not ready in time
 */
export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const server = await spawnServer(command);
  await server.ready();
  return server;
}

/** A spawned server that may not be ready yet. */
export interface SpawnedServer extends ServerProcess {
  /** Waits for the first 200; rejects when the process ends or the time is over. */
  ready(): Promise<void>;
}

/** Spawns a server without waiting for it. */
export async function spawnServer(command: ServerCommand): Promise<SpawnedServer> {
  const port = command.port ?? (await freePort());
  const began = performance.now();
  const ownFlags = command.program === undefined ? ['--disable-warning=ExperimentalWarning'] : [];
  const child = spawn(command.program ?? process.execPath, [...ownFlags, ...command.args(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...command.env?.(port) },
  });
  return new RunningServer(command, child, port, began);
}

class RunningServer implements SpawnedServer {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  startedInMs = 0;
  readonly #command: ServerCommand;
  readonly #child: ChildProcess;
  readonly #began: number;
  readonly #ended: Promise<void>;
  #output = '';

  constructor(command: ServerCommand, child: ChildProcess, port: number, began: number) {
    this.name = command.name;
    this.url = `http://127.0.0.1:${port}`;
    this.pid = child.pid ?? -1;
    this.#command = command;
    this.#child = child;
    this.#began = began;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString('utf8')).slice(-65_536);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  async ready(): Promise<void> {
    const limit = this.#command.readyWithinMs ?? 60_000;
    while (!(await answers200(this.url + this.#command.readyPath))) {
      const waited = performance.now() - this.#began;
      if (!this.alive()) throw new Error(`${this.name} ended before it was ready:\n${this.#output}`);
      if (waited > limit) {
        await this.kill();
        throw new Error(`${this.name} was not ready within ${limit} ms:\n${this.#output}`);
      }
      await sleep(3);
    }
    this.startedInMs = performance.now() - this.#began;
  }

  memory(): ProcessMemory {
    return processMemory(this.pid);
  }

  output(): string {
    return this.#output;
  }

  alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.pid > 0;
  }

  async stop(): Promise<void> {
    if (!this.alive()) return;
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => void this.kill(), 30_000);
    await this.#ended;
    clearTimeout(late);
  }

  async kill(): Promise<void> {
    if (!this.alive()) return;
    for (const pid of processTree(this.pid).reverse()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Already gone: that is what was wanted.
      }
    }
    await this.#ended;
  }
}

function answers200(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request(url, { agent: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    probe.once('timeout', () => probe.destroy());
    probe.once('error', () => resolve(false));
    probe.end();
  });
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
