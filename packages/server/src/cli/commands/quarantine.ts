import { readFileSync } from 'node:fs';
import { PisyncError, parseJson } from '@pisync/protocol';
import { type Command, Option } from 'commander';
import { lineSource } from '../../services/ingest/rejection.ts';
import type { ReplayReceipt } from '../../services/quarantine.ts';
import type { quarantineView } from '../../services/views.ts';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption } from '../options.ts';
import { printable } from '../printable.ts';
import { listFooter, readList } from '../read-list.ts';
import { count, relativeTime } from '../readable.ts';
import { pairLines, tableLines } from '../table.ts';

type Item = ReturnType<typeof quarantineView>;

/** What the server tells of an item that left the quarantine. */
interface Replayed {
  readonly kind: ReplayReceipt['kind'];
  readonly result: string;
  readonly device_id: string;
  readonly points?: number;
}

const kindNames: Readonly<Record<Replayed['kind'], string>> = {
  sync_event: 'a sync event',
  detection: 'a detection',
  telemetry: 'telemetry',
};

const itemId = integerOption(0, Number.MAX_SAFE_INTEGER);

/** Adds `pisync quarantine` with its four commands. */
export function addQuarantine(program: Command, runner: Runner): void {
  const quarantine = program
    .command('quarantine')
    .summary('look after items that were rejected')
    .description(
      'Look after items that were rejected: each was kept as it was sent, until it is replayed or discarded.',
    )
    .addHelpText(
      'after',
      examples([
        ['pisync quarantine list', 'what waits, newest first'],
        ['pisync quarantine show 17', 'one item, as it was sent'],
        ['pisync quarantine replay 17', 'try again, after an update of the server'],
        ['pisync quarantine replay 17 --with fixed.json', 'store this corrected item in its place'],
        ['pisync quarantine replay 18 --with fixed.txt', 'the same of a line of line protocol'],
        ['pisync quarantine discard 17', 'throw it away for good'],
      ]),
    );
  addList(quarantine, runner);
  quarantine
    .command('show')
    .argument('<id>', 'number of the item', itemId)
    .description('Show one item as it was sent.')
    .addHelpText('after', examples([['pisync quarantine show 17', 'with what was wrong']]))
    .action(runner(show));
  quarantine
    .command('replay')
    .argument('<id>', 'number of the item', itemId)
    .option(
      '--with <file>',
      'store what is in this file in its place: a JSON object, or a line of line protocol; - reads standard input',
    )
    .description(
      'Try an item again, whatever it is: a sync event, a detection, telemetry or a line of line protocol. It leaves the quarantine ' +
        'when it is stored; otherwise it stays, with exit code 1.',
    )
    .addHelpText(
      'after',
      examples([['pisync quarantine replay 17 --with fixed.json', 'with a corrected item']]),
    )
    .action(runner(replay));
  quarantine
    .command('discard')
    .argument('<id>', 'number of the item', itemId)
    .description('Throw an item away for good.')
    .addHelpText('after', examples([['pisync quarantine discard 17', 'there is no way back']]))
    .action(runner(discard));
}

function addList(quarantine: Command, runner: Runner): void {
  quarantine
    .command('list')
    .option('--device <id>', 'only items of this device')
    .option('--code <code>', 'only items with this problem, such as missing_field')
    .addOption(
      new Option('--limit <number>', 'most items to list').argParser(integerOption(1, 1_000_000)).default(50),
    )
    .description('List rejected items, newest first.')
    .addHelpText('after', examples([['pisync quarantine list --device pi-0001', 'of one device']]))
    .action(runner(list));
}

async function list({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  const { device, code, limit } = command.opts<{ device?: string; code?: string; limit: number }>();
  return withClient(url, async (client) => {
    const found = await readList<Item>(client, '/api/quarantine', { device_id: device, code }, limit);
    if (terminal.json) {
      terminal.result(found);
      return exitCodes.ok;
    }
    if (found.items.length === 0) {
      terminal.note('The quarantine is empty: nothing was rejected.');
      return exitCodes.ok;
    }
    const now = Date.now();
    const rows = found.items.map((item) => [
      String(item.id),
      relativeTime(item.last_received_at, now),
      count(item.count),
      item.device_id === null ? '' : printable(item.device_id, 40),
      printable(item.code),
      printable(item.detail, 100),
    ]);
    const columns = [
      { title: 'ID', right: true },
      { title: 'RECEIVED' },
      { title: 'TIMES', right: true },
      { title: 'DEVICE' },
      { title: 'CODE' },
      { title: 'PROBLEM' },
    ];
    for (const line of tableLines(columns, rows, terminal)) terminal.line(line);
    listFooter(found, 'items', terminal);
    return exitCodes.ok;
  });
}

async function show({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  return withClient(url, async (client) => {
    const item = await client.ask<Item>('GET', `/api/quarantine/${command.processedArgs[0]}`);
    if (terminal.json) {
      terminal.result(item);
      return exitCodes.ok;
    }
    const pairs: [string, string][] = [
      ['id', String(item.id)],
      ['device', item.device_id === null ? 'not readable' : printable(item.device_id)],
      ['problem', `${printable(item.code)}: ${printable(item.detail)}`],
      ['field', item.field === null ? '' : printable(item.field)],
      ['came by', printable(item.source)],
      [
        'received',
        `${printable(item.received_at)}, ${count(item.count)} times, last ${printable(item.last_received_at)}`,
      ],
      [
        'item',
        `${printable(item.raw, 8_192)}${item.truncated ? ' (cut: it can only be replayed with --with)' : ''}`,
      ],
    ];
    for (const line of pairLines(pairs, terminal)) terminal.line(line);
    return exitCodes.ok;
  });
}

async function replay({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  const file = command.opts<{ with?: string }>().with;
  const text = file === undefined ? undefined : readText(file);
  return withClient(url, async (client) => {
    const id = String(command.processedArgs[0]);
    let body: object | undefined;
    if (text !== undefined && file !== undefined) {
      const { source } = await client.ask<Item>('GET', `/api/quarantine/${id}`);
      const isLine = source.split(' ')[0] === lineSource;
      body = { item: isLine ? text : parseItem(text, file) };
    }
    const replayed = await client.ask<Replayed>('POST', `/api/quarantine/${id}/replay`, body);
    if (terminal.json) terminal.result(replayed);
    else
      terminal.line(
        `Item ${id} left the quarantine: ${printable(replayed.result)} (${described(replayed)}).`,
      );
    return exitCodes.ok;
  });
}

function described({ kind, points, device_id }: Replayed): string {
  const what = points === undefined ? '' : `, ${count(points)} ${points === 1 ? 'point' : 'points'}`;
  return `${kindNames[kind] ?? printable(kind)} of ${printable(device_id)}${what}`;
}

async function discard({ terminal, url }: CliContext, command: Command): Promise<ExitCode> {
  return withClient(url, async (client) => {
    const id = Number(command.processedArgs[0]);
    await client.ask('DELETE', `/api/quarantine/${id}`);
    if (terminal.json) terminal.result({ id, discarded: true });
    else terminal.line(`Item ${id} was thrown away.`);
    return exitCodes.ok;
  });
}

async function withClient(url: string, work: (client: ApiClient) => Promise<ExitCode>): Promise<ExitCode> {
  const client = new ApiClient(url);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw unreadable('an item', file, cause);
  }
}

function parseItem(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw unreadable('a JSON object', file, cause);
  }
}

function unreadable(what: string, file: string, cause: unknown): PisyncError {
  const detail = `Cannot read ${what} from ${file}: ${(cause as Error).message}.`;
  return new PisyncError('invalid_config', { detail, field: 'with', cause });
}
