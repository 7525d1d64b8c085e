import { PisyncError } from '@pisync/protocol';
import { type Command, Option } from 'commander';
import type { Store, StorePolicy } from '../../ports/store.ts';
import { compareWithLedger } from '../../services/compare/compare-ledger.ts';
import { compareStores } from '../../services/compare/compare-stores.ts';
import type { ComparedKind } from '../../services/compare/digest-store.ts';
import { explainDifference } from '../../services/compare/explain-difference.ts';
import { loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { count } from '../readable.ts';
import { onStopSignal } from '../stop-signal.ts';
import type { Terminal } from '../terminal.ts';
import { readLedger } from '../verify/ledger-file.ts';
import { openExisting } from '../verify/open-existing.ts';
import {
  countsText,
  type ExplainedDifference,
  type ItemCounts,
  printLedgerComparison,
  printStoreComparison,
} from '../verify/verify-report.ts';

/** Differences that are told, and names in each. */
const TOLD = 20;
const NAMES = 3;
/** Time between two reports for a person who watches, and for one who does not, milliseconds. */
const REPAINT_MS = 250;
const NOTE_MS = 10_000;

interface VerifyOptions {
  readonly ledger?: string;
  readonly against?: string;
}

/** Adds `pisync verify`. */
export function addVerify(program: Command, runner: Runner): void {
  program
    .command('verify')
    .summary('compare a store with another one, or with a ledger')
    .description(
      'Compare all that a store holds with another store, or with what a client was told to be stored, and say what is missing, more or different. No server may have a store in SQLite open.',
    )
    .option('--config <file>', 'read settings from a JSON file (PISYNC_CONFIG)')
    .addOption(new Option('--store <url>', 'the store to look at; default: that of the configuration'))
    .addOption(new Option('--against <url>', 'the store that is right'))
    .addOption(
      new Option('--ledger <file>', 'what pisync simulate --ledger wrote, or another client').conflicts(
        'against',
      ),
    )
    .addHelpText(
      'after',
      `
Two stores are compared by device and day: of events, of each series of telemetry and of detections, the number and a
digest of all that they say. The quarantine is not compared. Events of other clients are no fault in a ledger's eyes.
Exit code 1 when anything is missing or different, or with --against more.
${examples([
  ['pisync verify --store sqlite:./restored.db --against sqlite:./data/pisync.db', 'a restored store'],
  ['pisync verify --store sqlite:./restored.db --ledger sent.ndjson', 'what was acknowledged'],
])}`,
    )
    .action(runner(verify));
}

async function verify({ terminal, environment }: CliContext, command: Command): Promise<ExitCode> {
  const { config } = loadFromCommand(command, environment);
  const { ledger, against } = command.opts<VerifyOptions>();
  const policy: StorePolicy = { partial: config.partial_counts_as };
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  if (against === undefined && ledger === undefined) {
    const detail = 'Say what to compare the store with: --against URL for another store, or --ledger FILE.';
    throw new PisyncError('invalid_config', { field: 'against', detail });
  }
  const stores: Store[] = [];
  try {
    const found = await openSound(config.store, policy, stores);
    if (against === undefined) return await verifyLedger(found, ledger as string, stop.signal, terminal);
    const expected = await openSound(against, policy, stores);
    return await verifyStores(expected, found, stop.signal, terminal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    terminal.note('Stopped; not all was compared.');
    return exitCodes.failed;
  } finally {
    for (const store of stores) await store.close();
  }
}

/** @throws {PisyncError} `store_damaged` where the store was damaged: an empty one stands in its place now */
async function openSound(url: string, policy: StorePolicy, opened: Store[]): Promise<Store> {
  const store = await openExisting(url, policy);
  opened.push(store);
  const { notes } = store.status();
  if (notes.length > 0) throw new PisyncError('store_damaged', { detail: notes.join('; ') });
  return store;
}

async function verifyStores(
  expected: Store,
  found: Store,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ExitCode> {
  const started = performance.now();
  const counts = { expected: noItems(), found: noItems() };
  const counter = (into: ItemCounts) => (kind: ComparedKind, items: number) => {
    into[kind] += items;
  };
  const devices = new Set<string>();
  const differences: ExplainedDifference[] = [];
  let different = 0;
  await showing(
    terminal,
    () => `${countsText(counts.found)} compared`,
    async () => {
      const sides = [counter(counts.expected), counter(counts.found)] as const;
      for await (const difference of compareStores(expected, found, { signal, onRead: sides })) {
        different += 1;
        devices.add(difference.deviceId);
        if (differences.length >= TOLD) continue;
        const explanation = await explainDifference(expected, found, difference, NAMES);
        differences.push({ difference, explanation });
      }
    },
  );
  const seconds = secondsSince(started);
  printStoreComparison({ ...counts, different, devices: devices.size, differences, seconds }, terminal);
  return different === 0 ? exitCodes.ok : exitCodes.failed;
}

async function verifyLedger(
  store: Store,
  path: string,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<ExitCode> {
  const started = performance.now();
  let events = 0;
  const comparison = await showing(
    terminal,
    () => `${count(events)} events compared`,
    () =>
      compareWithLedger(store, (wanted) => readLedger(path, wanted), {
        signal,
        told: TOLD,
        onRead: (read) => {
          events += read;
        },
      }),
  );
  printLedgerComparison(comparison, secondsSince(started), terminal);
  const { missing, different, twice } = comparison;
  return missing + different + twice === 0 ? exitCodes.ok : exitCodes.failed;
}

/** Shows how far some work is while it runs: a line that is repainted, or now and then a plain one where nobody watches. */
async function showing<T>(terminal: Terminal, text: () => string, work: () => Promise<T>): Promise<T> {
  const show = (): void => {
    if (terminal.live) terminal.status(text());
    else if (!terminal.json) terminal.note(text());
  };
  const ticker = setInterval(show, terminal.live ? REPAINT_MS : NOTE_MS);
  try {
    return await work();
  } finally {
    clearInterval(ticker);
  }
}

function noItems(): ItemCounts {
  return { events: 0, telemetry: 0, detections: 0 };
}

function secondsSince(started: number): number {
  return Math.round((performance.now() - started) / 10) / 100;
}
