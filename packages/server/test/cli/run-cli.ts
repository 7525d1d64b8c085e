import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Time in which an awaited text must appear, milliseconds. */
const patienceMs = 60_000;

/** The command as it is published and linked. */
export const cliPath = fileURLToPath(new URL('../../bin/pisync.js', import.meta.url));

/** A test that failed half-way leaves its server running, which would keep the test process alive for ever. */
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** What a finished command left. */
export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningCli {
  readonly child: ChildProcess;
  /** Text of stdout so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when the text appears on either stream; fails when the command ends before. */
  until(text: string | RegExp): Promise<void>;
  readonly ended: Promise<CliResult>;
}

/** Environment without settings of the machine that runs the tests. */
function cleanEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !/^(PISYNC_|NO_COLOR|FORCE_COLOR|NODE_TEST_CONTEXT)/.test(name),
  ) as [string, string][];
  return { ...Object.fromEntries(own), ...extra };
}

/** Starts `pisync` with these words. */
export function startCli(
  words: readonly string[],
  options: { readonly environment?: Readonly<Record<string, string>>; readonly folder?: string } = {},
): RunningCli {
  const child = spawn(process.execPath, [cliPath, ...words], {
    env: cleanEnvironment(options.environment ?? {}),
    cwd: options.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]): CliResult => ({ code, signal, stdout, stderr }));
  const found = (text: string | RegExp): boolean =>
    typeof text === 'string' ? `${stdout}${stderr}`.includes(text) : text.test(`${stdout}${stderr}`);
  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    async until(text) {
      const deadline = AbortSignal.timeout(patienceMs);
      while (!found(text)) {
        if (child.exitCode !== null || child.signalCode !== null) await ended;
        if (found(text)) return;
        if (child.exitCode !== null || child.signalCode !== null || deadline.aborted) {
          throw new Error(`no ${String(text)} in: ${stdout}${stderr}`);
        }
        await setTimeout(20);
      }
    },
  };
}

/** Runs `pisync` to its end. */
export function runCli(
  words: readonly string[],
  options: Parameters<typeof startCli>[1] = {},
): Promise<CliResult> {
  return startCli(words, options).ended;
}
