import { freeBytes } from '../../sealed/bytes.ts';
import type { Engine } from '../state/engine.ts';
import type { MergePace } from '../threads/merge-pace.ts';
import type { OnDemandThread } from '../threads/on-demand-thread.ts';
import type { FinishedPointRun, PointRun } from './point-run.ts';
import type { PointBlocks, PointMergeOrder, PointSealOrder } from './point-seal.ts';

/** Unsealed points from which the oldest are sorted into history: 25 bytes each in memory. */
const SEAL_POINTS = 262_144;

/** A step ended: the owner looks after the write-ahead log, and throws where it was stopped. */
type Between = () => void;

/** What happens behind the commits of points; the steps are those of the events, see `Housekeeping`. */
export class PointHousekeeping {
  readonly #engine: Engine;
  readonly #maintenance: OnDemandThread;
  readonly #between: Between;
  readonly #sealPoints: number;

  constructor(engine: Engine, maintenance: OnDemandThread, between: Between, sealPoints = SEAL_POINTS) {
    this.#engine = engine;
    this.#maintenance = maintenance;
    this.#between = between;
    this.#sealPoints = sealPoints;
  }

  /** True where the tail holds more than so many runs. */
  exceeds(runs: number): boolean {
    return this.#engine.points.tail.points >= this.#sealPoints * runs;
  }

  /** What was committed since the start, in runs. */
  get committed(): number {
    return this.#engine.points.tail.newest / this.#sealPoints;
  }

  /** Turns the oldest part of the tail into runs until it is short. */
  async sealAll(): Promise<void> {
    while (this.exceeds(1)) await this.seal(this.#sealPoints);
  }

  /** Merges as long as a level has runs enough. */
  async mergeAll(pace: MergePace): Promise<void> {
    for (let full = this.#fullLevel(pace.fanIn); full.length > 0; full = this.#fullLevel(pace.fanIn)) {
      await this.merge(full);
    }
  }

  /** Seals at least so many points of the tail, or all. False where there are none. */
  async seal(atLeast: number): Promise<boolean> {
    const { points } = this.#engine;
    const { segments, points: count, lastChunk } = points.tail.sealable(atLeast);
    if (count === 0) return false;
    const run = this.#begin();
    const order: PointSealOrder = { run, points: points.tail.take(segments), lastChunk };
    const { series, times, values, kinds } = order.points;
    const transfer = [series, times, values, kinds].map(({ buffer }) => buffer as ArrayBuffer);
    await this.#maintenance.call('sealPoints', order, transfer);
    const finished = await this.#store(run);
    // Names and newest points of all series in the rows that go must be on disk before.
    const pages = await this.#maintenance.call<{ page: number; data: Uint8Array }[]>(
      'packSeries',
      points.series.takePages(),
    );
    this.#between();
    this.#engine.transaction(() => {
      this.#engine.noteWritten(points.putPages(pages));
      points.finishSeal(finished, lastChunk);
    });
    points.sealed(segments, lastChunk);
    while (points.sweep()) await this.#pause();
    return true;
  }

  /** The runs of the lowest level that has enough of them: neighbours in the order of commits. */
  #fullLevel(fanIn: number): readonly PointRun[] {
    const { live } = this.#engine.points.runs;
    const levels = [...new Set(live.map((run) => run.level))].sort((a, b) => a - b);
    for (const level of levels) {
      const runs = live.filter((run) => run.level === level);
      if (runs.length >= fanIn) return runs;
    }
    return [];
  }

  /** @param runs - neighbours, from the oldest commits to the newest */
  async merge(runs: readonly PointRun[]): Promise<void> {
    const run = this.#begin();
    const level = Math.max(...runs.map((one) => one.level)) + 1;
    await this.#maintenance.call('mergePoints', { run, level, runs } satisfies PointMergeOrder);
    const finished = await this.#store(run, () => this.sealAll());
    this.#engine.transaction(() => {
      this.#engine.points.runs.activate(finished);
      this.#engine.points.runs.retire(runs.map((one) => one.id));
    });
    this.#engine.points.runs.refresh();
  }

  /** Deletes runs that are not live; none may be in building. */
  async sweep(): Promise<void> {
    while (this.#engine.points.sweep()) await this.#pause();
    while (this.#engine.points.runs.sweep()) await this.#pause();
  }

  #begin(): number {
    let run = 0;
    this.#engine.transaction(() => {
      run = this.#engine.points.runs.begin();
    });
    return run;
  }

  async #store(run: number, meanwhile?: () => Promise<void>): Promise<FinishedPointRun> {
    let slice = this.#maintenance.call<PointBlocks>('nextPoints', run);
    for (;;) {
      const { blocks, rollups, finished } = await slice;
      this.#between();
      if (finished === null) slice = this.#maintenance.call<PointBlocks>('nextPoints', run);
      slice.catch(() => undefined);
      if (blocks.length + rollups.length > 0) {
        this.#engine.transaction(() => {
          this.#engine.noteWritten(this.#engine.points.putBlocks(run, blocks, rollups));
        });
        freeBytes(...[...blocks, ...rollups].map(({ data }) => data));
      }
      if (finished !== null) return finished;
      await meanwhile?.();
    }
  }

  #pause(): Promise<void> {
    this.#between();
    return new Promise((resolve) => setImmediate(resolve));
  }
}
