import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { PisyncError } from '@pisync/protocol';
import type { Command } from 'commander';
import { checkExposure } from '../../config/exposure.ts';
import type { Config } from '../../config/schema.ts';
import { storePath } from '../../config/store-place.ts';
import { redacted } from '../../config/value.ts';
import { addConfigFlags, loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import { untilStopped } from '../stop-signal.ts';
import type { Terminal } from '../terminal.ts';

const description = 'Start a server on this machine.';

/** Adds `pisync serve`. */
export function addServe(program: Command, runner: Runner): void {
  const command = program.command('serve').description(description).summary('start a server on this machine');
  addConfigFlags(command)
    .addHelpText(
      'after',
      `\nA setting comes from its flag, else from its environment name (--max-items: PISYNC_MAX_ITEMS),
else from the file (max_items), else from its default. pisync config shows what holds, and why.
Log lines go to stdout as JSON, words for people to stderr. SIGTERM or Ctrl-C finishes running
requests and stops; a second one stops at once.
${examples([
  ['pisync serve', 'listen on 127.0.0.1:3000, keep data in ./data'],
  ['pisync serve --port 8080 --store sqlite:/srv/pisync/pisync.db', 'elsewhere'],
  ['pisync serve --store postgres://pisync@db.example.org/pisync', 'keep everything in PostgreSQL'],
  ['pisync serve --store memory:', 'try it out: all is forgotten at exit'],
])}`,
    )
    .action(runner(serve));
}

async function serve(context: CliContext, command: Command): Promise<ExitCode> {
  const { terminal } = context;
  const { config } = loadFromCommand(command, context.environment);
  const running = await startServer(config, terminal);
  // It listens for signals before it says that it is ready: whoever reads that may stop it at once.
  const stopped = untilStopped(
    terminal,
    'Stopping: running requests may finish. Ctrl-C again stops at once.',
    () => running.close(),
  );
  printReady(terminal, config, running.url);
  await stopped;
  if (!terminal.json)
    terminal.note(
      `Stopped.${storePath(config.store) === null ? '' : ' What was acknowledged is in the store.'}`,
    );
  return exitCodes.ok;
}

/** A server in this process. */
export interface StartedServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Makes the data folder, starts the server and prints its warnings.
 *
 * @throws {PisyncError} `unsafe_config`, `invalid_config` for a port or a folder that cannot be used, and what
 * opening the store throws
 */
export async function startServer(config: Config, terminal: Terminal): Promise<StartedServer> {
  // Refused before a folder is made; its warnings come back in the notes.
  checkExposure(config);
  createDataFolder(config);
  // Loaded on first use: `pisync --help` should not wait for a web server.
  const { startAll } = await import('../../roles/all.ts');
  try {
    const running = await startAll(config);
    for (const note of running.notes)
      terminal.note(terminal.paintNote('warning', `Warning: ${printable(note)}`));
    return running;
  } catch (error) {
    throw explained(error, config);
  }
}

function createDataFolder(config: Config): void {
  const path = storePath(config.store);
  if (path === null) return;
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    const detail = `Cannot create the data folder ${dirname(path)}: ${(cause as Error).message}. Choose another with --store sqlite:PATH.`;
    throw new PisyncError('invalid_config', { detail, field: 'store', cause });
  }
}

/** What can go wrong with an address, with the way out. */
function explained(error: unknown, config: Config): unknown {
  const place = `${config.host}:${config.port}`;
  const details: Record<string, string> = {
    EADDRINUSE: `Port ${config.port} on ${config.host} is taken. Perhaps PiSync runs already (pisync doctor tells); else choose another: --port ${config.port + 1}.`,
    EACCES: `No permission to listen on ${place}. Ports below 1024 need one; choose another, such as --port 3000.`,
    EADDRNOTAVAIL: `${config.host} is not an address of this machine. Use --host 127.0.0.1.`,
    ENOTFOUND: `The host name ${config.host} is not known. Use --host 127.0.0.1.`,
  };
  let cause: unknown = error;
  for (let depth = 0; depth < 4 && cause instanceof Error; depth += 1) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    const detail = code === undefined ? undefined : details[code];
    const fromListening = syscall === 'listen' || syscall === 'bind' || syscall === 'getaddrinfo';
    if (detail !== undefined && fromListening) {
      return new PisyncError('invalid_config', {
        detail,
        field: code === 'EADDRINUSE' ? 'port' : 'host',
        cause: error,
      });
    }
    cause = cause.cause;
  }
  return error;
}

/** Where the data of a store without a file is; never with a password. */
function shownStore(url: string): string {
  if (url.startsWith('memory:')) return 'in memory only: all is forgotten when this process ends';
  return String(redacted('store', url));
}

function printReady(terminal: Terminal, config: Config, url: string): void {
  const path = storePath(config.store);
  if (terminal.json) {
    terminal.result({ event: 'ready', url, store: redacted('store', config.store), pid: process.pid });
    return;
  }
  const data = path ?? shownStore(config.store);
  const other = url === 'http://127.0.0.1:3000' ? '' : ` --url ${url}`;
  const command = (text: string): string => terminal.paintNote('command', text);
  terminal.note(`
${terminal.paintNote('good', 'PiSync is ready')} at ${terminal.paintNote('title', url)}

  Data          ${data}
  API explorer  ${url}/api-docs

Send a first event from another terminal:

  ${command(`curl -X POST ${url}/api/sync-event \\
    -H 'content-type: application/json' \\
    -d '{"device_id":"pi-0001","total_files_synced":42,"total_errors":0}'`)}

Then look at it:

  ${command(`npx pisync devices${other}`)}
  ${command(`npx pisync history pi-0001${other}`)}

Ctrl-C stops the server.
`);
}
