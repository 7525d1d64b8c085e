import type { MoveProgress, MoveStep } from '../../services/migrate/move-report.ts';
import { type Bar, loadBar } from '../bar.ts';
import { count, duration } from '../readable.ts';
import type { Terminal } from '../terminal.ts';

const steps: Readonly<Record<MoveStep, string>> = {
  look: 'looking at both stores',
  copy: 'copying',
  index: 'making indexes and reading the copy',
  catch_up: 'catching up',
  cut_over: 'waiting for the source to be still',
  compare: 'comparing',
  finish: 'copying devices and comparing them',
};

/** Time between two reports for a person who watches, and for one who does not, milliseconds. */
const REPAINT_MS = 200;
const NOTE_MS = 10_000;

/** Shows how a move stands: a bar with an estimate that is repainted, or a line now and then where nobody watches. */
export async function moveProgress(terminal: Terminal): Promise<(progress: MoveProgress) => void> {
  const bar = await loadBar();
  const line = new ProgressLine(bar);
  let shownAt = 0;
  let said = '';
  return (progress) => {
    if (terminal.json) return;
    const now = performance.now();
    const kind = `${progress.step} ${progress.of}`;
    const isNew = kind !== said;
    if (isNew) line.begin(progress, now);
    if (!isNew && now - shownAt < (terminal.live ? REPAINT_MS : NOTE_MS)) return;
    shownAt = now;
    said = kind;
    if (terminal.live) terminal.status(line.text(progress, now));
    else terminal.note(line.plain(progress, now));
  };
}

class ProgressLine {
  readonly #bar: Bar;
  #since = 0;
  #first = 0;

  constructor(bar: Bar) {
    this.#bar = bar;
  }

  begin({ done }: MoveProgress, now: number): void {
    this.#since = now;
    this.#first = done;
  }

  text(progress: MoveProgress, now: number): string {
    const { step, done, total } = progress;
    if (total === 0) return `${steps[step]} …`;
    const percent = `${Math.floor((done / total) * 100)}%`.padStart(4);
    return `${this.#bar(done / total)} ${percent}  ${this.plain(progress, now)}`;
  }

  plain({ step, of, done, total }: MoveProgress, now: number): string {
    if (total === 0) return `${steps[step]} …`;
    const perMs = (done - this.#first) / (now - this.#since);
    const left =
      perMs > 0 ? `, ${count(Math.round(perMs * 1000))}/s, ${duration((total - done) / perMs)} left` : '';
    return `${steps[step]}: ${count(done)} of ${count(total)} ${of}${left}`;
  }
}
