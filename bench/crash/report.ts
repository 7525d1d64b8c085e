import type { ClientCounts } from './crash-client.ts';
import type { Ledger } from './ledger.ts';
import type { Comparison, Tally } from './read-back.ts';

/** One line: what it says, the number, and whether it is as it must be. */
export type ReportLine = readonly [label: string, value: number, right: boolean];

/** What is told of one kind of observation. */
export function tallyLines(ledger: Ledger, found: Tally): ReportLine[] {
  const { what } = ledger;
  return [
    [`${what}s made`, ledger.made, true],
    [`${what}s acknowledged`, ledger.acknowledgedCount, ledger.acknowledgedCount === ledger.made],
    // Of points the server does not tell whether it knew them.
    ...(ledger.duplicateReplies > 0
      ? [['replies "duplicate"', ledger.duplicateReplies, true] satisfies ReportLine]
      : []),
    [`${what}s read back`, found.stored, found.stored === ledger.made],
    ['lost: acknowledged and not there', found.lost, found.lost === 0],
    ['doubled', found.duplicates, found.duplicates === 0],
    ['never sent, or another body', found.foreign, found.foreign === 0],
    ['replies against the ledger', ledger.violationCount, ledger.violationCount === 0],
  ];
}

/** What is told of events, beside their tally. */
export function stateLines(found: Comparison): ReportLine[] {
  return [
    ['devices with wrong streaks or totals', found.wrongState, found.wrongState === 0],
    ['wrong fleet totals', found.wrongTotals, found.wrongTotals === 0],
  ];
}

/** Prints what a crash run found; true when nothing was lost, doubled or wrong. */
export function printReport(
  title: string,
  counts: ClientCounts,
  lines: readonly ReportLine[],
  examples: readonly string[],
): boolean {
  const all: readonly ReportLine[] = [
    ['requests sent', counts.requests, true],
    ['connections broken or refused', counts.broken, true],
    ['replies 429 or 503', counts.putOff, true],
    ...lines,
  ];
  process.stdout.write(`${title}\n`);
  for (const [label, value, right] of all) {
    process.stdout.write(`  ${label.padEnd(44)} ${String(value).padStart(9)}${right ? '' : '  WRONG'}\n`);
  }
  for (const text of examples) process.stdout.write(`  ! ${text}\n`);
  return all.every(([, , right]) => right);
}
