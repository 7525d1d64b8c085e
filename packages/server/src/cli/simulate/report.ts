import { printable } from '../printable.ts';
import { count } from '../readable.ts';
import { pairLines } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { RunProgress } from './run-fleet.ts';
import type { Verification } from './verify.ts';

/** Shows how a run stands: one line that is repainted, or a plain line where nobody watches. */
export function printProgress(progress: RunProgress, terminal: Terminal): void {
  if (terminal.json) return;
  const troubles = progress.errors + progress.rejected + progress.conflict;
  const text = [
    `${count(progress.sent)} sent`,
    `${count(progress.stored)} stored`,
    `${count(progress.duplicate)} duplicate`,
    ...(troubles > 0 ? [`${count(troubles)} refused or lost`] : []),
    `${count(progress.eventsPerSecond)}/s`,
    `p95 ${progress.latency.p95} ms`,
  ].join('  ');
  if (terminal.live) terminal.status(text);
  else terminal.note(text);
}

/** The final report as `--json` prints it; times in milliseconds. */
export function reportJson(
  report: RunProgress,
  verification: Verification | undefined,
): Record<string, unknown> {
  return {
    sent: report.sent,
    stored: report.stored,
    duplicate: report.duplicate,
    conflict: report.conflict,
    rejected: report.rejected,
    errors: report.errors,
    first_error: report.firstError,
    requests: report.requests,
    retries: report.retries,
    deferrals: report.deferrals,
    seconds: report.seconds,
    events_per_second: report.eventsPerSecond,
    latency_ms: report.latency,
    ...(verification === undefined ? {} : { verification }),
  };
}

/** Prints the final report for a person. */
export function printReport(
  report: RunProgress,
  verification: Verification | undefined,
  terminal: Terminal,
): void {
  const { latency } = report;
  const pairs: (readonly [string, string])[] = [
    ['sent', `${count(report.sent)} events in ${count(report.requests)} requests, ${report.seconds} s`],
    ['stored', count(report.stored)],
    ['duplicate', count(report.duplicate)],
    ['conflict', painted(report.conflict, terminal)],
    ['rejected', painted(report.rejected, terminal)],
    ['errors', painted(report.errors, terminal)],
    [
      'retries',
      `${count(report.retries)}, and ${count(report.deferrals)} replies asked devices to come later`,
    ],
    ['rate', `${count(report.eventsPerSecond)} events/s`],
    ['latency', `p50 ${latency.p50} ms, p95 ${latency.p95} ms, p99 ${latency.p99} ms, max ${latency.max} ms`],
  ];
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
  if (report.firstError !== null)
    terminal.line(terminal.paint('bad', `First problem: ${printable(report.firstError)}`));
  if (verification !== undefined) printVerification(verification, terminal);
}

function painted(value: number, terminal: Terminal): string {
  return value > 0 ? terminal.paint('bad', count(value)) : count(value);
}

function printVerification(verification: Verification, terminal: Terminal): void {
  const { acknowledged, held, unsure, different, differences } = verification;
  const numbers = `${count(acknowledged)} acknowledged, ${count(held)} held${unsure > 0 ? `, ${count(unsure)} answers lost` : ''}`;
  if (different === 0) {
    terminal.line(
      terminal.paint('good', `Verified: the server holds each acknowledged event once (${numbers}).`),
    );
    return;
  }
  terminal.line(terminal.paint('bad', `NOT VERIFIED: ${count(different)} devices differ (${numbers}).`));
  for (const { device_id, measure, acknowledged: said, held: found } of differences.slice(0, 10)) {
    terminal.line(`  ${device_id}: ${measure} ${count(said)} acknowledged, ${count(found)} held`);
  }
}
