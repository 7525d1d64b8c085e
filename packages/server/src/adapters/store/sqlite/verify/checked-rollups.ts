import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../core/telemetry/aggregate.ts';
import { type FoldedSeries, HOUR } from '../../../../core/telemetry/hour-fold.ts';
import type { PointColumns } from '../../sealed/points/point-columns.ts';
import { POINT_BLOCKS_PER_RUN } from '../points/point-run.ts';
import { decodeRollupBlock, type RollupRows } from '../rollups/rollup-block.ts';
import { DAY_ROWS, HOUR_ROWS, RunFold } from '../rollups/run-rollups.ts';
import type { Faults } from './faults.ts';

interface BlockRow {
  readonly id: number;
  readonly run: number;
  readonly series: number;
  readonly start: number;
  readonly data: Uint8Array;
}

const exact = ['start', 'count', 'min', 'max', 'firstTime', 'first', 'lastTime', 'last'] as const;

/** Compares the rollups of a run with its points: of each series there are rows of all its hours or days, or none. */
export class CheckedRollups {
  readonly #faults: Faults;
  readonly #run: number;
  readonly #widths: readonly { readonly name: string; readonly rows: StoredRows }[];
  readonly #fold = new RunFold(1, (series, folded) => this.#compare(series, folded));

  constructor(db: DatabaseSync, run: number, faults: Faults) {
    this.#faults = faults;
    this.#run = run;
    this.#widths = [
      { name: 'hours', rows: new StoredRows(db, run, HOUR_ROWS, faults) },
      { name: 'days', rows: new StoredRows(db, run, DAY_ROWS, faults) },
    ];
    const places = db
      .prepare('SELECT id FROM point_rollup WHERE id >= ? AND id < ? ORDER BY id')
      .all(run * POINT_BLOCKS_PER_RUN, (run + 1) * POINT_BLOCKS_PER_RUN) as { id: number }[];
    const missing = places.findIndex(({ id }, place) => id !== run * POINT_BLOCKS_PER_RUN + place);
    if (missing >= 0) faults.add(`block ${missing} of the rollups of run ${run} is missing`);
  }

  /** Takes the points of the next block. */
  take(columns: PointColumns): void {
    this.#fold.take(columns, columns.count);
  }

  /** To be called behind the last point. */
  end(): void {
    this.#fold.end();
    for (const { name, rows } of this.#widths) {
      const left = rows.peek();
      if (left !== null)
        this.#faults.add(`run ${this.#run} has ${name} of series ${left}, which has no such points`);
    }
  }

  #compare(series: number, folded: FoldedSeries): void {
    for (const { name, rows } of this.#widths) {
      const wanted = name === 'hours' ? folded.hours : folded.days;
      for (let other = rows.peek(); other !== null && other < series; other = rows.peek()) {
        rows.take(other);
        this.#faults.add(`run ${this.#run} has ${name} of series ${other}, which has no such points`);
      }
      if (rows.peek() !== series) continue;
      const found = rows.take(series);
      if (!equal(found, wanted))
        this.#faults.add(`the ${name} of series ${series} in run ${this.#run} are not those of its points`);
    }
  }
}

/** Sums may be of a version of PiSync that added in another order: they are as far apart as `BucketAggregates` allows. */
function equal(found: readonly number[], wanted: Float64Array): boolean {
  if (found.length !== wanted.length) return false;
  for (let row = 0; row < wanted.length; row += AGGREGATE_LENGTH) {
    const [mine, theirs] = [found.slice(row, row + AGGREGATE_LENGTH), wanted.subarray(row)];
    if (exact.some((name) => mine[field[name]] !== theirs[field[name]]) || !near(mine, theirs)) return false;
  }
  return true;
}

function near(found: readonly number[], wanted: Float64Array): boolean {
  const count = wanted[field.count] as number;
  const [min, max] = [wanted[field.min] as number, wanted[field.max] as number];
  const total = count * Math.max(Math.abs(min), Math.abs(max));
  const within = (a: number, b: number, slack: number): boolean =>
    // What is beyond the range of a double says nothing in either.
    !(Math.abs(a - b) > slack + 1e-150);
  const spread = (row: ArrayLike<number>): number => Math.sqrt(row[field.squares] as number);
  return (
    within(found[field.sum] as number, wanted[field.sum] as number, 2 ** -50 * count * total) &&
    within(found[field.mean] as number, wanted[field.mean] as number, 2 ** -48 * total) &&
    within(spread(found), spread(wanted), 2 ** -47 * total * Math.sqrt(count))
  );
}

/** All rows of one width of a run, in their order. */
class StoredRows {
  readonly #next: StatementSync;
  readonly #faults: Faults;
  readonly #run: number;
  readonly #width: number;
  #block: RollupRows | null = null;
  #at = 0;
  /** The row that was shown last. */
  #series = -1;
  #start = Number.NEGATIVE_INFINITY;
  #id = -1;

  constructor(db: DatabaseSync, run: number, width: number, faults: Faults) {
    this.#next = db.prepare(
      'SELECT id, run, series, start, data FROM point_rollup WHERE id > ? AND id < ? AND width = ? ORDER BY id LIMIT 1',
    );
    this.#faults = faults;
    this.#run = run;
    this.#width = width;
    this.#id = run * POINT_BLOCKS_PER_RUN - 1;
  }

  /** Series of the next row; null behind the last. */
  peek(): number | null {
    while (this.#block === null || this.#at === this.#block.count) {
      const row = this.#next.get(this.#id, (this.#run + 1) * POINT_BLOCKS_PER_RUN, this.#width);
      if (row === undefined) return null;
      this.#open(row as unknown as BlockRow);
    }
    return this.#block.series[this.#at] as number;
  }

  #open(row: BlockRow): void {
    this.#id = row.id;
    this.#at = 0;
    const name = `block ${row.id % POINT_BLOCKS_PER_RUN} of the rollups of run ${this.#run}`;
    this.#block = this.#faults.attempt(name, () => decodeRollupBlock(row.data)) ?? null;
    if (this.#block === null) return;
    const start = (this.#block.rows[field.start] as number) / HOUR;
    if (row.run !== this.#run || row.series !== this.#block.series[0] || row.start !== start)
      this.#faults.add(`${name} does not begin where the table says`);
  }

  /** The rows of the series at hand. */
  take(series: number): number[] {
    const found: number[] = [];
    while (this.peek() === series) {
      const { rows } = this.#block as RollupRows;
      const base = this.#at * AGGREGATE_LENGTH;
      const start = rows[base + field.start] as number;
      if (series < this.#series || (series === this.#series && start <= this.#start))
        this.#faults.add(`the rollups of run ${this.#run} are out of order at series ${series}`);
      this.#series = series;
      this.#start = start;
      for (let at = 0; at < AGGREGATE_LENGTH; at++) found.push(rows[base + at] as number);
      this.#at += 1;
    }
    return found;
  }
}
