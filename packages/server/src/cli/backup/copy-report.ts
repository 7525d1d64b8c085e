import type { CopyPhase, CopyReport } from '../../ports/backup.ts';
import { type Bar, loadBar } from '../bar.ts';
import { printable } from '../printable.ts';
import { byteSize, count } from '../readable.ts';
import { pairLines } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const phases: Readonly<Record<CopyPhase, string>> = { copy: 'copying', verify: 'checking all of the copy' };

/** Shows how a copy stands: a bar that is repainted, or a line for each phase where nobody watches. */
export async function copyProgress(terminal: Terminal): Promise<(phase: CopyPhase, share: number) => void> {
  const bar: Bar = await loadBar();
  let said: CopyPhase | undefined;
  return (phase, share) => {
    if (terminal.json) return;
    if (terminal.live) {
      const percent = `${Math.floor(share * 100)}%`.padStart(4);
      terminal.status(phase === 'copy' ? `${bar(share)} ${percent}  ${phases.copy}` : `${phases.verify} …`);
    } else if (phase !== said) {
      terminal.note(`${phases[phase]} …`);
    }
    said = phase;
  };
}

/** Prints what was copied. @param verb - what became of it, in one word */
export function printCopyReport(
  report: CopyReport,
  verb: 'written' | 'restored',
  elapsedMs: number,
  terminal: Terminal,
): void {
  const seconds = Math.round(elapsedMs / 10) / 100;
  if (terminal.json) {
    const { path, bytes, events, devices, points, detections, setAside } = report;
    const kept = setAside === null ? {} : { set_aside: setAside };
    terminal.result({ path, bytes, events, devices, points, detections, verified: true, seconds, ...kept });
    return;
  }
  const pairs: (readonly [string, string])[] = [
    [verb, printable(report.path)],
    ['size', byteSize(report.bytes)],
    ['events', `${count(report.events)} of ${count(report.devices)} devices`],
    ['points', count(report.points)],
    ['detections', count(report.detections)],
    ['checked', terminal.paint('good', 'all of it, as pisync doctor --store does')],
    ['took', `${seconds} s`],
  ];
  if (report.setAside !== null) pairs.push(['old store', printable(report.setAside)]);
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
}
