import { formatTimestamp } from '@pisync/protocol';
import type { LedgerComparison } from '../../services/compare/compare-ledger.ts';
import type { Difference } from '../../services/compare/compare-stores.ts';
import type { ComparedKind } from '../../services/compare/digest-store.ts';
import type { DayExplanation } from '../../services/compare/explain-difference.ts';
import { printable } from '../printable.ts';
import { count } from '../readable.ts';
import { pairLines, tableLines } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** How many items were read, by kind. */
export type ItemCounts = Record<ComparedKind, number>;

/** A day that differs, with what of it does where that was looked up. */
export interface ExplainedDifference {
  readonly difference: Difference;
  readonly explanation: DayExplanation | undefined;
}

export interface StoreComparison {
  readonly expected: ItemCounts;
  readonly found: ItemCounts;
  /** Days that differ, of which `differences` are the first. */
  readonly different: number;
  readonly devices: number;
  readonly differences: readonly ExplainedDifference[];
  readonly seconds: number;
}

const words: Readonly<Record<ComparedKind, string>> = {
  events: 'events',
  telemetry: 'points',
  detections: 'detections',
};

/** `20,000 events  0 points  0 detections`. */
export function countsText(counts: ItemCounts): string {
  const kinds = Object.keys(words) as ComparedKind[];
  return kinds.map((kind) => `${count(counts[kind])} ${words[kind]}`).join('  ');
}

/** Prints what a comparison of two stores came to. */
export function printStoreComparison(comparison: StoreComparison, terminal: Terminal): void {
  const { expected, found, different, devices, differences, seconds } = comparison;
  if (terminal.json) {
    const days = differences.map(differenceJson);
    terminal.result({
      equal: different === 0,
      expected,
      found,
      different,
      devices,
      seconds,
      differences: days,
    });
    return;
  }
  const pairs = [['expected', countsText(expected)] as const, ['found', countsText(found)] as const];
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
  if (different === 0) {
    terminal.line(terminal.paint('good', `Verified: every day of every device is the same (${seconds} s).`));
    return;
  }
  const what = `${count(different)} days of ${count(devices)} devices differ`;
  terminal.line(terminal.paint('bad', `DIFFERENT: ${what} (${seconds} s).`));
  const columns = [
    { title: 'WHAT' },
    { title: 'DEVICE' },
    { title: 'DAY' },
    { title: 'EXPECTED', right: true },
    { title: 'FOUND', right: true },
    { title: 'WHICH' },
  ];
  for (const line of tableLines(columns, differences.map(row), terminal)) terminal.line(line);
  const more = different - differences.length;
  if (more > 0) terminal.line(`and ${count(more)} more`);
}

function row({ difference, explanation }: ExplainedDifference): string[] {
  const { kind, deviceId, series, day, expected, found } = difference;
  const device = series === '' ? deviceId : `${deviceId} ${series}`;
  return [
    words[kind],
    printable(device),
    dayText(day),
    count(expected?.count ?? 0),
    count(found?.count ?? 0),
    explanation === undefined ? '' : explanationText(explanation),
  ];
}

function explanationText(explanation: DayExplanation): string {
  return (['missing', 'more', 'different'] as const)
    .filter((name) => explanation[name].length > 0)
    .map((name) => `${name}: ${explanation[name].map((text) => printable(text)).join(', ')}`)
    .join('; ');
}

function differenceJson({ difference, explanation }: ExplainedDifference): object {
  const { kind, deviceId, series, day, expected, found } = difference;
  return {
    kind,
    device_id: deviceId,
    ...(series === '' ? {} : { series }),
    day: dayText(day),
    expected,
    found,
    ...explanation,
  };
}

function dayText(day: number): string {
  return formatTimestamp(day).slice(0, 10);
}

/** Prints what a comparison with a ledger came to. */
export function printLedgerComparison(
  comparison: LedgerComparison,
  seconds: number,
  terminal: Terminal,
): void {
  const { missing, different, twice, faults } = comparison;
  const holds = missing + different + twice === 0;
  if (terminal.json) {
    const { unsureHeld, faults: _faults, ...counts } = comparison;
    const told = faults.map(({ problem, deviceId, event }) => ({ problem, device_id: deviceId, event }));
    terminal.result({ holds, ...counts, unsure_held: unsureHeld, seconds, faults: told });
    return;
  }
  const { acknowledged, held, unsure, unsureHeld, more, devices } = comparison;
  const pairs: (readonly [string, string])[] = [
    ['acknowledged', `${count(acknowledged)} events of ${count(devices)} devices`],
    ['held', count(held)],
    ...problems(comparison, terminal),
  ];
  if (unsure > 0) pairs.push(['no answer', `${count(unsure)}, of which ${count(unsureHeld)} are held`]);
  if (more > 0) pairs.push(['not in ledger', `${count(more)} events of these devices`]);
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
  for (const { problem, deviceId, event } of faults)
    terminal.line(`  ${problem}: ${printable(deviceId)} ${printable(event)}`);
  const verdict = holds
    ? `Verified: the store holds each acknowledged event once (${seconds} s).`
    : `NOT VERIFIED: ${count(missing)} missing, ${count(different)} different, ${count(twice)} twice (${seconds} s).`;
  terminal.line(terminal.paint(holds ? 'good' : 'bad', verdict));
}

function problems(comparison: LedgerComparison, terminal: Terminal): (readonly [string, string])[] {
  return (['missing', 'different', 'twice'] as const)
    .filter((name) => comparison[name] > 0)
    .map((name) => [name, terminal.paint('bad', count(comparison[name]))] as const);
}
