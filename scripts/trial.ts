/** What a stranger's shell is like: used by the trials of the tarball and of the README. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { delimiter } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The environment without what npm and this checkout put into it. */
export function strangerEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:npm_|PISYNC_|NODE_)/i.test(name));
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((place) => !place.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter), ...extra };
}

/**
 * Runs a shell command to its end, its output shown.
 *
 * @returns what it wrote to its standard output
 * @throws {Error} when it does not exit with 0 within `timeoutMs`
 */
export function runShell(
  command: string,
  cwd: string,
  environment: NodeJS.ProcessEnv,
  timeoutMs = 300_000,
): Promise<string> {
  process.stdout.write(`$ ${command}\n`);
  const child = spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      if (code === 0) done(output);
      else fail(new Error(`exit ${code ?? signal}: ${command}`));
    });
  });
}

/** A command that keeps running. */
export interface Background {
  /** Stops it, with all that it started, and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Starts a command in a process group of its own and waits until `url` answers 200.
 *
 * @throws {Error} when it ends, or `timeoutMs` pass, before that; nothing is left running then
 */
export async function startShell(
  command: string,
  cwd: string,
  environment: NodeJS.ProcessEnv,
  url: string,
  timeoutMs = 300_000,
): Promise<Background> {
  process.stdout.write(`$ ${command} &\n`);
  const child = spawn('bash', ['-euo', 'pipefail', '-c', command], {
    cwd,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const running = { stop: () => stopGroup(child) };
  const deadline = Date.now() + timeoutMs;
  while (!(await answers(url))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      await running.stop();
      throw new Error(`ended before it answered: ${command}`);
    }
    if (Date.now() > deadline) {
      await running.stop();
      throw new Error(`did not answer at ${url} within ${timeoutMs} ms: ${command}`);
    }
    await sleep(100);
  }
  return running;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).status === 200;
  } catch {
    return false;
  }
}

/** npx and shells end before what they started: the end of the whole group counts. */
async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!signalGroup(child.pid, signal)) return;
    for (let waited = 0; waited < 15_000; waited += 50) {
      await sleep(50);
      if (!signalGroup(child.pid, 0)) return;
    }
    process.stdout.write(`still running 15 s after ${signal}\n`);
  }
}

/** False where no process of the group is left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/** A port of the loopback address that nobody listens on; `wanted` if it is free. */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.on('error', (error) => (wanted === 0 ? fail(error) : done(freePort())));
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address !== null ? done(address.port) : fail(address),
      );
    });
  });
}
