import { writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import { judge, type Row, type Verdict } from './scenario.ts';
import { short } from './statistics.ts';

const marks: Readonly<Record<Verdict, string>> = {
  aim: 'reaches the aim',
  'at least': 'enough',
  missed: 'MISSED',
  shown: '',
};

/** The table for people, one line a row, with what each must reach. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.label,
    withUnit(row.value, row.unit),
    row.goal === null ? '' : limit(row, row.goal.atLeast),
    row.goal?.aim == null ? '' : limit(row, row.goal.aim),
    marks[judge(row)],
    row.note,
  ]);
  const all = [['', 'measured', 'at least', 'aim', '', ''], ...lines];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((line) => line[column]!.length)));
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function limit(row: Row, value: number): string {
  return `${row.goal?.better === 'higher' ? '≥' : '≤'} ${withUnit(value, row.unit)}`;
}

function withUnit(value: number, unit: string): string {
  if (unit === '×' || unit === '%') return `${short(value)}${unit}`;
  return unit === '' ? short(value) : `${short(value)} ${unit}`;
}

/** What a run came to, as the baseline file keeps it. */
export interface Baseline {
  readonly machine: Machine;
  readonly generator: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
  readonly details: Readonly<Record<string, unknown>>;
}

/** Writes the baseline; values are rounded so that a diff shows changes and not digits. */
export function writeBaseline(path: string, baseline: Baseline): void {
  const rows = baseline.rows.map((row) => ({ ...row, value: rounded(row.value), verdict: judge(row) }));
  writeFileSync(path, `${JSON.stringify({ ...baseline, rows }, null, 2)}\n`);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
