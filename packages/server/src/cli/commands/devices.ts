import { type Command, Option } from 'commander';
import { deviceStates } from '../../ports/store.ts';
import type { deviceView } from '../../services/views.ts';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption } from '../options.ts';
import { printable } from '../printable.ts';
import { listFooter, readList } from '../read-list.ts';
import { count, relativeTime } from '../readable.ts';
import { countCell, stateCell } from '../shown-state.ts';
import { tableLines } from '../table.ts';

type Device = ReturnType<typeof deviceView>;

const sorts = ['device_id', 'last_seen', 'consecutive_failures', 'total_failures', 'syncs'] as const;

/** Adds `pisync devices`. */
export function addDevices(program: Command, runner: Runner): void {
  program
    .command('devices')
    .summary('list devices with their state')
    .description('List devices with their state, failures and when they were last heard from.')
    .option('--search <text>', 'only devices whose id contains this text')
    .addOption(new Option('--status <status>', 'only devices in this state').choices(deviceStates))
    .addOption(new Option('--sort <field>', 'order of the list').choices(sorts).default('device_id'))
    .option('--reverse', 'turn the order round: greatest first')
    .addOption(
      new Option('--limit <number>', 'most devices to list')
        .argParser(integerOption(1, 1_000_000))
        .default(50),
    )
    .addHelpText(
      'after',
      examples([
        ['pisync devices', 'the first 50'],
        ['pisync devices --status failing --sort consecutive_failures --reverse', 'the worst first'],
        ['pisync devices --search pi-00 --limit 1000 --json', 'for programs'],
      ]),
    )
    .action(runner(devices));
}

interface DevicesOptions {
  readonly search?: string;
  readonly status?: string;
  readonly sort: string;
  readonly reverse?: boolean;
  readonly limit: number;
}

async function devices({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  const { search, status, sort, reverse, limit } = command.opts<DevicesOptions>();
  const client = new ApiClient(url);
  try {
    const parameters = { search, status, sort, order: reverse === true ? 'desc' : 'asc' };
    const list = await readList<Device>(client, '/api/devices', parameters, limit);
    if (terminal.json) {
      terminal.result(list);
      return exitCodes.ok;
    }
    if (list.items.length === 0) {
      terminal.note('No devices match. A device appears with the first event that it sends.');
      return exitCodes.ok;
    }
    const now = Date.now();
    const rows = list.items.map((device) => row(device, now));
    const columns = [
      { title: 'DEVICE' },
      { title: 'STATE' },
      { title: 'IN A ROW', right: true },
      { title: 'FAILURES', right: true },
      { title: 'SYNCS', right: true },
      { title: 'LAST SYNC' },
      { title: 'LAST SEEN' },
    ];
    for (const line of tableLines(columns, rows, terminal)) terminal.line(line);
    listFooter(list, 'devices', terminal);
    return exitCodes.ok;
  } finally {
    client.close();
  }
}

function row(device: Device, now: number) {
  return [
    printable(device.device_id),
    stateCell(device.status),
    countCell(device.consecutive_failures, 'bad'),
    countCell(device.total_failures, 'warning'),
    count(device.totals.syncs),
    device.last_sync === null ? '-' : relativeTime(device.last_sync.timestamp, now),
    relativeTime(device.last_seen_at, now),
  ];
}
