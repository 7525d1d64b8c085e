import { type Command, Option } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption, numberOption } from '../options.ts';
import { count } from '../readable.ts';
import { type FleetPlan, fleetPrefix } from '../simulate/fleet.ts';
import { printProgress } from '../simulate/report.ts';
import { FleetRun, type RunOptions } from '../simulate/run-fleet.ts';
import { untilStopped } from '../stop-signal.ts';
import type { Terminal } from '../terminal.ts';
import { startServer } from './serve.ts';

interface DemoOptions {
  readonly port: number;
  readonly store: string;
  readonly devices: number;
  readonly rate: number;
}

/** Hours of history that the fleet brings with it. */
const pastHours = 48;
/** Syncs of one device in that time. */
const pastSyncs = 24;

/** Adds `pisync demo`. */
export function addDemo(program: Command, runner: Runner): void {
  const option = (flags: string, help: string): Option => new Option(flags, help);
  program
    .command('demo')
    .summary('a server with a lively simulated fleet')
    .description('Start a server with data of its own, and a simulated fleet that talks to it until Ctrl-C.')
    .addOption(
      option('--port <number>', 'port to listen on (PISYNC_PORT)')
        .argParser(integerOption(0, 65_535))
        .default(3000),
    )
    .addOption(
      option('--store <url>', 'where the demo keeps its data').default('sqlite:./data/demo/pisync.db'),
    )
    .addOption(
      option('--devices <number>', 'devices in the fleet').argParser(integerOption(1, 100_000)).default(300),
    )
    .addOption(option('--rate <number>', 'events a second').argParser(numberOption(0.1, 10_000)).default(10))
    .addHelpText(
      'after',
      `
The fleet brings two days of history, wrong clocks, repetitions and devices that were offline.
${examples([
  ['pisync demo', '300 devices on http://127.0.0.1:3000, data in ./data/demo'],
  ['pisync demo --port 8080 --devices 20', 'smaller, elsewhere'],
  ['pisync failures', 'in another terminal: which of them fail'],
])}`,
    )
    .action(runner(demo));
}

async function demo({ terminal, environment }: CliContext, command: Command): Promise<ExitCode> {
  const options = command.opts<DemoOptions>();
  const { config } = loadConfig({ flags: demoFlags(command, environment), environment });
  const running = await startServer(config, terminal);
  const client = new ApiClient(running.url, { connections: 16 });
  const stop = new AbortController();
  const fleet = simulateForever(client, options, stop.signal, (run) =>
    printProgress(run.progress(), terminal),
  );
  const close = async (): Promise<void> => {
    stop.abort();
    await fleet.catch(() => undefined);
    client.close();
    await running.close();
  };
  if (terminal.json)
    terminal.result({ event: 'ready', url: running.url, devices: options.devices, pid: process.pid });
  else printWelcome(terminal, running.url, options);
  try {
    // The fleet ends with the demo only; if it fails, so does the demo.
    await Promise.all([untilStopped(terminal, 'Stopping the fleet and the server.', close), fleet]);
  } catch (error) {
    await close();
    throw error;
  }
  return exitCodes.ok;
}

/** Settings of the demo's server: its own store, quiet, reached from this machine only. */
function demoFlags(command: Command, environment: CliContext['environment']): Record<string, string> {
  const { port, store } = command.opts<DemoOptions>();
  const flags: Record<string, string> = { host: '127.0.0.1', store };
  if (command.getOptionValueSource('port') === 'cli') flags['port'] = String(port);
  if (!environment['PISYNC_LOG_LEVEL']) flags['log_level'] = 'warn';
  return flags;
}

function printWelcome(terminal: Terminal, url: string, options: DemoOptions): void {
  const other = url === 'http://127.0.0.1:3000' ? '' : ` --url ${url}`;
  terminal.note(`
PiSync is ready at ${url}, and ${count(options.devices)} simulated devices talk to it.

  npx pisync devices --status failing${other}
  npx pisync failures${other}
  ${url}/api-docs

Ctrl-C stops both.
`);
}

/** First the past, as fast as it goes, unless it is there already; then the present, until the signal. */
async function simulateForever(
  client: ApiClient,
  options: DemoOptions,
  signal: AbortSignal,
  onProgress: (run: FleetRun) => void,
): Promise<void> {
  const habits = {
    seed: 'demo',
    devices: options.devices,
    failures: 0.1,
    clockFaults: 0.1,
    duplicates: 0.05,
  };
  const now = Date.now();
  const pastMs = pastHours * 3_600_000;
  const events = options.devices * pastSyncs;
  const past: FleetPlan = {
    ...habits,
    events,
    startMs: now - pastMs,
    stepMs: pastMs / events,
    shuffle: 500,
    backlog: 0,
  };
  const present: FleetPlan = {
    ...habits,
    events: Number.POSITIVE_INFINITY,
    startMs: now,
    stepMs: 1_000 / options.rate,
    shuffle: 20,
    backlog: 0.05,
  };
  const common = { client, durationMs: 0, signal };
  const known = await client.ask<{ total: number }>(
    'GET',
    `/api/devices?search=${fleetPrefix(habits.seed)}&limit=1`,
  );
  if (known.total === 0) {
    await watch({ ...common, plan: past, batch: 500, concurrency: 2, ratePerSecond: 0 }, onProgress);
  }
  await watch(
    { ...common, plan: present, batch: 1, concurrency: 8, ratePerSecond: options.rate },
    onProgress,
  );
}

async function watch(options: RunOptions, onProgress: (run: FleetRun) => void): Promise<void> {
  const run = new FleetRun(options);
  const ticker = setInterval(() => onProgress(run), 10_000);
  try {
    await run.run();
  } finally {
    clearInterval(ticker);
  }
}
