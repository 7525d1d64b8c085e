import type { Bar } from '../bar.ts';
import { printable } from '../printable.ts';
import { byteSize, count, duration } from '../readable.ts';
import type { Terminal } from '../terminal.ts';
import type { ImportCounts } from './import-upload.ts';

/** How one import stands. */
export interface ImportState {
  /** Name of the file, as it was given. */
  readonly file: string;
  readonly bytes: number;
  /** Bytes that were sent. */
  readonly sent: number;
  /** What the server answered for. */
  readonly counts: ImportCounts;
  readonly elapsedMs: number;
}

/** Shows how an import stands: a bar that is repainted, or a plain line where nobody watches. */
export function printImportProgress(state: ImportState, bar: Bar, terminal: Terminal): void {
  if (terminal.json) return;
  const { counts, bytes, sent, elapsedMs } = state;
  const share = bytes === 0 ? 1 : sent / bytes;
  const left = share > 0.02 && share < 1 ? `  ${duration((elapsedMs / share) * (1 - share))} left` : '';
  const words = `${share < 1 ? `${byteSize(sent)} of ${byteSize(bytes)}` : 'all sent'}  ${outcome(counts)}${left}`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  if (terminal.live) terminal.status(`${bar(share)} ${percent}  ${words}`);
  else terminal.note(`${printable(state.file)}:${percent}  ${words}`);
}

/** One line for what became of a file, in words. */
export function printImportSummary(state: ImportState, terminal: Terminal): void {
  const { stored, duplicate, conflict, rejected, points } = state.counts;
  const file = printable(state.file);
  const rate =
    state.elapsedMs >= 1000
      ? `, ${count(Math.round((rowsOf(state.counts) / state.elapsedMs) * 1000))} rows/s`
      : '';
  const took = `${duration(state.elapsedMs)}${rate}`;
  const nothingNew = stored === 0 && points === 0 && duplicate > 0;
  if (nothingNew)
    terminal.line(`${file}: nothing new; ${count(duplicate)} detections were stored before (${took})`);
  else terminal.line(`${file}: ${outcome(state.counts)} (${took})`);
  if (conflict > 0) {
    terminal.note(
      `${count(conflict)} rows differ from what was stored under their identity; what was stored stays.`,
    );
  }
  if (rejected > 0) {
    const rows = rejected === 1 ? '1 row is wrong and was' : `${count(rejected)} rows are wrong and were`;
    terminal.note(`${rows} left out. See why with: pisync quarantine list`);
  }
}

function rowsOf({ stored, duplicate, conflict, rejected, points }: ImportCounts): number {
  return stored + duplicate + conflict + rejected + points;
}

function outcome({ stored, duplicate, conflict, rejected, points }: ImportCounts): string {
  const parts = [`${count(stored)} stored`, `${count(duplicate)} duplicate`];
  if (conflict > 0) parts.push(`${count(conflict)} in conflict`);
  if (rejected > 0) parts.push(`${count(rejected)} rejected`);
  if (points > 0) parts.push(`${count(points)} track points`);
  return parts.join('  ');
}
