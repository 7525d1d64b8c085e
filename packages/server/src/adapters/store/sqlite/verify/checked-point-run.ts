import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { decodePointBlock, readPointHead } from '../../sealed/points/point-block.ts';
import { type PointColumns, pointSpace } from '../../sealed/points/point-columns.ts';
import type { PointBlockHead } from '../../sealed/points/point-head.ts';
import type { PointCursor } from '../../sealed/points/point-merge.ts';
import { POINT_BLOCKS_PER_RUN, type PointRun } from '../points/point-run.ts';
import { CheckedRollups } from './checked-rollups.ts';
import type { Faults } from './faults.ts';

interface BlockRow {
  readonly id: number;
  readonly run: number;
  readonly series: number;
  readonly time: number;
  readonly data: Uint8Array;
}

/** Reads all points of a run, and compares each block with what is said about it. A bad one is told and passed over. */
export class CheckedPointRun implements PointCursor {
  columns: PointColumns = { ...pointSpace(0), count: 0, texts: [] };
  at = 0;
  end = 0;
  /** True where a block could not be used: points are missing in what this cursor shows. */
  incomplete = false;
  readonly #run: PointRun;
  readonly #faults: Faults;
  readonly #seriesCount: number;
  readonly #block: StatementSync;
  readonly #rollups: CheckedRollups;
  #next: number;
  #points = 0;
  #bytes = 0;
  #minTime = Number.MAX_SAFE_INTEGER;
  #maxTime = Number.MIN_SAFE_INTEGER;
  /** The point before the block at hand. */
  #series = -1;
  #time = 0;

  /** @param seriesCount - how many series there are */
  constructor(db: DatabaseSync, run: PointRun, seriesCount: number, faults: Faults) {
    this.#run = run;
    this.#faults = faults;
    this.#seriesCount = seriesCount;
    this.#next = run.id * POINT_BLOCKS_PER_RUN;
    this.#rollups = new CheckedRollups(db, run.id, faults);
    this.#block = db.prepare(
      'SELECT id, run, series, time, data FROM point_block WHERE id >= ? AND id < ? ORDER BY id LIMIT 1',
    );
  }

  advance(): boolean {
    for (;;) {
      const row = this.#block.get(this.#next, (this.#run.id + 1) * POINT_BLOCKS_PER_RUN);
      if (row === undefined) {
        this.#compareSums();
        return false;
      }
      if (this.#take(row as unknown as BlockRow)) return true;
      this.incomplete = true;
    }
  }

  #fault(detail: string): false {
    this.#faults.add(detail);
    return false;
  }

  #take(row: BlockRow): boolean {
    const number = row.id % POINT_BLOCKS_PER_RUN;
    const name = `block ${number} of run ${this.#run.id}`;
    if (row.id !== this.#next) {
      this.incomplete = true;
      this.#fault(`block ${this.#next % POINT_BLOCKS_PER_RUN} of run ${this.#run.id} is missing`);
    }
    this.#next = row.id + 1;
    this.#bytes += row.data.length;
    const found = this.#faults.attempt(name, () => ({
      columns: decodePointBlock(row.data),
      head: readPointHead(row.data),
    }));
    if (found === undefined) return false;
    const { columns, head } = found;
    this.columns = columns;
    this.at = 0;
    this.end = columns.count;
    this.#points += columns.count;
    if (row.run !== this.#run.id || row.series !== columns.series[0] || row.time !== columns.times[0]) {
      this.#fault(`${name} does not begin where the table says`);
    }
    if (!this.#checkOrder(name) || !this.#checkBounds(name, head)) return false;
    // Of points that are missing or out of order nothing can be said.
    if (!this.incomplete) this.#rollups.take(columns);
    return true;
  }

  /** By series and time, none twice: a merge relies on it. */
  #checkOrder(name: string): boolean {
    const { series, times } = this.columns;
    let [ownSeries, ownTime] = [this.#series, this.#time];
    for (let at = 0; at < this.end; at++) {
      const nextSeries = series[at] as number;
      const nextTime = times[at] as number;
      if (nextSeries < ownSeries || (nextSeries === ownSeries && nextTime <= ownTime)) {
        return this.#fault(`${name} is out of order at point ${at}`);
      }
      ownSeries = nextSeries;
      ownTime = nextTime;
    }
    this.#series = ownSeries;
    this.#time = ownTime;
    if (ownSeries < this.#seriesCount) return true;
    return this.#fault(`${name} names series ${ownSeries}, which does not exist`);
  }

  #checkBounds(name: string, head: PointBlockHead): boolean {
    const { series, times } = this.columns;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < this.end; at++) {
      least = Math.min(least, times[at] as number);
      most = Math.max(most, times[at] as number);
    }
    this.#minTime = Math.min(this.#minTime, least);
    this.#maxTime = Math.max(this.#maxTime, most);
    if (least < this.#run.minTime || most > this.#run.maxTime) {
      this.#fault(`${name} holds points outside of the times of its run`);
    }
    const right =
      head.count === this.end &&
      head.minTime === least &&
      head.maxTime === most &&
      head.firstSeries === series[0] &&
      head.lastSeries === series[this.end - 1];
    if (!right) this.#fault(`the head of ${name} is not that of its points`);
    return true;
  }

  #compareSums(): void {
    if (this.incomplete) return;
    this.#rollups.end();
    const { id, points, bytes, minTime, maxTime } = this.#run;
    if (points !== this.#points) this.#fault(`run ${id} has ${this.#points} points where it says ${points}`);
    if (bytes !== this.#bytes) this.#fault(`run ${id} has ${this.#bytes} bytes where it says ${bytes}`);
    if (minTime !== this.#minTime || maxTime !== this.#maxTime)
      this.#fault(`the times of run ${id} are not those of its points`);
  }
}
