import type { ClientCounts } from './crash-client.ts';
import type { Ledger } from './ledger.ts';
import type { Comparison } from './read-back.ts';

/** Prints what a crash run found; true when nothing was lost, doubled or wrong. */
export function printReport(title: string, ledger: Ledger, counts: ClientCounts, found: Comparison): boolean {
  const lines: readonly [string, number, boolean][] = [
    ['requests sent', counts.requests, true],
    ['connections broken or refused', counts.broken, true],
    ['replies 429 or 503', counts.putOff, true],
    ['events made', ledger.made, true],
    ['events acknowledged', ledger.acknowledgedCount, ledger.acknowledgedCount === ledger.made],
    ['replies "duplicate"', ledger.duplicateReplies, true],
    ['events read back', found.stored, found.stored === ledger.made],
    ['acknowledged - stored', found.lost, found.lost === 0],
    ['duplicates', found.duplicates, found.duplicates === 0],
    ['never sent, or another body', found.foreign, found.foreign === 0],
    ['devices with wrong streaks or totals', found.wrongState, found.wrongState === 0],
    ['wrong fleet totals', found.wrongTotals, found.wrongTotals === 0],
    ['replies against the ledger', ledger.violationCount, ledger.violationCount === 0],
  ];
  process.stdout.write(`${title}\n`);
  for (const [label, value, right] of lines) {
    process.stdout.write(`  ${label.padEnd(38)} ${String(value).padStart(9)}${right ? '' : '  WRONG'}\n`);
  }
  for (const text of [...ledger.violations, ...found.examples]) process.stdout.write(`  ! ${text}\n`);
  return lines.every(([, , right]) => right);
}
