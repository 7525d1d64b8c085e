import { freeBytes } from '../format/bytes.ts';
import { isDamage } from '../format/connection.ts';
import {
  type DetectionRun,
  type FinishedDetectionRun,
  mergeableDetectionRuns,
} from '../sealed-detections/detection-run.ts';
import type { DetectionMergeOrder } from '../sealed-detections/detection-seal.ts';
import type { DetectionSlice } from '../sealed-detections/run-builder.ts';
import type { Engine } from '../state/engine.ts';
import type { OnDemandThread } from '../threads/on-demand-thread.ts';
import type { LogSealOrder } from './log-rows.ts';

/** Unsealed detections from which the oldest are sorted into history: about 200 bytes each in memory. */
const SEAL_DETECTIONS = 65_536;

/** What happens behind the commits of detections; the steps are those of the events, see `Housekeeping`. */
export class DetectionHousekeeping {
  readonly #engine: Engine;
  readonly #maintenance: OnDemandThread;
  readonly #between: () => void;
  readonly #sealDetections: number;

  /** @param between - called where a step ended; throws where housekeeping was stopped */
  constructor(
    engine: Engine,
    maintenance: OnDemandThread,
    between: () => void,
    sealDetections = SEAL_DETECTIONS,
  ) {
    this.#engine = engine;
    this.#maintenance = maintenance;
    this.#between = between;
    this.#sealDetections = sealDetections;
  }

  /** True where the tail holds more than so many runs. */
  exceeds(runs: number): boolean {
    return this.#engine.detections.log.tail.events >= this.#sealDetections * runs;
  }

  /** Takes the detections up to an ordinal into their networks, with room for commits in between; those do not prolong it. */
  async foldUpTo(ordinal: number): Promise<void> {
    const { detections } = this.#engine;
    while (detections.folded < ordinal) {
      this.#engine.transaction(() => detections.fold());
      await this.#pause();
    }
  }

  /** Turns the oldest part of the tail into runs until it is short. */
  async sealAll(): Promise<void> {
    while (this.exceeds(1) && (await this.seal(this.#sealDetections)));
  }

  /** Seals at most so many of the oldest detections, but at least a segment. False where there are none. */
  async seal(atMost: number): Promise<boolean> {
    const { detections } = this.#engine;
    const { log, runs } = detections;
    // One open segment that is all there is: small runs are wanted, or its records are large.
    if (log.tail.sealable(atMost).detections === 0) log.tail.cut();
    const part = log.tail.sealable(atMost);
    if (part.detections === 0) return false;
    const run = this.#begin();
    // What is sealed leaves the tail, from which networks are made; so both must be done, side by side.
    const folding = this.foldUpTo(part.nextOrdinal - 1);
    folding.catch(() => undefined);
    const order: LogSealOrder = {
      run,
      detections: part.detections,
      firstOrdinal: log.tail.firstOrdinal,
      afterChunk: log.sealedChunk,
      lastChunk: part.lastChunk,
    };
    await this.#maintenance.call('sealDetections', order);
    const finished = await this.#store(run);
    await folding;
    this.#between();
    this.#engine.transaction(() => {
      runs.activate(finished);
      log.finishSeal(part);
    });
    this.#engine.noteWritten(finished.filter?.length ?? 0);
    log.sealed(part);
    detections.refresh();
    while (log.sweep()) await this.#pause();
    return true;
  }

  /** Merges as long as there are runs enough. */
  async mergeAll(): Promise<void> {
    // A merge would read the damaged block again and again; what is readable stays readable without it.
    while (this.#engine.detections.lookup.damage === undefined) {
      const runs = mergeableDetectionRuns(this.#engine.detections.runs.live);
      if (runs.length === 0) return;
      await this.merge(runs);
    }
  }

  async merge(merged: readonly DetectionRun[]): Promise<void> {
    const run = this.#begin();
    const level = Math.max(...merged.map((one) => one.level)) + 1;
    await this.#maintenance.call('mergeDetections', {
      run,
      level,
      runs: merged,
    } satisfies DetectionMergeOrder);
    try {
      const finished = await this.#store(run, () => this.sealAll());
      this.#engine.transaction(() => {
        this.#engine.detections.runs.activate(finished);
        this.#engine.detections.runs.retire(merged.map((one) => one.id));
      });
      this.#engine.detections.refresh();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#engine.detections.lookup.damage = String(error);
    }
  }

  /** Deletes what is no longer needed; no run may be in building. */
  async sweep(): Promise<void> {
    const { log, runs } = this.#engine.detections;
    while (log.sweep()) await this.#pause();
    while (runs.sweep()) await this.#pause();
  }

  #begin(): number {
    let run = 0;
    this.#engine.transaction(() => {
      run = this.#engine.detections.runs.begin();
    });
    return run;
  }

  async #store(run: number, meanwhile?: () => Promise<void>): Promise<FinishedDetectionRun> {
    let slice = this.#maintenance.call<DetectionSlice>('nextDetections', run);
    for (;;) {
      const pieces = await slice;
      const { blocks, parts, finished } = pieces;
      this.#between();
      if (finished === null) slice = this.#maintenance.call<DetectionSlice>('nextDetections', run);
      slice.catch(() => undefined);
      this.#engine.transaction(() => {
        this.#engine.noteWritten(this.#engine.detections.runs.putBlocks(run, pieces));
      });
      freeBytes(...blocks.flatMap(({ hot, cold }) => [hot, cold]), ...parts);
      if (finished !== null) return finished;
      await meanwhile?.();
    }
  }

  #pause(): Promise<void> {
    this.#between();
    return new Promise((resolve) => setImmediate(resolve));
  }
}
