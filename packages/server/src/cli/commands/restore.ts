import { type Command, Option } from 'commander';
import { copyProgress, printCopyReport } from '../backup/copy-report.ts';
import { loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { onStopSignal } from '../stop-signal.ts';

/** Adds `pisync restore`. */
export function addRestore(program: Command, runner: Runner): void {
  program
    .command('restore')
    .argument('<from>', 'file that pisync backup wrote')
    .summary('put a backup in the place of a store')
    .description(
      'Put a backup in the place of the store of this machine, which no server may have open. The copy is checked from end to end before it takes the place.',
    )
    .option('--config <file>', 'read settings from a JSON file (PISYNC_CONFIG)')
    .addOption(
      new Option('--store <url>', 'where to put it, sqlite:PATH; default: the store of the configuration'),
    )
    .option('--force', 'set aside a store that is there as PATH.before-restore-TIME')
    .addHelpText(
      'after',
      `
Exit code 4 when a server has the store open, or when the backup is not sound: then nothing was changed.
${examples([
  ['pisync restore fleet.db --store sqlite:./data/pisync.db', 'where there is no store yet'],
  ['pisync restore fleet.db --store sqlite:./data/pisync.db --force', 'instead of the one that is there'],
])}`,
    )
    .action(runner(restore));
}

async function restore({ terminal, environment }: CliContext, command: Command): Promise<ExitCode> {
  const { config } = loadFromCommand(command, environment);
  const { force = false } = command.opts<{ force?: boolean }>();
  const started = performance.now();
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  const { restoreStore } = await import('../../adapters/registry.ts');
  try {
    const report = await restoreStore(command.args[0] as string, config.store, {
      force,
      signal: stop.signal,
      onProgress: await copyProgress(terminal),
    });
    printCopyReport(report, 'restored', performance.now() - started, terminal);
    return exitCodes.ok;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.note('Stopped; nothing was changed.');
    return exitCodes.failed;
  }
}
