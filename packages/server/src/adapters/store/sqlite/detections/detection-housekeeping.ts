import { freeBytes } from '../../sealed/bytes.ts';
import { isDamage } from '../format/connection.ts';
import {
  type DetectionRun,
  type FinishedDetectionRun,
  mergeableDetectionRuns,
} from '../sealed-detections/detection-run.ts';
import type { DetectionMergeOrder, SealSlice } from '../sealed-detections/detection-seal.ts';
import type { Engine } from '../state/engine.ts';
import type { MergePace } from '../threads/merge-pace.ts';
import type { OnDemandThread } from '../threads/on-demand-thread.ts';
import type { SealableDetections } from './detection-tail.ts';
import type { LogSealOrder } from './log-rows.ts';

/** Unsealed detections from which the oldest are sorted into history: about 200 bytes each in memory. */
const SEAL_DETECTIONS = 65_536;
/** Bytes that a network costs in the write-ahead log, about, where many are written at once. */
const NETWORK_BYTES = 256;

/** What happens behind the commits of detections; the steps are those of the events, see `Housekeeping`. */
export class DetectionHousekeeping {
  readonly #engine: Engine;
  readonly #maintenance: OnDemandThread;
  readonly #between: () => void;
  readonly #sealDetections: number;
  /** The fold that was asked for and is under way. */
  #folding: Promise<void> | undefined;
  /** A seal that is under way folds up to this ordinal; nobody else may meanwhile. */
  #claimed = 0;
  /** Folds that wait for networks of that seal. */
  #waiting: (() => void)[] = [];

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
  foldUpTo(ordinal: number): Promise<void> {
    const folding = this.#fold(ordinal).finally(() => {
      if (this.#folding === folding) this.#folding = undefined;
    });
    this.#folding = folding;
    return folding;
  }

  async #fold(ordinal: number): Promise<void> {
    const { detections } = this.#engine;
    while (detections.folded < ordinal) {
      if (detections.folded < this.#claimed)
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      else this.#engine.transaction(() => detections.fold());
      await this.#pause();
    }
  }

  #release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** What was ever committed, in runs. */
  get committed(): number {
    return this.#engine.detections.log.tail.nextOrdinal / this.#sealDetections;
  }

  /** Turns the oldest part of the tail into runs until it is short. */
  async sealAll(): Promise<void> {
    while (this.exceeds(1) && (await this.seal(this.#sealDetections)));
  }

  /** Seals at most so many of the oldest detections, but at least a segment. False where there are none. */
  async seal(atMost: number): Promise<boolean> {
    const { log } = this.#engine.detections;
    // A seal takes what has come since somebody asked for networks, too; whoever did does not wait for that.
    await this.#folding?.catch(() => undefined);
    this.#between();
    // One open segment that is all there is: small runs are wanted, or its records are large.
    if (log.tail.sealable(atMost).detections === 0) log.tail.cut();
    const part = log.tail.sealable(atMost);
    if (part.detections === 0) return false;
    // What is sealed leaves the tail, from which networks are made otherwise; so the seal makes them of what is not in any.
    this.#claimed = part.nextOrdinal - 1;
    try {
      await this.#sealPart(part);
    } finally {
      this.#claimed = 0;
      this.#release();
    }
    while (log.sweep()) await this.#pause();
    return true;
  }

  async #sealPart(part: SealableDetections): Promise<void> {
    const { detections } = this.#engine;
    const { log, runs } = detections;
    const { firstOrdinal } = log.tail;
    const order: LogSealOrder = {
      run: this.#begin(),
      detections: part.detections,
      firstOrdinal,
      afterChunk: log.sealedChunk,
      lastChunk: part.lastChunk,
      folded: Math.max(0, detections.folded + 1 - firstOrdinal),
    };
    await this.#maintenance.call('sealDetections', order);
    const finished = await this.#store(order.run);
    this.#between();
    this.#engine.transaction(() => {
      runs.activate(finished);
      log.finishSeal(part);
    });
    this.#engine.noteWritten(finished.filter?.length ?? 0);
    log.sealed(part);
    detections.refresh();
  }

  /** Merges as long as there are runs enough. */
  async mergeAll(pace: MergePace): Promise<void> {
    // A merge would read the damaged block again and again; what is readable stays readable without it.
    while (this.#engine.detections.lookup.damage === undefined) {
      const runs = mergeableDetectionRuns(this.#engine.detections.runs.live, pace.fanIn);
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
    const { detections } = this.#engine;
    let slice = this.#maintenance.call<SealSlice>('nextDetections', run);
    for (;;) {
      const pieces = await slice;
      const { blocks, parts, networks, finished } = pieces;
      this.#between();
      if (finished === null) slice = this.#maintenance.call<SealSlice>('nextDetections', run);
      slice.catch(() => undefined);
      this.#engine.transaction(() => {
        this.#engine.noteWritten(detections.runs.putBlocks(run, pieces));
        if (networks === undefined) return;
        detections.takeNetworks(networks);
        this.#engine.noteWritten(networks.count * NETWORK_BYTES);
      });
      this.#release();
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
