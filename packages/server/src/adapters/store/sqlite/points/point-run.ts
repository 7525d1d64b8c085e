import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SealedRollups } from '../rollups/run-rollups.ts';

/** One sealed run of points as the manifest knows it. */
export interface PointRun {
  readonly id: number;
  readonly level: number;
  readonly points: number;
  readonly bytes: number;
  /** Range of the points' times. */
  readonly minTime: number;
  readonly maxTime: number;
  /** Newest log chunk in it: orders runs by when their points were committed. */
  readonly lastChunk: number;
}

/** A block of a run, and its first point. */
export interface SealedPointBlock {
  readonly series: number;
  readonly time: number;
  readonly data: Uint8Array;
}

/** What a sealing or merging job ends with. */
export interface FinishedPointRun extends Omit<PointRun, 'id'> {
  readonly run: number;
  /** Points whose value a later one replaced. */
  readonly replaced: number;
}

/** Blocks of one run, at most; block `n` of a run has the id `run * POINT_BLOCKS_PER_RUN + n`; so have rollups. */
export const POINT_BLOCKS_PER_RUN = 2 ** 22;
const SWEEP_BLOCKS = 200;

const LIVE = `SELECT id, level, points, bytes, min_time AS minTime, max_time AS maxTime, last_chunk AS lastChunk
  FROM point_run WHERE live = 1 ORDER BY last_chunk`;

/** The runs that are part of history, from the oldest commits to the newest. */
export function livePointRuns(db: DatabaseSync): PointRun[] {
  return db.prepare(LIVE).all() as unknown as PointRun[];
}

/** The sealed runs of points on the writing connection. */
export class PointRuns {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #putRollup: StatementSync;
  #live: readonly PointRun[] = [];
  /** Blocks written so far of the runs in building. */
  readonly #blocks = new Map<number, number>();
  /** The same for blocks of rollups. */
  readonly #rollups = new Map<number, number>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#put = db.prepare('INSERT INTO point_block (id, run, series, time, data) VALUES (?, ?, ?, ?, ?)');
    this.#putRollup = db.prepare(
      'INSERT INTO point_rollup (id, run, width, series, start, data) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.refresh();
  }

  get live(): readonly PointRun[] {
    return this.#live;
  }

  /** To be called whenever the set of live runs has changed. */
  refresh(): void {
    this.#live = livePointRuns(this.#db);
  }

  /** Registers a run that is being built: its blocks are garbage until {@link activate}. */
  begin(): number {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO point_run (live, level, points, bytes, min_time, max_time, last_chunk, replaced)
         VALUES (0, 0, 0, 0, 0, 0, 0, 0)`,
      )
      .run();
    return Number(lastInsertRowid);
  }

  putBlocks(run: number, blocks: readonly SealedPointBlock[]): number {
    const first = this.#blocks.get(run) ?? 0;
    this.#blocks.set(run, first + blocks.length);
    let bytes = 0;
    for (const [at, { series, time, data }] of blocks.entries()) {
      this.#put.run(run * POINT_BLOCKS_PER_RUN + first + at, run, series, time, data);
      bytes += data.length;
    }
    return bytes;
  }

  putRollups(run: number, rollups: readonly SealedRollups[]): number {
    const first = this.#rollups.get(run) ?? 0;
    this.#rollups.set(run, first + rollups.length);
    let bytes = 0;
    for (const [at, { width, series, start, data }] of rollups.entries()) {
      this.#putRollup.run(run * POINT_BLOCKS_PER_RUN + first + at, run, width, series, start, data);
      bytes += data.length;
    }
    return bytes;
  }

  activate({ run, level, points, bytes, minTime, maxTime, lastChunk, replaced }: FinishedPointRun): void {
    this.#blocks.delete(run);
    this.#rollups.delete(run);
    this.#db
      .prepare(
        `UPDATE point_run SET live = 1, level = ?, points = ?, bytes = ?, min_time = ?, max_time = ?, last_chunk = ?,
           replaced = ? WHERE id = ?`,
      )
      .run(level, points, bytes, minTime, maxTime, lastChunk, replaced, run);
  }

  retire(runs: readonly number[]): void {
    const retire = this.#db.prepare('UPDATE point_run SET live = 0 WHERE id = ?');
    for (const run of runs) retire.run(run);
  }

  /** Deletes a slice of the runs that are not live. True if more is left. No run may be in building. */
  sweep(): boolean {
    const dead = this.#db.prepare('SELECT id FROM point_run WHERE live = 0 LIMIT 1').get() as
      | { id: number }
      | undefined;
    if (dead === undefined) return false;
    const first = dead.id * POINT_BLOCKS_PER_RUN;
    for (const table of ['point_block', 'point_rollup']) {
      const deleted = this.#db
        .prepare(
          `DELETE FROM ${table} WHERE id IN
             (SELECT id FROM ${table} WHERE id >= ? AND id < ? ORDER BY id LIMIT ${SWEEP_BLOCKS})`,
        )
        .run(first, first + POINT_BLOCKS_PER_RUN);
      if (Number(deleted.changes) === SWEEP_BLOCKS) return true;
    }
    this.#db.prepare('DELETE FROM point_run WHERE id = ?').run(dead.id);
    return true;
  }
}
