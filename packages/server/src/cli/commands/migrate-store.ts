import { writeFileSync } from 'node:fs';
import { PisyncError } from '@pisync/protocol';
import type { Command } from 'commander';
import { isSame } from '../../services/migrate/move-report.ts';
import { compareMoved, type MovedStores, moveStore } from '../../services/migrate/store-move.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { moveProgress } from '../migrate/move-progress.ts';
import { moveMarkdown, printMove } from '../migrate/move-result.ts';
import { integerOption } from '../options.ts';
import { onStopSignal } from '../stop-signal.ts';

interface MoveFlags {
  readonly from: string;
  readonly to: string;
  readonly cutOver?: boolean;
  readonly verifyOnly?: boolean;
  readonly report?: string;
  readonly still: number;
}

/** Adds `pisync migrate-store`. */
export function addMigrateStore(program: Command, runner: Runner): void {
  program
    .command('migrate-store')
    .summary('move a fleet to another store, and back')
    .description(
      'Copy all that a store holds into an empty one, sqlite:PATH or postgres://…, in either direction, and compare both. The source is only read, and its server may go on meanwhile. May be stopped or killed at any moment: the same command goes on from there.',
    )
    .requiredOption('--from <url>', 'the store that is in use')
    .requiredOption('--to <url>', 'an empty store, or one that this command was filling')
    .option('--cut-over', 'end the move: the server of the source has been stopped')
    .option('--verify-only', 'change nothing: compare two stores, of which neither may be in use')
    .option('--report <file>', 'write what was done and compared as Markdown')
    .option(
      '--still <seconds>',
      'how long a source in PostgreSQL must not change to count as stopped',
      integerOption(1, 3600),
      3,
    )
    .addHelpText(
      'after',
      `
1. Run it without --cut-over while the fleet goes on: nearly all is copied and compared.
2. Stop the server. Run it again with --cut-over: what has come since is copied, all is compared, the target becomes a store.
3. Start the server with the new URL. The old store is as it was; the way back is the same with --from and --to exchanged.
Exit code 1 when the stores are not the same or the command was stopped, 4 when the source is still in use at the cut-over.
${examples([
  [
    'pisync migrate-store --from sqlite:./data/pisync.db --to postgres://pisync@db/fleet',
    'while the server runs',
  ],
  ['pisync migrate-store --from … --to … --cut-over --report move.md', 'after it was stopped'],
])}`,
    )
    .action(runner(migrateStore));
}

async function migrateStore({ terminal }: CliContext, command: Command): Promise<ExitCode> {
  const { from, to, cutOver = false, verifyOnly = false, report: file, still } = command.opts<MoveFlags>();
  if (from === to) {
    throw new PisyncError('invalid_config', { field: 'to', detail: 'Both URLs name the same store.' });
  }
  const started = performance.now();
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  const options = {
    cutOver,
    stillMs: still * 1000,
    signal: stop.signal,
    onProgress: await moveProgress(terminal),
  };
  const { openStoreSink, openStoreSource } = await import('../../adapters/registry.ts');
  const source = await openStoreSource(from);
  try {
    const report = verifyOnly
      ? await compareMoved(source, await openStoreSource(to), options)
      : await filling({ source, sink: await openStoreSink(to, source.shown) }, (stores) =>
          moveStore(stores, options),
        );
    const elapsed = performance.now() - started;
    if (file !== undefined) writeFileSync(file, moveMarkdown(report, elapsed, new Date()));
    printMove(report, elapsed, terminal);
    return isSame(report) && !report.sourceWentOn ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.note('Stopped. What was copied stays; the same command goes on from there.');
    return exitCodes.failed;
  } finally {
    await source.close();
  }
}

async function filling<T>(stores: MovedStores, work: (stores: MovedStores) => Promise<T>): Promise<T> {
  try {
    return await work(stores);
  } finally {
    await stores.sink.close();
  }
}
