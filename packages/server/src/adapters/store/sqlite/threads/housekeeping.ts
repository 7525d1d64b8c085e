import { freeBytes } from '../../sealed/bytes.ts';
import { DetectionHousekeeping } from '../detections/detection-housekeeping.ts';
import { isDamage } from '../format/connection.ts';
import { PointHousekeeping } from '../points/point-housekeeping.ts';
import type { PageImage } from '../state/device-page.ts';
import type { Engine, FinishedRun } from '../state/engine.ts';
import type { SealablePart } from '../state/tail.ts';
import { MergePace } from './merge-pace.ts';
import type { OnDemandThread } from './on-demand-thread.ts';
import type { MergeOrder, SealOrder, Slice } from './seal.ts';

/** Bytes of records from which the tail is sealed, whatever the number of observations. */
const SEAL_BYTES = 32 * 1024 * 1024;
/** Size of the tail, in runs to be sealed, at which commits wait. */
const TAIL_FACTOR = 2;
/** How long detections wait until they are in their networks, where nobody asks; at most twice as long. */
const FOLD_AFTER_MS = 1000;
/** How long merges wait, where much came in, until they are thought of again. */
const MERGE_AFTER_MS = 2000;
/** Device pages packed at once. */
const PAGES_AT_ONCE = 16;
/** Bytes of write-ahead log from which it is copied into the main file. */
const CHECKPOINT_BYTES = 32 * 1024 * 1024;
/** Bytes of write-ahead log at which commits wait until it has been copied. */
const WAL_LIMIT_BYTES = 256 * 1024 * 1024;

export interface HousekeepingOptions {
  readonly sealEvents: number;
  /** Points in the tail from which a run of points is sealed. */
  readonly sealPoints?: number | undefined;
  /** Detections in the tail from which a run of detections is sealed. */
  readonly sealDetections?: number | undefined;
  /** Called when a write of it failed: memory and disk may differ. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * What happens behind the commits, on the writer thread in small steps: the maintenance thread sorts and compresses, and
 * each slice of its work is one short transaction here. A crash at any moment leaves a run that is not live, which is
 * swept, and a log that still holds everything.
 */
export class Housekeeping {
  readonly #engine: Engine;
  readonly #maintenance: OnDemandThread;
  readonly #options: HousekeepingOptions;
  readonly #points: PointHousekeeping;
  readonly #detections: DetectionHousekeeping;
  readonly #pace: MergePace;
  #folding: Promise<void> | undefined;
  #foldLater: NodeJS.Timeout | undefined;
  #mergeLater: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #checkpointing = false;
  #stopped = false;
  /** Commits that wait for the tail to become shorter. */
  #waiting: (() => void)[] = [];

  constructor(engine: Engine, maintenance: OnDemandThread, options: HousekeepingOptions) {
    this.#engine = engine;
    this.#maintenance = maintenance;
    this.#options = options;
    const between = (): void => {
      this.#assertRunning();
      this.#watchLog();
    };
    this.#points = new PointHousekeeping(engine, maintenance, between, options.sealPoints);
    this.#detections = new DetectionHousekeeping(engine, maintenance, between, options.sealDetections);
    this.#pace = new MergePace(
      () =>
        engine.ledger.tail.nextPosition / options.sealEvents +
        this.#points.committed +
        this.#detections.committed,
    );
    // What a crash left: a run that was being built, log rows that are sealed.
    this.#begin(() => this.#sweep());
  }

  /** Cheap: looks whether there is work, and begins it. */
  afterCommit(): void {
    this.#watchLog();
    this.#watchNetworks();
    if (this.#running === undefined && this.#exceeds(1)) this.#begin(() => this.#work());
  }

  /**
   * Networks follow soon, yet not with each commit: a fold is a flush of its own. Where so many come that seals fold what is
   * there before its time, it is left to them.
   */
  #watchNetworks(): void {
    const { detections } = this.#engine;
    if (this.#foldLater !== undefined || detections.unfolded === 0) return;
    const seen = detections.folded + detections.unfolded;
    this.#foldLater = setTimeout(() => {
      this.#foldLater = undefined;
      if (detections.folded < seen) this.foldDetections().catch(() => undefined);
      else this.#watchNetworks();
    }, FOLD_AFTER_MS);
    this.#foldLater.unref();
  }

  /** Resolves when the networks hold all detections that are committed now. Fails where it was stopped. */
  async foldDetections(): Promise<void> {
    const { detections } = this.#engine;
    const newest = (): number => detections.log.tail.nextOrdinal - 1;
    const asked = newest();
    try {
      // One that is under way may have begun before the newest commit.
      while (detections.folded < asked) {
        this.#folding ??= this.#detections.foldUpTo(newest()).finally(() => {
          this.#folding = undefined;
        });
        await this.#folding;
      }
    } catch (error) {
      if (!this.#stopped) this.#options.onFailure(error);
      throw error;
    }
  }

  #tailExceeds(runs: number): boolean {
    const { tail } = this.#engine.ledger;
    return tail.events >= this.#options.sealEvents * runs || tail.bytes >= SEAL_BYTES * runs;
  }

  #exceeds(runs: number): boolean {
    return this.#tailExceeds(runs) || this.#points.exceeds(runs) || this.#detections.exceeds(runs);
  }

  /**
   * When sealing has fallen behind, commits wait for it: the tail is memory, and memory is bounded. The wait is what the
   * admission of new requests sees. Undefined where there is nothing to wait for.
   */
  get behind(): Promise<void> | undefined {
    if (this.#running === undefined || !this.#exceeds(TAIL_FACTOR)) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Seals and merges all there is, down to one run; for tests and before an archive. */
  async settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#begin(async () => {
      this.#engine.ledger.tail.cut();
      while (await this.#seal(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
      const { runs } = this.#engine.sealed;
      if (runs.length > 1) await this.#merge(runs.map((run) => run.id));
      while (await this.#points.seal(Number.MAX_SAFE_INTEGER));
      const pointRuns = this.#engine.points.runs.live;
      if (pointRuns.length > 1) await this.#points.merge(pointRuns);
      while (await this.#detections.seal(Number.MAX_SAFE_INTEGER));
      const detectionRuns = this.#engine.detections.runs.live;
      if (detectionRuns.length > 1) await this.#detections.merge(detectionRuns);
      await this.#sweep();
    });
    await this.#running;
  }

  /** Ends the work at its next step and the thread with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#foldLater);
    clearTimeout(this.#mergeLater);
    this.#release();
    await this.#maintenance.stop();
    await this.#running;
  }

  #begin(work: () => Promise<void>): void {
    // A job keeps its place in the thread between its slices.
    this.#maintenance.hold();
    this.#running = work()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#options.onFailure(error);
      })
      .finally(() => {
        this.#running = undefined;
        this.#maintenance.release();
        this.#release();
      });
  }

  async #work(): Promise<void> {
    await this.#sealAll();
    for (let full = this.#fullLevel(); full.length > 0; full = this.#fullLevel()) await this.#merge(full);
    await this.#points.mergeAll(this.#pace);
    await this.#detections.mergeAll(this.#pace);
    await this.#sweep();
    if (this.#pace.takeHeldBack()) this.#workLater();
  }

  /** What is left standing while much comes in is merged when that has ended. */
  #workLater(): void {
    clearTimeout(this.#mergeLater);
    this.#mergeLater = setTimeout(() => {
      if (this.#running === undefined) this.#begin(() => this.#work());
    }, MERGE_AFTER_MS);
    this.#mergeLater.unref();
  }

  async #sealAll(): Promise<void> {
    while (this.#tailExceeds(1) && (await this.#seal(this.#options.sealEvents, SEAL_BYTES))) this.#release();
    await this.#points.sealAll();
    await this.#detections.sealAll();
    this.#release();
  }

  /** The runs of the lowest level that has enough of them. */
  #fullLevel(): number[] {
    // A merge would read the damaged block again and again; what is readable stays readable without it.
    if (this.#engine.sealed.damage !== undefined) return [];
    const { fanIn } = this.#pace;
    const levels = new Map<number, number[]>();
    for (const { level, id } of this.#engine.sealed.runs)
      levels.set(level, [...(levels.get(level) ?? []), id]);
    const full = [...levels].sort(([a], [b]) => a - b).find(([, runs]) => runs.length >= fanIn);
    return full?.[1] ?? [];
  }

  /** Turns the oldest part of the tail into a run; false where there is none. */
  async #seal(events: number, bytes: number): Promise<boolean> {
    const { tail } = this.#engine.ledger;
    // One open segment that is all there is: small runs are wanted, or its records are large.
    if (tail.sealable(events, bytes).segments === 0) tail.cut();
    const part = tail.sealable(events, bytes);
    if (part.segments === 0) return false;
    const finished = part.count === 0 ? null : await this.#sealPart(part);
    await this.#snapshot();
    this.#assertRunning();
    this.#engine.finishSeal(finished, part);
    await this.#sweepLog();
    return true;
  }

  async #sealPart({ count, lastChunk }: SealablePart): Promise<FinishedRun> {
    const { tail } = this.#engine.ledger;
    const run = this.#engine.beginRun(0);
    const { devices, epochs, ties } = tail.places(count);
    const firstPosition = tail.firstPosition;
    const afterChunk = this.#engine.sealedChunk;
    const order: SealOrder = { run, afterChunk, lastChunk, firstPosition, devices, epochs, ties };
    const transfer = [devices, epochs, ties].map(({ buffer }) => buffer as ArrayBuffer);
    await this.#maintenance.call('seal', order, transfer);
    return this.#store(run);
  }

  /** Merges runs into one of the next level. Sealing goes on in between, since a large merge takes long. */
  async #merge(ids: readonly number[]): Promise<void> {
    const runs = this.#engine.sealed.runs.filter((run) => ids.includes(run.id));
    const level = Math.max(...runs.map((run) => run.level)) + 1;
    const run = this.#engine.beginRun(level);
    await this.#maintenance.call('merge', { run, level, runs } satisfies MergeOrder);
    try {
      const finished = await this.#store(run, () => this.#sealAll());
      this.#assertRunning();
      this.#engine.finishMerge(finished, ids);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#engine.sealed.damage = String(error);
    }
  }

  /** Stores the blocks of a run slice by slice; the next slice is made while one is stored. */
  async #store(run: number, between?: () => Promise<void>): Promise<FinishedRun> {
    let slice = this.#maintenance.call<Slice>('next', run);
    for (;;) {
      const { blocks, finished } = await slice;
      this.#assertRunning();
      if (finished === null) slice = this.#maintenance.call<Slice>('next', run);
      // Awaited below; until then a failure must not count as unhandled.
      slice.catch(() => undefined);
      if (blocks.length > 0) this.#engine.putBlocks(run, blocks);
      // Left to the garbage collector, blocks would pile up: to it they are small objects on a thread that hardly works.
      freeBytes(...blocks.map(({ data }) => data));
      this.#watchLog();
      if (finished !== null) return finished;
      await between?.();
    }
  }

  /** Writes all device pages that have changed, as they are when their turn comes. */
  async #snapshot(): Promise<void> {
    const dirty = this.#engine.ledger.devices.dirtyPages();
    let packing = this.#pack(dirty.splice(0, PAGES_AT_ONCE));
    for (;;) {
      const packed = await packing;
      this.#assertRunning();
      const more = dirty.length > 0;
      if (more) packing = this.#pack(dirty.splice(0, PAGES_AT_ONCE));
      packing.catch(() => undefined);
      if (packed.length > 0) this.#engine.putPages(packed);
      if (!more) return;
    }
  }

  async #pack(pages: readonly number[]): Promise<{ page: number; applied: number; data: Uint8Array }[]> {
    const applied = this.#engine.chunk;
    const images: PageImage[] = pages.map((page) => this.#engine.ledger.devices.takePage(page));
    const transfer = images.flatMap(({ head, rows, digestTimes }) =>
      [head, rows, digestTimes].map((part) => part.buffer as ArrayBuffer),
    );
    const packed = await this.#maintenance.call<{ page: number; data: Uint8Array }[]>(
      'pack',
      images,
      transfer,
    );
    return packed.map((page) => ({ ...page, applied }));
  }

  /** Deletes garbage in slices, with room for commits in between; dead runs only where none is in building. */
  async #sweep(): Promise<void> {
    await this.#sweepLog();
    while (!this.#stopped && this.#engine.sweepRuns()) await this.#pause();
    await this.#points.sweep();
    await this.#detections.sweep();
  }

  async #sweepLog(): Promise<void> {
    while (!this.#stopped && this.#engine.sweepLog()) await this.#pause();
  }

  #pause(): Promise<void> {
    this.#watchLog();
    return new Promise((resolve) => setImmediate(resolve));
  }

  #assertRunning(): void {
    if (this.#stopped) throw new TypeError('housekeeping was stopped');
  }

  /** Has the maintenance thread copy most of the write-ahead log; the little that came meanwhile is copied here, and it restarts. */
  #watchLog(): void {
    const bytes = this.#engine.unchecked;
    if (bytes < CHECKPOINT_BYTES) return;
    if (bytes > WAL_LIMIT_BYTES) this.#engine.checkpoint();
    if (this.#checkpointing) return;
    this.#checkpointing = true;
    this.#maintenance
      .call('checkpoint', undefined)
      .then(() => {
        if (!this.#stopped) this.#engine.checkpoint();
      })
      .catch((error: unknown) => {
        if (!this.#stopped) this.#options.onFailure(error);
      })
      .finally(() => {
        this.#checkpointing = false;
      });
  }
}
