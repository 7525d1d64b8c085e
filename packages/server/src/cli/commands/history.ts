import { syncStatuses } from '@pisync/protocol';
import { type Command, Option } from 'commander';
import type { syncView } from '../../services/views.ts';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption, timeOption } from '../options.ts';
import { printable } from '../printable.ts';
import { listFooter, readList } from '../read-list.ts';
import { byteSize, count, duration, relativeTime } from '../readable.ts';
import { countCell, statusCell } from '../shown-state.ts';
import { type Cell, tableLines } from '../table.ts';

type Sync = ReturnType<typeof syncView>;

/** Adds `pisync history`. */
export function addHistory(program: Command, runner: Runner): void {
  program
    .command('history')
    .argument('<device>', 'id of the device')
    .summary("list one device's syncs")
    .description("List one device's syncs, newest first. Exit code 1 for a device that never sent anything.")
    .addOption(new Option('--from <time>', 'only syncs at or after this time').argParser(timeOption))
    .addOption(new Option('--to <time>', 'only syncs before this time').argParser(timeOption))
    .addOption(new Option('--status <status>', 'only syncs with this outcome').choices(syncStatuses))
    .addOption(
      new Option('--limit <number>', 'most syncs to list').argParser(integerOption(1, 1_000_000)).default(20),
    )
    .addHelpText(
      'after',
      examples([
        ['pisync history pi-0001', 'the newest 20'],
        ['pisync history pi-0001 --status failed', 'only what went wrong'],
        ['pisync history pi-0001 --from 2026-11-01T00:00:00Z --limit 5000 --json', 'for programs'],
      ]),
    )
    .action(runner(history));
}

interface HistoryOptions {
  readonly from?: number;
  readonly to?: number;
  readonly status?: string;
  readonly limit: number;
}

async function history({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  const { from, to, status, limit } = command.opts<HistoryOptions>();
  const device = encodeURIComponent(command.args[0] ?? '');
  const client = new ApiClient(url);
  try {
    const list = await readList<Sync>(
      client,
      `/api/devices/${device}/sync-history`,
      { from, to, status },
      limit,
    );
    if (terminal.json) {
      terminal.result(list);
      return exitCodes.ok;
    }
    const now = Date.now();
    const columns = [
      { title: 'TIME (UTC)' },
      { title: '' },
      { title: 'OUTCOME' },
      { title: 'FILES', right: true },
      { title: 'ERRORS', right: true },
      { title: 'TOOK', right: true },
      { title: 'BYTES', right: true },
      { title: 'CLOCK' },
    ];
    const rows = list.items.map((sync) => row(sync, now));
    for (const line of tableLines(columns, rows, terminal)) terminal.line(line);
    if (rows.length === 0) terminal.note('No syncs match.');
    listFooter(list, 'syncs', terminal);
    return exitCodes.ok;
  } finally {
    client.close();
  }
}

function row(sync: Sync, now: number): (Cell | string)[] {
  return [
    printable(sync.timestamp),
    { text: relativeTime(sync.timestamp, now), style: 'quiet' },
    statusCell(sync.sync_status),
    count(sync.total_files_synced),
    countCell(sync.total_errors, 'bad'),
    sync.sync_duration_ms === null ? '' : duration(sync.sync_duration_ms),
    sync.bytes_synced === null ? '' : byteSize(sync.bytes_synced),
    clockCell(sync),
  ];
}

/** What a person should know about the time: only where it is not simply right. */
function clockCell({ clock_quality, device_time }: Sync): Cell {
  if (clock_quality === 'ok') return { text: '' };
  const said = device_time === null ? 'the device sent no time' : `the device said ${printable(device_time)}`;
  return { text: `${printable(clock_quality)}: ${said}`, style: 'quiet' };
}
