import { statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { copyProgress, printCopyReport } from '../backup/copy-report.ts';
import { loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { onStopSignal } from '../stop-signal.ts';

/** Adds `pisync backup`. */
export function addBackup(program: Command, runner: Runner): void {
  program
    .command('backup')
    .argument('<to>', 'file to write, or a folder (ends with /) for a file that is named by the time')
    .summary('copy a store into a file, while its server runs')
    .description(
      'Copy the store of this machine into one file, also while a server has it open and commits. Everything that was acknowledged before the command began is in it. The copy is read and checked from end to end before it gets its name.',
    )
    .option('--config <file>', 'read settings from a JSON file (PISYNC_CONFIG)')
    .addOption(
      new Option('--store <url>', 'the store to copy, sqlite:PATH; default: that of the configuration'),
    )
    .option('--force', 'write over a file that exists')
    .addHelpText(
      'after',
      `
Exit code 4 when the copy could not be written or is not sound: then nothing of it is left.
Put a backup back with: pisync restore FILE --store sqlite:PATH
${examples([
  ['pisync backup /backups/', 'write /backups/pisync-TIME.db'],
  ['pisync backup fleet.db --store sqlite:./data/pisync.db', 'a store and a file by name'],
  ['pisync backup /backups/last.db --force --json', 'every night, for programs'],
])}`,
    )
    .action(runner(backup));
}

async function backup({ terminal, environment }: CliContext, command: Command): Promise<ExitCode> {
  const { config } = loadFromCommand(command, environment);
  const { force = false } = command.opts<{ force?: boolean }>();
  const started = performance.now();
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  // The server that takes the events of the fleet goes first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const { backupStore } = await import('../../adapters/registry.ts');
  try {
    const report = await backupStore(config.store, fileAt(command.args[0] as string, new Date()), {
      force,
      signal: stop.signal,
      onProgress: await copyProgress(terminal),
    });
    printCopyReport(report, 'written', performance.now() - started, terminal);
    return exitCodes.ok;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.note('Stopped; nothing was written.');
    return exitCodes.failed;
  }
}

/** A file with the time in its name, where a folder was given, also one that is yet to be made. */
function fileAt(to: string, now: Date): string {
  if (!to.endsWith('/') && statSync(to, { throwIfNoEntry: false })?.isDirectory() !== true) return to;
  return join(to, `pisync-${now.toISOString().slice(0, 19).replaceAll(':', '')}Z.db`);
}
