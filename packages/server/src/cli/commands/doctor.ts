import { PisyncError } from '@pisync/protocol';
import { type Command, Option } from 'commander';
import { isLoopback } from '../../config/exposure.ts';
import type { Finding } from '../../ports/store.ts';
import { ApiClient } from '../client.ts';
import { loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { checkServer } from '../doctor/check-server.ts';
import { checkStore } from '../doctor/check-store.ts';
import { checkSurroundings } from '../doctor/check-surroundings.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';

/** Adds `pisync doctor`. */
export function addDoctor(program: Command, runner: Runner): void {
  program
    .command('doctor')
    .summary('look for what is wrong with a server or a store')
    .description(
      'Probe a running server, or with --offline read and verify a whole store that no server holds open, and the database it lies on. Changes nothing but what every start does: tables of an older version are brought up to date, where that is quick.',
    )
    .option('--offline', 'verify the store of this configuration instead of a server')
    .option('--config <file>', 'read settings from a JSON file (PISYNC_CONFIG)')
    .addOption(new Option('--store <url>', 'verify this store; implies --offline'))
    .option('--quick', 'with --store or --offline: leave out the check of all that is stored')
    .addHelpText(
      'after',
      `
Exit code 1 when a finding is an error, 3 when no server answers, 4 when the store cannot be opened.
A full check reads everything: minutes for many millions.
${examples([
  ['pisync doctor', 'probe the server on this machine'],
  ['pisync doctor --url https://pisync.example.org', 'probe another'],
  ['pisync doctor --store sqlite:./data/pisync.db', 'verify a store while no server runs'],
  [
    'pisync doctor --store postgres://pi@db/pisync --quick',
    'look at a database, also beside running servers',
  ],
])}`,
    )
    .action(runner(doctor));
}

async function doctor(context: CliContext, command: Command): Promise<ExitCode> {
  const { offline, store, quick } = command.opts<{ offline?: boolean; store?: string; quick?: boolean }>();
  const { config } = loadFromCommand(command, context.environment);
  const atStore = offline === true || store !== undefined;
  // The disk of this machine says nothing about a server elsewhere.
  const here = atStore || isLoopback(URL.parse(context.url)?.hostname ?? '');
  const findings: Finding[] = [...checkSurroundings(here ? config : undefined)];
  if (atStore) {
    findings.push(...(await checkStore(config, quick === true)));
  } else {
    const client = new ApiClient(context.url, { timeoutMs: 5_000 });
    try {
      findings.push(...(await checkServer(client)));
    } catch (error) {
      if (!(error instanceof PisyncError) || error.code !== 'server_unreachable') throw error;
      report([...findings, { severity: 'error', check: 'reachable', detail: error.message }], context);
      return exitCodes.unreachable;
    } finally {
      client.close();
    }
  }
  return report(findings, context);
}

const marks = {
  ok: { text: 'ok', style: 'good' },
  warning: { text: 'warning', style: 'warning' },
  error: { text: 'ERROR', style: 'bad' },
} as const;

function report(findings: readonly Finding[], { terminal }: CliContext): ExitCode {
  const healthy = findings.every(({ severity }) => severity !== 'error');
  if (terminal.json) {
    terminal.result({ healthy, findings });
  } else {
    const rows = findings.map(({ severity, check, detail }) => [
      marks[severity],
      printable(check),
      printable(detail),
    ]);
    const lines = tableLines([{ title: '' }, { title: 'CHECK' }, { title: 'FOUND' }], rows, terminal);
    for (const line of lines) terminal.line(line);
  }
  return healthy ? exitCodes.ok : exitCodes.failed;
}
