import { PisyncError } from '@pisync/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption, numberOption, shareOption, timeOption } from '../options.ts';
import type { FleetPlan } from '../simulate/fleet.ts';
import { LedgerFile } from '../simulate/ledger-file.ts';
import { printProgress, printReport, reportJson } from '../simulate/report.ts';
import { FleetRun } from '../simulate/run-fleet.ts';
import { compareSums, readFleetSums, type Verification } from '../simulate/verify.ts';
import { onStopSignal } from '../stop-signal.ts';

/** Options of `pisync simulate`, as parsed. */
interface SimulateOptions {
  readonly devices: number;
  readonly events?: number;
  readonly duration?: number;
  readonly rate: number;
  readonly batch: number;
  readonly concurrency: number;
  readonly failures: number;
  readonly clockFaults: number;
  readonly duplicates: number;
  readonly shuffle: number;
  readonly backlog: number;
  readonly history: number;
  readonly seed: string;
  readonly start?: number;
  readonly verify: boolean;
  readonly ledger?: string;
}

/** Adds `pisync simulate`. */
export function addSimulate(program: Command, runner: Runner): void {
  const command = program
    .command('simulate')
    .summary('send the events of a simulated fleet')
    .description('Send the events of a simulated fleet to a running server, over its public HTTP API.');
  addFleetOptions(command);
  addLoadOptions(command)
    .addHelpText(
      'after',
      `
The same seed gives the same devices with the same habits. Run again, it brings new events of these
devices; with the same options and --start, it repeats itself byte for byte, and the server answers
duplicate to everything. Exit code 1 if anything was refused, lost or, with --verify, not held.
${examples([
  ['pisync simulate', '1,000 events of 100 devices, 100 a second'],
  ['pisync simulate --duration 60 --rate 50', 'for a minute'],
  ['pisync simulate --events 100000 --rate 0 --batch 500 --verify', 'as fast as possible, then check'],
  ['pisync simulate --clock-faults 0.2 --duplicates 0.1 --shuffle 1000', 'a fleet with bad luck'],
])}`,
    )
    .action(runner(simulate));
}

function addFleetOptions(command: Command): void {
  const group = 'Fleet:';
  const option = (flags: string, help: string): Option => new Option(flags, help).helpGroup(group);
  command
    .addOption(
      option('--devices <number>', 'devices in the fleet')
        .argParser(integerOption(1, 1_000_000))
        .default(100),
    )
    .addOption(option('--seed <text>', 'names the fleet').argParser(seedOption).default('1'))
    .addOption(
      option('--failures <share>', 'share of syncs that fail, 0 to 1').argParser(shareOption).default(0.08),
    )
    .addOption(
      option(
        '--clock-faults <share>',
        'devices whose clock says 1970, weeks back, a year ahead, or jumps back',
      )
        .argParser(shareOption)
        .default(0),
    )
    .addOption(option('--duplicates <share>', 'events that are sent twice').argParser(shareOption).default(0))
    .addOption(
      option('--shuffle <number>', 'mix the order among so many events')
        .argParser(integerOption(0, 1_000_000))
        .default(0),
    )
    .addOption(
      option('--backlog <share>', 'visits that bring up to 48 events from hours offline')
        .argParser(shareOption)
        .default(0),
    )
    .addOption(
      option('--history <hours>', 'spread the times over so many past hours')
        .argParser(numberOption(0, 8_760))
        .default(0),
    )
    .addOption(
      option('--start <time>', 'time of the first event, RFC 3339; default: now').argParser(timeOption),
    );
}

function addLoadOptions(command: Command): Command {
  const group = 'Load:';
  const option = (flags: string, help: string): Option => new Option(flags, help).helpGroup(group);
  return command
    .addOption(
      option(
        '--events <number>',
        'distinct events to send; default: 1000, or no limit with --duration',
      ).argParser(integerOption(1, 1_000_000_000)),
    )
    .addOption(
      option('--duration <seconds>', 'stop after this time').argParser(numberOption(0.001, 31_536_000)),
    )
    .addOption(
      option('--rate <number>', 'events a second; 0: as fast as the server answers')
        .argParser(numberOption(0, 1e7))
        .default(100),
    )
    .addOption(
      option('--batch <number>', 'events in a request; 1: single POSTs')
        .argParser(integerOption(1, 10_000))
        .default(1),
    )
    .addOption(
      option('--concurrency <number>', 'requests under way at once')
        .argParser(integerOption(1, 4_096))
        .default(16),
    )
    .addOption(
      option('--verify', 'read the totals back and compare them with what was acknowledged').default(false),
    )
    .addOption(
      option('--ledger <file>', 'write down every acknowledged event, for: pisync verify --ledger <file>'),
    );
}

async function simulate(context: CliContext, command: Command): Promise<ExitCode> {
  const { terminal } = context;
  const options = command.opts<SimulateOptions>();
  const client = new ApiClient(context.url, { connections: options.concurrency });
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  let ledgerFile: LedgerFile | undefined;
  try {
    // Also tells at once where there is no server, instead of a thousand retries.
    await client.ask('GET', '/livez');
    const before = options.verify ? await readFleetSums(client, options.seed) : undefined;
    if (options.ledger !== undefined) ledgerFile = new LedgerFile(options.ledger);
    const run = new FleetRun({
      client,
      ledgerFile,
      plan: planOf(options, Date.now()),
      batch: options.batch,
      concurrency: options.concurrency,
      ratePerSecond: options.rate,
      durationMs: (options.duration ?? 0) * 1_000,
      signal: stop.signal,
    });
    const ticker = setInterval(() => printProgress(run.progress(), terminal), terminal.live ? 250 : 5_000);
    const report = await run.run().finally(() => clearInterval(ticker));
    const verification =
      before === undefined
        ? undefined
        : compareSums(
            options.seed,
            options.devices,
            run.ledger,
            before,
            await readFleetSums(client, options.seed),
          );
    if (terminal.json) terminal.result(reportJson(report, verification));
    else printReport(report, verification, terminal);
    return isClean(report, verification) ? exitCodes.ok : exitCodes.failed;
  } finally {
    ledgerFile?.close();
    client.close();
  }
}

function isClean(
  report: { readonly errors: number; readonly rejected: number; readonly conflict: number },
  verification: Verification | undefined,
): boolean {
  return report.errors + report.rejected + report.conflict === 0 && (verification?.different ?? 0) === 0;
}

/** The plan that the options ask for. */
function planOf(options: SimulateOptions, now: number): FleetPlan {
  const { rate, history } = options;
  const events = options.events ?? (options.duration === undefined ? 1_000 : Number.POSITIVE_INFINITY);
  // Without a rate the true pace is unknown beforehand, and a plan may not depend on it: the times stand close.
  const paceMs = rate > 0 ? 1_000 / rate : 0.001;
  const spanMs = history * 3_600_000;
  if (spanMs > 0 && !Number.isFinite(events)) {
    throw new PisyncError('invalid_config', {
      detail: '--history needs --events: so many events share the hours.',
      field: 'history',
    });
  }
  return {
    seed: options.seed,
    devices: options.devices,
    events,
    startMs: options.start ?? now - spanMs,
    stepMs: spanMs > 0 ? spanMs / events : paceMs,
    failures: options.failures,
    clockFaults: options.clockFaults,
    duplicates: options.duplicates,
    shuffle: options.shuffle,
    backlog: options.backlog,
  };
}

function seedOption(text: string): string {
  if (/^[A-Za-z0-9._-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError('It becomes part of device ids: 1 to 32 letters, digits and . _ -');
}
