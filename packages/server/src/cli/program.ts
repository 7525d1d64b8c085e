import { readFileSync } from 'node:fs';
import { PisyncError, parseJson } from '@pisync/protocol';
import { Command, CommanderError } from 'commander';
import { addBackup } from './commands/backup.ts';
import { addConfig } from './commands/config.ts';
import { addDemo } from './commands/demo.ts';
import { addDevices } from './commands/devices.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFailures } from './commands/failures.ts';
import { addHistory } from './commands/history.ts';
import { addImport } from './commands/import.ts';
import { addMigrateStore } from './commands/migrate-store.ts';
import { addQuarantine } from './commands/quarantine.ts';
import { addRestore } from './commands/restore.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { addTune } from './commands/tune.ts';
import { addVerify } from './commands/verify.ts';
import { type CliContext, type CommandRun, examples } from './context.ts';
import { type ExitCode, exitCodeHelp, exitCodeOf, exitCodes } from './exit-codes.ts';
import { printableLines } from './printable.ts';
import { addStore } from './store/add-store.ts';
import { type Output, Terminal } from './terminal.ts';

/** What the command line runs in. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where client commands look for a server. */
const defaultUrl = 'http://127.0.0.1:3000';

/**
 * Runs one command line, without the program's name.
 *
 * @returns the exit code; never throws for what a user or a server did wrong
 */
export async function runCommandLine(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const runner = (run: CommandRun) => {
    return async (...parameters: unknown[]): Promise<void> => {
      const command = parameters.at(-1) as Command;
      code = await run(contextOf(command, surroundings), command);
    };
  };
  const program = createProgram(words, surroundings, runner);
  try {
    await program.parseAsync(words as string[], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    printError(error, contextOf(program, surroundings).terminal);
    return exitCodeOf(error);
  }
}

function createProgram(
  words: readonly string[],
  surroundings: Surroundings,
  runner: (run: CommandRun) => () => Promise<void>,
): Command {
  const program = new Command('pisync')
    .description('Backend for fleets of offline-first Raspberry Pi devices.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .option('--json', 'print the result as JSON, for programs')
    .option('--no-color', 'print without colour; so does NO_COLOR=1')
    .option('--url <url>', `server that client commands talk to (PISYNC_URL, else ${defaultUrl})`)
    .exitOverride()
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
      outputError: (text, write) => write(usageError(text, surroundings, words.includes('--json'))),
    })
    .addHelpText('after', () => programHelp());
  program.commandsGroup('Server:');
  addServe(program, runner);
  addConfig(program, runner);
  addDoctor(program, runner);
  addTune(program, runner);
  addStore(program, runner);
  addBackup(program, runner);
  addRestore(program, runner);
  addMigrateStore(program, runner);
  addVerify(program, runner);
  program.commandsGroup('Fleet:');
  addDevices(program, runner);
  addHistory(program, runner);
  addFailures(program, runner);
  addQuarantine(program, runner);
  addImport(program, runner);
  program.commandsGroup('Try it out:');
  addDemo(program, runner);
  addSimulate(program, runner);
  return program;
}

function programHelp(): string {
  const first = examples([
    ['pisync serve', 'start a server on this machine'],
    ['pisync simulate --devices 100', 'send it the events of 100 devices'],
    ['pisync failures', 'see which devices fail again and again'],
    ['pisync help devices', 'learn about one command'],
  ]);
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
  const codes = names.map((name) => `  ${exitCodes[name]}  ${exitCodeHelp[name]}`).join('\n');
  return `${first}\nExit codes:\n${codes}\n`;
}

function contextOf(command: Command, surroundings: Surroundings): CliContext {
  const options = command.optsWithGlobals<{ json?: boolean; color?: boolean; url?: string }>();
  const { stdout, stderr, environment } = surroundings;
  const terminal = new Terminal({
    stdout,
    stderr,
    environment,
    json: options.json === true,
    color: options.color !== false,
  });
  const url = options.url || environment['PISYNC_URL'] || defaultUrl;
  return { terminal, environment, url: url.replace(/\/+$/, '') };
}

function printError(error: unknown, terminal: Terminal): void {
  const known = error instanceof PisyncError;
  const text = known ? error.message : ((error as Error | undefined)?.stack ?? String(error));
  if (terminal.json) {
    const field = known && error.field !== undefined ? { field: error.field } : {};
    terminal.note(
      JSON.stringify({ error: { code: known ? error.code : 'internal', detail: text, ...field } }),
    );
    return;
  }
  terminal.note(`${terminal.paintNote('bad', 'pisync:')} ${printableLines(text)}`);
}

/** What the parser found wrong, in the form of all other errors. */
function usageError(text: string, { stdout, stderr, environment }: Surroundings, json: boolean): string {
  const detail = text.replace(/^error: /, '').trim();
  if (json) return `${JSON.stringify({ error: { code: 'usage', detail } })}\n`;
  const terminal = new Terminal({ stdout, stderr, environment, json, color: true });
  return `${terminal.paintNote('bad', 'pisync:')} ${printableLines(detail)}\n`;
}

/** Version of this package. */
function version(): string {
  // Two folders up from src/cli and from dist/cli alike.
  const file = new URL('../../package.json', import.meta.url);
  return (parseJson(readFileSync(file, 'utf8')) as { version: string }).version;
}
