import type { DatabaseSync } from 'node:sqlite';
import { DAY } from '../../../../core/telemetry/hour-fold.ts';
import type { PointRun } from '../points/point-run.ts';
import type { SortedPoints } from '../points/tail-stretch.ts';
import { RunCells, tailStretches, usedRows } from './cell-sources.ts';
import { type Asked, type Cell, chooseCells } from './cells.ts';
import type { Piece } from './pieces-cursor.ts';

/** Days that are looked at in one go, of all series and runs. */
const CELLS_AT_ONCE = 65_536;

/** What is asked of which series, and where their points lie. */
export interface RollupQuestion extends Asked {
  /** From the oldest commits to the newest. */
  readonly runs: readonly PointRun[];
  /** Ascending. */
  readonly series: readonly number[];
  readonly tail: SortedPoints;
}

/** What is still to be read of a run: all that is asked for of some series, and stretches of others. */
export interface Remainder {
  readonly run: PointRun;
  readonly whole: readonly number[];
  readonly pieces: readonly Piece[];
}

/**
 * Answers as much as possible from the rows of hours and days that runs have, and says what has to be read to complete it:
 * together with the tail, each point counts once, and of several of one series and time the one committed last.
 *
 * @param use - takes rows of a series, as `GroupAggregates.addRows` does
 */
export function answerFromRollups(
  db: DatabaseSync,
  question: RollupQuestion,
  use: (series: number, rows: Float64Array) => void,
): readonly Remainder[] {
  const { series, runs } = question;
  const sources = runs.map((run) => new RunCells(db, run, question));
  const withRows = sources.filter(({ hasRows }) => hasRows);
  if (withRows.length === 0) return sources.map(({ run }) => ({ run, whole: series, pieces: [] }));
  const from = Math.max(question.from, Math.min(...withRows.map(({ run }) => run.minTime)));
  const to = Math.min(question.to, Math.max(...withRows.map(({ run }) => run.maxTime)));
  const cells = (Math.max(0, to - from) / DAY + 2) * withRows.length;
  const size = Math.max(1, Math.floor(CELLS_AT_ONCE / cells));
  const tail = tailStretches(question.tail);
  for (let at = 0; at < series.length; at += size)
    new Batch(question, sources, tail, series.slice(at, at + size)).answer(use);
  return sources;
}

/** Some of the series of a question. */
class Batch {
  readonly #question: RollupQuestion;
  readonly #sources: readonly RunCells[];
  readonly #tail: Map<number, Cell[]>;
  readonly #series: readonly number[];
  /** For each source and series the days; null where no rows tell of it. */
  readonly #days: (Cell[] | null)[][];

  constructor(
    question: RollupQuestion,
    sources: readonly RunCells[],
    tail: Map<number, Cell[]>,
    series: readonly number[],
  ) {
    this.#question = question;
    this.#sources = sources;
    this.#tail = tail;
    this.#series = series;
    this.#days = sources.map((source) => series.map((number) => source.days(number, question)));
  }

  answer(use: (series: number, rows: Float64Array) => void): void {
    const known = this.#series.map((_, index) => this.#days.some((days) => days[index] !== null));
    const stretches = this.#stretches(known);
    for (const [index, series] of this.#series.entries()) {
      const cells = this.#sources.map((source, place) => {
        const days = this.#days[place]?.[index] ?? null;
        if (days === null) source.whole.push(series);
        return days ?? stretches[place]?.get(series) ?? [];
      });
      if (known[index]) this.#choose(series, cells, use);
    }
  }

  /** For each source when it has points of the series that only others have rows of: as far as these reach. */
  #stretches(known: readonly boolean[]): Map<number, Cell[]>[] {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const days of this.#days) {
      for (const cells of days) {
        if (cells === null || cells.length === 0) continue;
        first = Math.min(first, (cells[0] as Cell).first);
        last = Math.max(last, (cells.at(-1) as Cell).last);
      }
    }
    return this.#sources.map((source, place) => {
      const series = this.#series.filter((_, index) => known[index] && this.#days[place]?.[index] === null);
      return series.length === 0 ? new Map() : source.stretches(series, first, last);
    });
  }

  #choose(
    series: number,
    cells: (readonly Cell[])[],
    use: (series: number, rows: Float64Array) => void,
  ): void {
    const question = this.#question;
    const tail = this.#tail.get(series) ?? [];
    chooseCells([...cells, tail], question);
    const finer = this.#sources.map((source, place) =>
      source.refined(series, cells[place] as readonly Cell[], question),
    );
    chooseCells([...finer, tail], question);
    for (const [place, source] of this.#sources.entries()) {
      const own = finer[place] as readonly Cell[];
      if (own[0]?.rows == null) continue;
      const rows = usedRows(own);
      if (rows.length > 0) use(series, rows);
      source.leave(series, own, question);
    }
  }
}
