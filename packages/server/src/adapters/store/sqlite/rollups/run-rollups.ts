import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../core/telemetry/aggregate.ts';
import { countOf, type FoldedSeries, HOUR, HourFold } from '../../../../core/telemetry/hour-fold.ts';
import { type PointColumns, seriesEnd, TEXT_KIND } from '../../sealed/points/point-columns.ts';
import { encodeRollupBlock, MAX_ROLLUP_ROWS } from './rollup-block.ts';

/** Points of an hour or of a day, on average, from which a row for each is kept. A row takes as much as 10 to 100 points. */
const LEAST_OF_HOUR = 300;
const LEAST_OF_DAY = 200;

/** Widths of rows in hours, as they are stored. */
export const HOUR_ROWS = 1;
export const DAY_ROWS = 24;

/** A block of rollups, and its first row. */
export interface SealedRollups {
  readonly width: number;
  readonly series: number;
  /** In hours since the epoch. */
  readonly start: number;
  readonly data: Uint8Array;
}

/** Folds the points of a run, which come by series and time, block by block. */
export class RunFold {
  readonly #emit: (series: number, folded: FoldedSeries) => void;
  readonly #least: number;
  #series = -1;
  #fold: HourFold | null = null;

  /**
   * @param emit - called for each series that has `least` points or more, and no text: beside other runs a text counts, since
   * it replaces a number, and a row would not tell when it was
   */
  constructor(least: number, emit: (series: number, folded: FoldedSeries) => void) {
    this.#least = least;
    this.#emit = emit;
  }

  /** Takes the first `count` points of `columns`. */
  take(columns: PointColumns, count: number): void {
    const { series, times, values } = columns;
    for (let at = 0; at < count; ) {
      const own = series[at] as number;
      const end = seriesEnd(series, at, count);
      const begins = own !== this.#series;
      if (begins) this.end();
      const few = begins && end < count && end - at < this.#least;
      if (begins && !few) {
        this.#series = own;
        this.#fold = new HourFold();
      }
      if (!few && hasText(columns, at, end)) this.#fold = null;
      this.#fold?.add(times, values, at, end);
      at = end;
    }
  }

  /** To be called behind the last point. */
  end(): void {
    const folded = this.#fold?.rows();
    this.#fold = null;
    if (folded !== undefined && countOf(folded.days) >= this.#least) this.#emit(this.#series, folded);
  }
}

function hasText({ kinds, texts }: PointColumns, from: number, to: number): boolean {
  if (texts.length === 0) return false;
  const found = kinds.indexOf(TEXT_KIND, from);
  return found >= 0 && found < to;
}

/** Makes the rollups of a run in building. */
export class RollupBuilder {
  readonly #fold = new RunFold(LEAST_OF_DAY, (series, { hours, days }) => {
    // Of such numbers more than the sum would be lost.
    if (!haveSums(days)) return;
    if (average(days) >= LEAST_OF_DAY) this.#days.add(series, days);
    if (average(hours) >= LEAST_OF_HOUR) this.#hours.add(series, hours);
  });
  readonly #hours = new RowPacker(HOUR_ROWS);
  readonly #days = new RowPacker(DAY_ROWS);

  /** Takes the next points of the run. */
  take(columns: PointColumns, count: number): void {
    this.#fold.take(columns, count);
  }

  /** To be called behind the last point. */
  end(): void {
    this.#fold.end();
    this.#hours.flush();
    this.#days.flush();
  }

  /** The blocks that were finished since the last call. */
  finished(): SealedRollups[] {
    return [...this.#hours.finished.splice(0), ...this.#days.finished.splice(0)];
  }
}

/** Where rows of hours are kept, rows of days are kept, too: these hold no fewer points. */
function average(rows: Float64Array): number {
  return (countOf(rows) * AGGREGATE_LENGTH) / rows.length;
}

/** False where a sum is beyond the range of a double. */
function haveSums(rows: Float64Array): boolean {
  for (let at = field.sum; at < rows.length; at += AGGREGATE_LENGTH) {
    if (!Number.isFinite(rows[at])) return false;
  }
  return true;
}

/** Gathers rows of one width into blocks. */
class RowPacker {
  readonly finished: SealedRollups[] = [];
  readonly #width: number;
  readonly #series = new Int32Array(MAX_ROLLUP_ROWS);
  readonly #rows = new Float64Array(MAX_ROLLUP_ROWS * AGGREGATE_LENGTH);
  #count = 0;

  constructor(width: number) {
    this.#width = width;
  }

  add(series: number, rows: Float64Array): void {
    for (let at = 0; at < rows.length; at += AGGREGATE_LENGTH) {
      this.#series[this.#count] = series;
      this.#rows.set(rows.subarray(at, at + AGGREGATE_LENGTH), this.#count * AGGREGATE_LENGTH);
      this.#count += 1;
      if (this.#count === MAX_ROLLUP_ROWS) this.flush();
    }
  }

  flush(): void {
    if (this.#count === 0) return;
    this.finished.push({
      width: this.#width,
      series: this.#series[0] as number,
      start: (this.#rows[field.start] as number) / HOUR,
      data: encodeRollupBlock({ count: this.#count, series: this.#series, rows: this.#rows }),
    });
    this.#count = 0;
  }
}
