import { isSame, type MoveReport, moveSteps } from '../../services/migrate/move-report.ts';
import { printable } from '../printable.ts';
import { count } from '../readable.ts';
import { pairLines } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const WENT_ON =
  'The source took commits behind the cut-over, which are not in the target. Stop every process that writes to it, and move it to another, empty target.';

/** Differences that are printed; the report holds more. */
const SHOWN = 10;

/** The result for programs. */
function moveResult(report: MoveReport, elapsedMs: number): object {
  const { from, to, finished, sourceWentOn, heads, found, copied, kinds, differences, durations } = report;
  return {
    from,
    to,
    finished,
    source_went_on: sourceWentOn,
    verified: kinds.length > 0 && isSame(report),
    position: heads.position,
    found,
    copied,
    kinds,
    differences,
    seconds: inSeconds(elapsedMs),
    steps: Object.fromEntries(Object.entries(durations).map(([step, elapsed]) => [step, inSeconds(elapsed)])),
  };
}

function inSeconds(milliseconds: number): number {
  return Math.round(milliseconds / 10) / 100;
}

/** Says what became of a move, and what to do next. */
export function printMove(report: MoveReport, elapsedMs: number, terminal: Terminal): void {
  if (terminal.json) {
    terminal.result(moveResult(report, elapsedMs));
    return;
  }
  const { from, to, finished, heads, found, copied, kinds, differences } = report;
  const seconds = inSeconds(elapsedMs);
  const same = isSame(report);
  const pairs: (readonly [string, string])[] = [
    ['from', printable(from)],
    ['to', printable(to)],
    ['copied', `${count(copied)} events now, ${count(found)} before, of ${count(heads.position)}`],
    ['took', `${seconds} s, ${count(Math.round(copied / Math.max(seconds, 0.01)))} events/s`],
  ];
  for (const { kind, source, same } of kinds)
    pairs.push([
      kind,
      `${count(source)} ${terminal.paint(same ? 'good' : 'bad', same ? 'the same' : 'NOT the same')}`,
    ]);
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
  for (const { kind, what, source, target } of differences.slice(0, SHOWN)) {
    terminal.line(
      `${kind}: ${printable(what)}: ${source ?? 'nothing'} in the source, ${target ?? 'nothing'} in the target`,
    );
  }
  if (differences.length > SHOWN) terminal.line(`… and ${differences.length - SHOWN} more`);
  if (report.sourceWentOn) terminal.note(WENT_ON);
  if (finished && same)
    terminal.note('The target holds all of it. Start the server with --store and the new URL.');
  else if (kinds.length > 0)
    terminal.note('Keep the source in use: the target is not the same. Empty the target and begin anew.');
  else
    terminal.note(
      'The source may go on. To end the move: stop its server, then run the same command with --cut-over; only what has come since is copied then.',
    );
}

/** The report as Markdown. */
export function moveMarkdown(report: MoveReport, elapsedMs: number, now: Date): string {
  const { from, to, finished, heads, found, copied, kinds, differences, durations } = report;
  const verdict = finished
    ? 'The target holds the same as the source.'
    : kinds.length > 0
      ? 'The target is NOT the same as the source.'
      : 'The move goes on: the source has not been cut over yet.';
  const steps = moveSteps.filter((step) => durations[step] !== undefined);
  return [
    '# Move of a store',
    '',
    `**${verdict}**`,
    '',
    ...(report.sourceWentOn ? [WENT_ON, ''] : []),
    `- from: ${code(from)}`,
    `- to: ${code(to)}`,
    `- written: ${now.toISOString()}`,
    `- events: ${count(copied)} copied by this run, ${count(found)} were there before; the source has ${count(heads.position)} of ${count(heads.devices)} devices`,
    `- time: ${inSeconds(elapsedMs)} s`,
    '',
    ...table(
      ['kind', 'source', 'target', 'digest', 'same'],
      kinds.map(({ kind, source, target, digest, same }) => [
        kind,
        count(source),
        count(target),
        code(digest),
        same ? 'yes' : 'NO',
      ]),
    ),
    ...table(
      ['step', 'seconds'],
      steps.map((step) => [step, String(inSeconds(durations[step] ?? 0))]),
    ),
    ...table(
      ['different', 'what', 'source', 'target'],
      differences.map(({ kind, what, source, target }) => [
        kind,
        code(what),
        source ?? 'nothing',
        target ?? 'nothing',
      ]),
    ),
    'Digests are sums over all items of a kind, so that they do not depend on the order. Events are compared by device and day.',
    '',
  ].join('\n');
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line), ''];
}

/** What may come from a device is shown as code, in which Markdown reads nothing. */
function code(text: string): string {
  return `\`${printable(text).replaceAll('`', "'").replaceAll('|', '/')}\``;
}
