import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import type { PositionSet } from '../../core/copy/position-set.ts';
import type { StoredDetection } from '../../ports/detection-store.ts';
import type {
  CopiedPoints,
  StoreHeads,
  StoreSink,
  StoreSnapshot,
  StoreSource,
} from '../../ports/store-copy.ts';
import { EventComparison } from './compare-events.ts';
import { compareRest } from './compare-rest.ts';
import {
  isSame,
  type KindReport,
  type MoveDifference,
  type MoveProgress,
  type MoveReport,
  type MoveStep,
} from './move-report.ts';

/** Events after which a state of the source is given up for a newer one, so that none is held for long. */
const EVENTS_PER_STATE = 2_000_000;
/** What the target takes in one go. */
const DETECTIONS_AT_ONCE = 32_768;
const POINTS_AT_ONCE = 200_000;
/** With fewer events to come, the target counts as nearly there. */
const FEW_EVENTS = 20_000;

export interface MoveOptions {
  /** Ends the move: the source must have been stopped. Without it all is copied that is there, and the source may go on. */
  readonly cutOver: boolean;
  /** How long a source that tells nothing of its processes must not have changed before it counts as stopped, milliseconds. */
  readonly stillMs: number;
  /** Aborted to stop early; what was copied stays, and the next run goes on from it. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MoveProgress) => void;
}

/** The stores of a move. */
export interface MovedStores {
  readonly source: StoreSource;
  readonly sink: StoreSink;
}

/**
 * Fills an empty store with all that another one holds, while that one goes on, and compares the two. May end at any moment,
 * by the signal, an error or a kill: what is in the target then is found by the next run, which goes on from there.
 *
 * @throws {PisyncError} `store_locked` where a process still has the source open at the cut-over; the reason of the signal
 */
export async function moveStore(stores: MovedStores, options: MoveOptions): Promise<MoveReport> {
  return new StoreMove(stores, options).run();
}

/** Compares two stores that nobody changes meanwhile. Closes the target. */
export async function compareMoved(
  source: StoreSource,
  target: StoreSource,
  options: Pick<MoveOptions, 'signal' | 'onProgress'>,
): Promise<MoveReport> {
  const started = performance.now();
  try {
    const [expected, found] = [await source.snapshot(), await target.snapshot()];
    try {
      const { kinds, differences } = await compareSnapshots(expected, found, options);
      return {
        from: source.shown,
        to: target.shown,
        finished: true,
        sourceWentOn: false,
        heads: expected.heads,
        found: found.heads.position,
        copied: 0,
        kinds,
        differences,
        durations: { compare: performance.now() - started },
      };
    } finally {
      await expected.close();
      await found.close();
    }
  } finally {
    await target.close();
  }
}

async function compareSnapshots(
  expected: StoreSnapshot,
  found: StoreSnapshot,
  { signal, onProgress }: Pick<MoveOptions, 'signal' | 'onProgress'>,
): Promise<Pick<MoveReport, 'kinds' | 'differences'>> {
  const comparison = new EventComparison();
  const total = expected.heads.position + found.heads.position;
  const tell = () => {
    signal.throwIfAborted();
    onProgress({
      step: 'compare',
      of: 'events',
      done: comparison.source.size + comparison.target.size,
      total,
    });
  };
  for await (const events of expected.events(comparison.source, Number.POSITIVE_INFINITY)) {
    comparison.addSource(events);
    tell();
  }
  for await (const events of found.events(comparison.target, Number.POSITIVE_INFINITY)) {
    comparison.addTarget(events);
    tell();
  }
  const events = comparison.report();
  const ofEvents = events.same ? [] : await comparison.explain(expected, found);
  const rest = await compareRest(expected, found, tell);
  return { kinds: [events, ...rest.kinds], differences: [...ofEvents, ...rest.differences] };
}

class StoreMove {
  readonly #stores: MovedStores;
  readonly #options: MoveOptions;
  readonly #comparison = new EventComparison();
  readonly #durations: Partial<Record<MoveStep, number>> = {};
  #there!: PositionSet;
  #heads: StoreHeads = { position: 0, ordinal: 0, series: 0, devices: 0 };
  #found = 0;
  #copied = 0;
  #step: MoveStep = 'look';
  #since = performance.now();
  /** See `StoreSource.activity`, as of the last state that was copied. */
  #activity = '';
  #sourceWentOn = false;

  constructor(stores: MovedStores, options: MoveOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  async run(): Promise<MoveReport> {
    const { source, sink } = this.#stores;
    this.#begin('look');
    this.#there = await sink.positions();
    this.#found = this.#there.size;
    this.#begin('copy');
    await this.#copyMost();
    // While the indexes are made on one side, the other reads what is there.
    this.#begin('index');
    await Promise.all([sink.settle(), this.#readTarget()]);
    this.#begin('catch_up');
    await this.#copyState();
    if (!this.#options.cutOver) return this.#report(false, [], []);
    this.#begin('cut_over');
    await this.#untilStopped();
    this.#activity = await source.activity();
    const last = await source.snapshot();
    try {
      return await this.#finish(last);
    } finally {
      await last.close();
    }
  }

  async #finish(last: StoreSnapshot): Promise<MoveReport> {
    const { source, sink } = this.#stores;
    await this.#copy(last, Number.POSITIVE_INFINITY);
    this.#begin('compare');
    await this.#readTarget();
    const events = this.#comparison.report();
    if (!events.same || events.source !== this.#heads.position) {
      return this.#report(false, [{ ...events, same: false }], await this.#explain(last));
    }
    this.#begin('finish');
    await sink.finish(last);
    const found = await sink.finished();
    try {
      const rest = await compareRest(last, found, () => this.#tell(0, 0));
      const finished = isSame(rest);
      this.#sourceWentOn = (await source.activity()) !== this.#activity;
      if (finished) await sink.publish();
      return this.#report(finished, [events, ...rest.kinds], rest.differences);
    } finally {
      await found.close();
    }
  }

  /** Copies state by state until little comes between two of them, or no less than before. */
  async #copyMost(): Promise<void> {
    let before = Number.POSITIVE_INFINITY;
    for (;;) {
      const read = await this.#copyState();
      // A state with many events may have ended before all of them came.
      const missing = this.#heads.position - this.#comparison.source.size;
      if (missing > 0 && read > 0) continue;
      if (missing > 0) {
        const detail = `${this.#stores.source.shown} counts ${this.#heads.position} events, and ${missing} of them are not there`;
        throw new PisyncError('store_damaged', { detail });
      }
      if (read <= FEW_EVENTS || read >= before) return;
      before = read;
    }
  }

  async #explain(last: StoreSnapshot): Promise<readonly MoveDifference[]> {
    const target = await this.#target();
    try {
      return await this.#comparison.explain(last, target);
    } finally {
      await target.close();
    }
  }

  /** Copies what a new state of the source has more. @returns how many events that were */
  async #copyState(): Promise<number> {
    const snapshot = await this.#stores.source.snapshot();
    try {
      return await this.#copy(snapshot, EVENTS_PER_STATE);
    } finally {
      await snapshot.close();
    }
  }

  async #copy(snapshot: StoreSnapshot, limit: number): Promise<number> {
    const { sink } = this.#stores;
    const there = this.#there;
    this.#heads = snapshot.heads;
    let read = 0;
    for await (const events of snapshot.events(this.#comparison.source, limit)) {
      this.#options.signal.throwIfAborted();
      const missing = events.filter(({ position }) => !there.has(position));
      await sink.addEvents(missing);
      this.#comparison.addSource(events);
      for (const { position } of missing) there.add(position);
      read += events.length;
      this.#copied += missing.length;
      this.#tell(this.#comparison.source.size, this.#heads.position);
    }
    await sink.flush();
    await this.#copyDetections(snapshot);
    await this.#copyPoints(snapshot);
    return read;
  }

  async #copyDetections(snapshot: StoreSnapshot): Promise<void> {
    const { sink } = this.#stores;
    let waiting: StoredDetection[] = [];
    for await (const detections of snapshot.detections(await sink.detections.newest())) {
      this.#options.signal.throwIfAborted();
      waiting.push(...detections);
      if (waiting.length < DETECTIONS_AT_ONCE) continue;
      await sink.detections.add(waiting);
      this.#tell((waiting.at(-1) as StoredDetection).ordinal, snapshot.heads.ordinal, 'detections');
      waiting = [];
    }
    if (waiting.length > 0) await sink.detections.add(waiting);
  }

  async #copyPoints(snapshot: StoreSnapshot): Promise<void> {
    const { sink } = this.#stores;
    await sink.points.begin();
    let waiting: CopiedPoints[] = [];
    let count = 0;
    for await (const part of snapshot.points(await sink.points.mark())) {
      waiting.push(part);
      count += part.points.count;
      if (count < POINTS_AT_ONCE) continue;
      this.#options.signal.throwIfAborted();
      await sink.points.add(waiting);
      this.#tell(part.series, snapshot.heads.series, 'series');
      waiting = [];
      count = 0;
    }
    if (count > 0) await sink.points.add(waiting);
    await sink.points.end(snapshot.pointsMark);
  }

  #target(): Promise<StoreSnapshot> {
    return this.#stores.sink.readBack(this.#heads.position);
  }

  async #readTarget(): Promise<void> {
    const snapshot = await this.#target();
    try {
      for await (const events of snapshot.events(this.#comparison.target, Number.POSITIVE_INFINITY)) {
        this.#options.signal.throwIfAborted();
        this.#comparison.addTarget(events);
        this.#tell(this.#comparison.target.size, this.#heads.position);
      }
    } finally {
      await snapshot.close();
    }
  }

  async #untilStopped(): Promise<void> {
    const { source } = this.#stores;
    const held = await source.hold();
    if (held === true) return;
    if (held === false) {
      throw new PisyncError('store_locked', {
        detail: `${source.shown} is still open in a PiSync process. All that it held a moment ago is copied; stop that process, then run the same command again.`,
      });
    }
    const { stillMs, signal } = this.#options;
    const before = await source.activity();
    await delay(stillMs, undefined, { signal });
    if ((await source.activity()) === before) return;
    throw new PisyncError('store_locked', {
      detail: `${source.shown} still takes commits. All that it held a moment ago is copied; stop every PiSync process that writes to it, then run the same command again.`,
    });
  }

  #begin(step: MoveStep): void {
    this.#options.signal.throwIfAborted();
    this.#end();
    this.#step = step;
    this.#tell(0, 0);
  }

  #end(): void {
    const now = performance.now();
    this.#durations[this.#step] = (this.#durations[this.#step] ?? 0) + now - this.#since;
    this.#since = now;
  }

  #tell(done: number, total: number, of: MoveProgress['of'] = 'events'): void {
    this.#options.onProgress({ step: this.#step, of, done, total });
  }

  #report(
    finished: boolean,
    kinds: readonly KindReport[],
    differences: readonly MoveDifference[],
  ): MoveReport {
    this.#end();
    const { source, sink } = this.#stores;
    return {
      from: source.shown,
      to: sink.shown,
      finished,
      sourceWentOn: this.#sourceWentOn,
      heads: this.#heads,
      found: this.#found,
      copied: this.#copied,
      kinds,
      differences,
      durations: this.#durations,
    };
  }
}
