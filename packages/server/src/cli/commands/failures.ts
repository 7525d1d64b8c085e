import { type Command, Option } from 'commander';
import type { failuresView } from '../../services/views.ts';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption } from '../options.ts';
import { printable } from '../printable.ts';
import { listFooter, readList } from '../read-list.ts';
import { relativeTime } from '../readable.ts';
import { countCell, stateCell } from '../shown-state.ts';
import { tableLines } from '../table.ts';

type FailingDevice = ReturnType<typeof failuresView>;

/** Adds `pisync failures`. */
export function addFailures(program: Command, runner: Runner): void {
  program
    .command('failures')
    .summary('list devices that fail again and again')
    .description('List devices with more failures than the threshold, worst first.')
    .addOption(
      new Option('--threshold <number>', 'list devices with more failures than this')
        .argParser(integerOption(0, 1_000_000))
        .default(3),
    )
    .addOption(
      new Option('--mode <mode>', 'count all failures, or those since the newest success')
        .choices(['total', 'consecutive'])
        .default('total'),
    )
    .addOption(
      new Option('--limit <number>', 'most devices to list')
        .argParser(integerOption(1, 1_000_000))
        .default(50),
    )
    .addHelpText(
      'after',
      examples([
        ['pisync failures', 'more than 3 failures ever'],
        ['pisync failures --mode consecutive --threshold 9', 'ten or more in a row, right now'],
        ['pisync failures --json', 'for programs'],
      ]),
    )
    .action(runner(failures));
}

async function failures({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  const { threshold, mode, limit } = command.opts<{ threshold: number; mode: string; limit: number }>();
  const client = new ApiClient(url);
  try {
    const list = await readList<FailingDevice>(
      client,
      '/api/devices/repeated-failures',
      { threshold, mode },
      limit,
    );
    if (terminal.json) {
      terminal.result(list);
      return exitCodes.ok;
    }
    if (list.items.length === 0) {
      const kind = mode === 'total' ? 'failures' : 'failures in a row';
      terminal.note(`No device has more than ${threshold} ${kind}.`);
      return exitCodes.ok;
    }
    const now = Date.now();
    const columns = [
      { title: 'DEVICE' },
      { title: 'STATE' },
      { title: 'FAILURES', right: true },
      { title: 'IN A ROW', right: true },
      { title: 'FAILING SINCE' },
      { title: 'LAST FAILURE' },
      { title: 'LAST SUCCESS' },
    ];
    for (const line of tableLines(
      columns,
      list.items.map((device) => row(device, now)),
      terminal,
    ))
      terminal.line(line);
    listFooter(list, 'devices', terminal);
    return exitCodes.ok;
  } finally {
    client.close();
  }
}

function row(device: FailingDevice, now: number) {
  const { last_failure: failure } = device;
  const last =
    failure === null
      ? ''
      : `${relativeTime(failure.timestamp, now)}, ${printable(failure.sync_status)} with ${failure.total_errors} errors`;
  return [
    printable(device.device_id),
    stateCell(device.status),
    countCell(device.total_failures, 'warning'),
    countCell(device.consecutive_failures, 'bad'),
    device.failing_since === null ? '' : relativeTime(device.failing_since, now),
    last,
    relativeTime(device.last_success_at, now),
  ];
}
