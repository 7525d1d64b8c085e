import { PisyncError } from '@pisync/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { StoreAdmin } from '../../ports/store-admin.ts';
import { loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption } from '../options.ts';
import { printMigration, printPolicies, printStatus, statementLine } from './store-report.ts';

/** Adds `pisync store` with its three commands. */
export function addStore(program: Command, runner: Runner): void {
  const store = program
    .command('store')
    .summary('look after the tables of a store')
    .description(
      'Look after the tables of the store of this machine or of a database, also while servers run.',
    )
    .addHelpText(
      'after',
      examples([
        ['pisync store status', 'its version, and how large its tables are'],
        ['pisync store migrate --dry-run', 'the SQL that would bring it up to date'],
        ['pisync store migrate', 'bring it up to date'],
        ['pisync store policies --set telemetry_retention=90', 'keep telemetry for 90 days'],
      ]),
    );
  addMigrate(store, runner);
  ofStore(store.command('status'))
    .summary('show version and size of the tables')
    .description(
      'Show the version of the tables and how large they are; rows are an estimate. A store in a file is read from end to end for it.',
    )
    .addHelpText('after', examples([['pisync store status --json', 'for programs']]))
    .action(runner(status));
  ofStore(store.command('policies'))
    .option('--set <name=value>', 'change a policy; may be given several times', pairOption)
    .summary('show and change what is kept for how long')
    .description(
      'Show the declared policies of a store in PostgreSQL, and change them. A running server does what they ask for within an hour.',
    )
    .addHelpText(
      'after',
      examples([
        ['pisync store policies', 'all policies'],
        ['pisync store policies --set events_retention=400', 'drop sync events after 400 days'],
        ['pisync store policies --set events_retention=off', 'keep them for ever'],
      ]),
    )
    .action(runner(policies));
}

function addMigrate(store: Command, runner: Runner): void {
  ofStore(store.command('migrate'))
    .addOption(
      new Option('--to <version>', 'version to arrive at; default: the newest').argParser(
        integerOption(0, 10_000),
      ),
    )
    .option('--dry-run', 'print the SQL and run nothing')
    .option('--down', 'go back, by one version unless --to names another')
    .option('--drop-data', 'allow steps down that remove what devices sent')
    .summary('bring the tables to the version of this PiSync')
    .description(
      'Bring the tables of a store to another version. A server does what is quick when it starts; long builds of indexes are left to this command, which does them while servers run. What was stopped is finished by the next call.',
    )
    .addHelpText(
      'after',
      examples([
        ['pisync store migrate --dry-run > plan.sql', 'read it first'],
        ['pisync store migrate --store postgres://pisync@db/fleet', 'a database by name'],
        ['pisync store migrate --down --to 1', 'make room for an older PiSync'],
      ]),
    )
    .action(runner(migrate));
}

function ofStore(command: Command): Command {
  return command
    .option('--config <file>', 'read settings from a JSON file (PISYNC_CONFIG)')
    .addOption(new Option('--store <url>', 'the store; default: that of the configuration'));
}

function pairOption(text: string, before: ReadonlyMap<string, string> | undefined): Map<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected NAME=VALUE, such as telemetry_retention=90.');
  return new Map(before).set(text.slice(0, at), text.slice(at + 1));
}

async function withAdmin(
  { environment }: CliContext,
  command: Command,
  work: (admin: StoreAdmin) => Promise<void>,
): Promise<ExitCode> {
  const { store = loadFromCommand(command, environment).config.store } = command.opts<{ store?: string }>();
  const { openStoreAdmin } = await import('../../adapters/registry.ts');
  const admin = await openStoreAdmin(store);
  try {
    await work(admin);
  } finally {
    await admin.close();
  }
  return exitCodes.ok;
}

interface MigrateOptions {
  readonly to?: number;
  readonly dryRun?: boolean;
  readonly down?: boolean;
  readonly dropData?: boolean;
}

async function migrate(context: CliContext, command: Command): Promise<ExitCode> {
  const { terminal } = context;
  const { to, dryRun = false, down = false, dropData = false } = command.opts<MigrateOptions>();
  if (dropData && !down) {
    throw new PisyncError('invalid_config', {
      field: 'drop-data',
      detail: '--drop-data goes with --down alone.',
    });
  }
  return withAdmin(context, command, async (admin) => {
    const report = await admin.migrate({
      to,
      down,
      dropData,
      dryRun,
      onStatement: (step, statement) => {
        if (!terminal.json && !dryRun) terminal.note(statementLine(step, statement));
      },
    });
    printMigration(report, dryRun, terminal);
  });
}

function status(context: CliContext, command: Command): Promise<ExitCode> {
  return withAdmin(context, command, async (admin) => printStatus(await admin.status(), context.terminal));
}

function policies(context: CliContext, command: Command): Promise<ExitCode> {
  const { set } = command.opts<{ set?: ReadonlyMap<string, string> }>();
  return withAdmin(context, command, async (admin) => {
    if (set !== undefined) await admin.setPolicies(set);
    printPolicies(await admin.policies(), context.terminal);
  });
}
