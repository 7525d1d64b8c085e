import type {
  MigrationReport,
  MigrationStepView,
  PolicyView,
  SchemaStatus,
} from '../../ports/store-admin.ts';
import { printable } from '../printable.ts';
import { byteSize, count } from '../readable.ts';
import { pairLines, tableLines } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** One statement that runs, cut to a line. */
export function statementLine(step: MigrationStepView, statement: string): string {
  return `${arrow(step)}  ${printable(statement.replaceAll(/\s+/g, ' '), 100)}`;
}

/** Prints what was done, or for a dry run the statements as a script. */
export function printMigration(report: MigrationReport, dryRun: boolean, terminal: Terminal): void {
  const { from, to, newest, steps } = report;
  if (terminal.json) {
    terminal.result({ from, to, newest, dry_run: dryRun, steps: steps.map(stepResult) });
    return;
  }
  if (dryRun) printScript(report, terminal);
  if (steps.length === 0) {
    terminal.note(`The tables have version ${from} already; this PiSync knows versions up to ${newest}.`);
  } else if (dryRun) {
    terminal.note(`Nothing was changed: the tables have version ${from}, these statements lead to ${to}.`);
  } else {
    terminal.line(`The tables have version ${to} now; before it was ${from}.`);
  }
}

function printScript({ steps }: MigrationReport, terminal: Terminal): void {
  for (const step of steps) {
    const how = step.concurrently ? 'beside running servers, statement by statement' : 'in one transaction';
    const loss = step.dropsData ? '; REMOVES what devices sent' : '';
    terminal.line(`-- ${arrow(step)} ${step.name}: ${step.note} (${how}${loss})`);
    for (const statement of step.statements) terminal.line(`${statement.trim().replace(/;$/, '')};`);
    terminal.line();
  }
}

function arrow({ from, to }: MigrationStepView): string {
  return `${from} → ${to}`;
}

function stepResult({
  from,
  to,
  name,
  note,
  concurrently,
  dropsData,
  statements,
}: MigrationReport['steps'][number]) {
  return { from, to, name, note, concurrently, drops_data: dropsData, statements };
}

export function printStatus(
  { version, newest, pending, bytes, tables }: SchemaStatus,
  terminal: Terminal,
): void {
  if (terminal.json) {
    terminal.result({
      version,
      newest,
      pending: pending.map(({ from, to, name, note, concurrently }) => ({
        from,
        to,
        name,
        note,
        concurrently,
      })),
      bytes,
      tables: tables.map((table) => ({
        name: table.name,
        partition_of: table.partitionOf,
        bytes: table.bytes,
        rows: table.rows,
      })),
    });
    return;
  }
  const known = version === newest ? 'the newest' : `this PiSync knows ${newest}`;
  const pairs: (readonly [string, string])[] = [
    ['version', version === 0 ? 'no tables yet' : `${version}, ${known}`],
    ['size', byteSize(bytes)],
  ];
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
  for (const step of pending) {
    terminal.line(`${terminal.paint('warning', 'pending')}  ${arrow(step)} ${step.name}: ${step.note}`);
  }
  if (pending.length > 0) terminal.note('Do it with: pisync store migrate');
  if (tables.length === 0) return;
  terminal.line();
  const rows = tables.map((table) => [
    `${table.partitionOf === null ? '' : '  '}${printable(table.name)}`,
    byteSize(table.bytes),
    table.rows === null ? 'unknown' : count(table.rows),
  ]);
  const columns = [{ title: 'TABLE' }, { title: 'SIZE', right: true }, { title: 'ROWS', right: true }];
  for (const line of tableLines(columns, rows, terminal)) terminal.line(line);
}

export function printPolicies(policies: readonly PolicyView[], terminal: Terminal): void {
  if (terminal.json) {
    terminal.result({ policies });
    return;
  }
  const rows = policies.map(({ name, value, allowed, help, ...policy }) => [
    name,
    { text: printable(value), style: value === policy.default ? undefined : ('title' as const) },
    allowed,
    help,
  ]);
  const columns = [{ title: 'POLICY' }, { title: 'VALUE' }, { title: 'MAY BE' }, { title: 'WHAT IT IS' }];
  for (const line of tableLines(columns, rows, terminal)) terminal.line(line);
}
