import type { DatabaseSync } from 'node:sqlite';
import type { Finding } from '../../../../ports/store.ts';
import { kindBit } from '../../../../ports/telemetry-store.ts';
import type { PointColumns } from '../../sealed/points/point-columns.ts';
import { mergePoints, type PointSlice } from '../../sealed/points/point-merge.ts';
import type { PointLog } from '../points/point-log.ts';
import { livePointRuns } from '../points/point-run.ts';
import { ColumnsCursor } from '../points/run-cursor.ts';
import type { SeriesTable } from '../points/series-table.ts';
import { TailStretch } from '../points/tail-stretch.ts';
import { loadPoints } from '../state/load.ts';
import { CheckedPointRun } from './checked-point-run.ts';
import { Faults, Turns } from './faults.ts';

const NUMBER = 0;
const BOOLEAN = 1;

/**
 * Checks the telemetry of a store: the log behind the seal, every block of every run, and that the newest point of each
 * series is the latest of its points. Holds one block of each run in memory, and what a start holds.
 */
export async function checkTelemetry(db: DatabaseSync): Promise<Finding[]> {
  const faults = new Faults('telemetry');
  checkPages(db, faults);
  const log = faults.attempt('the log, and with it all that follows', () => loadPoints(db));
  if (log === undefined) return faults.findings('');
  const live = livePointRuns(db);
  const sealed = Math.max(0, ...live.map(({ lastChunk }) => lastChunk));
  if (sealed !== log.sealedChunk) {
    faults.add(`log rows up to ${log.sealedChunk} count as sealed, the runs reach to ${sealed}`);
  }
  const runs = live.map((run) => new CheckedPointRun(db, run, log.series.count, faults));
  const newest = new NewestPoints(log.series);
  const turns = new Turns();
  for (const slice of mergePoints([...runs, tailOf(log)], { replaced: 0 })) {
    newest.take(slice);
    if (turns.due) await turns.next();
  }
  // Without some of the points nothing can be said about the newest.
  if (runs.every(({ incomplete }) => !incomplete)) newest.tell(faults);
  return faults.findings(
    `${newest.points} points of ${log.series.count} series in ${runs.length} runs and ${log.tail.points} in the log: ` +
      'each there once and in order; the newest point of each series is that of its points',
  );
}

/** Series are numbered by their place in the pages. */
function checkPages(db: DatabaseSync, faults: Faults): void {
  const rows = db.prepare('SELECT page FROM series_page ORDER BY page').all() as { page: number }[];
  const missing = rows.findIndex(({ page }, place) => page !== place);
  if (missing >= 0) faults.add(`page ${missing} of the series is missing`);
}

function tailOf({ series, tail }: PointLog): ColumnsCursor {
  const stretch = new TailStretch(tail, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  for (let number = 0; number < series.count; number++) stretch.add(number, series.heads[number] as number);
  return new ColumnsCursor(stretch.points());
}

/** Takes all points by series and time, and compares the last one of each series with what the table of series says. */
class NewestPoints {
  points = 0;
  readonly #table: SeriesTable;
  readonly #faults = new Faults('telemetry');
  #series = -1;
  #time = 0;
  #value: number | string | boolean = 0;
  /** Kinds of the points of the series, by their bits. */
  #kinds = 0;

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  take({ columns, from, to }: PointSlice): void {
    this.points += to - from;
    for (let at = from; at < to; at++) {
      const series = columns.series[at] as number;
      if (series !== this.#series) this.#begin(series);
      this.#kinds |= kindBit(columns.kinds[at] as number);
      if (at === to - 1 || columns.series[at + 1] !== series) {
        this.#time = columns.times[at] as number;
        this.#value = pointValue(columns, at);
      }
    }
  }

  #begin(series: number): void {
    if (this.#series >= 0) this.#compare();
    // A series is made by its first point.
    for (let empty = this.#series + 1; empty < series; empty++)
      this.#faults.add(`${this.#name(empty)} has no point`);
    this.#series = series;
    this.#kinds = 0;
  }

  #compare(): void {
    const { time, value, kinds } = this.#table.latest(this.#series);
    if (time !== this.#time || !Object.is(value, this.#value)) {
      const told = `${shown(value)} at ${time}, its points give ${shown(this.#value)} at ${this.#time}`;
      this.#faults.add(`the newest point of ${this.#name(this.#series)} is ${told}`);
    }
    // A value that was replaced may have been the only one of its kind.
    if ((kinds & this.#kinds) !== this.#kinds)
      this.#faults.add(`${this.#name(this.#series)} has values of a kind that it is not noted for`);
  }

  #name(series: number): string {
    const { deviceId, key } = this.#table.name(series);
    return `${deviceId} ${key}`;
  }

  tell(faults: Faults): void {
    this.#begin(this.#table.count);
    faults.take(this.#faults);
  }
}

function pointValue({ kinds, values, texts }: PointColumns, at: number): number | string | boolean {
  const value = values[at] as number;
  if (kinds[at] === NUMBER) return value;
  return kinds[at] === BOOLEAN ? value === 1 : (texts[value] as string);
}

/** A text may be of any length. */
function shown(value: number | string | boolean): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}
