import type { PageImage } from '../state/device-page.ts';
import type { Engine, FinishedRun } from '../state/engine.ts';
import type { OnDemandThread } from './on-demand-thread.ts';
import type { MergeOrder, SealOrder, Slice } from './seal.ts';

/** Runs of one level that are merged into one of the next. */
const FAN_IN = 8;
/** Size of the tail, in runs to be sealed, at which commits wait. */
const TAIL_FACTOR = 3;
/** Device pages packed at once. */
const PAGES_AT_ONCE = 32;
/** Bytes of write-ahead log from which it is copied into the main file. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
/** Bytes of write-ahead log at which commits wait until it has been copied. */
const WAL_LIMIT_BYTES = 256 * 1024 * 1024;
/** The size of the write-ahead log is looked at every so many commits. */
const WATCH_COMMITS = 64;

export interface HousekeepingOptions {
  readonly sealEvents: number;
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
  #running: Promise<void> | undefined;
  #checkpointing = false;
  #stopped = false;
  #untilWatch = WATCH_COMMITS;

  constructor(engine: Engine, maintenance: OnDemandThread, options: HousekeepingOptions) {
    this.#engine = engine;
    this.#maintenance = maintenance;
    this.#options = options;
    // What a crash left: a run that was being built, log rows that are sealed.
    this.#begin(() => this.#sweep());
  }

  /** Cheap: looks whether there is work, and begins it. */
  afterCommit(): void {
    this.#untilWatch -= 1;
    if (this.#untilWatch === 0) {
      this.#untilWatch = WATCH_COMMITS;
      this.#watchLog();
    }
    if (this.#running === undefined && this.#engine.ledger.tail.events >= this.#options.sealEvents) {
      this.#begin(() => this.#work());
    }
  }

  /**
   * When sealing has fallen behind, commits wait for it: the tail is memory, and memory is bounded. The wait is what the
   * admission of new requests sees.
   */
  get behind(): Promise<void> | undefined {
    return this.#engine.ledger.tail.events > this.#options.sealEvents * TAIL_FACTOR
      ? this.#running
      : undefined;
  }

  /** Seals and merges all there is, down to one run; for tests and before an archive. */
  async settle(): Promise<void> {
    await this.#running;
    this.#begin(async () => {
      await this.#seal(Number.MAX_SAFE_INTEGER, true);
      if (this.#engine.sealed.runs.length > 1)
        await this.#merge(this.#engine.sealed.runs.map((run) => run.id));
      await this.#sweep();
    });
    await this.#running;
  }

  /** Ends the work at its next step and the thread with it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#maintenance.stop();
    await this.#running;
  }

  #begin(work: () => Promise<void>): void {
    this.#running = work()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#options.onFailure(error);
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #work(): Promise<void> {
    while (this.#engine.ledger.tail.events >= this.#options.sealEvents)
      await this.#seal(this.#options.sealEvents, false);
    for (;;) {
      const full = this.#fullLevel();
      if (full.length === 0) break;
      await this.#merge(full);
    }
    await this.#sweep();
    this.#watchLog();
  }

  /** The runs of the lowest level that has enough of them. */
  #fullLevel(): number[] {
    const levels = new Map<number, number[]>();
    for (const run of this.#engine.sealed.runs)
      levels.set(run.level, [...(levels.get(run.level) ?? []), run.id]);
    for (const level of [...levels.keys()].sort((a, b) => a - b)) {
      const runs = levels.get(level) as number[];
      if (runs.length >= FAN_IN) return runs;
    }
    return [];
  }

  async #seal(events: number, open: boolean): Promise<void> {
    const { tail } = this.#engine.ledger;
    if (open) tail.cut();
    const { count, lastChunk } = tail.sealable(events);
    if (count === 0) return;
    const run = this.#engine.beginRun(0);
    const { devices, epochs, ties } = tail.places(count);
    const order: SealOrder = {
      run,
      afterChunk: this.#engine.sealedChunk,
      lastChunk,
      firstPosition: tail.firstPosition,
      devices,
      epochs,
      ties,
    };
    await this.#maintenance.call('seal', order);
    const finished = await this.#store(run);
    await this.#snapshot();
    if (this.#stopped) return;
    this.#engine.finishSeal(finished, lastChunk, count);
  }

  async #merge(ids: readonly number[]): Promise<void> {
    const runs = this.#engine.sealed.runs.filter((run) => ids.includes(run.id));
    const level = Math.max(...runs.map((run) => run.level)) + 1;
    const run = this.#engine.beginRun(level);
    await this.#maintenance.call('merge', { run, level, runs } satisfies MergeOrder);
    const finished = await this.#store(run);
    if (this.#stopped) return;
    this.#engine.finishMerge(finished, ids);
  }

  /** Stores the blocks of a job slice by slice; the next slice is made while one is stored. */
  async #store(run: number): Promise<FinishedRun> {
    let slice = this.#maintenance.call<Slice>('next', undefined);
    for (;;) {
      const { blocks, finished } = await slice;
      this.#assertRunning();
      if (finished === null) slice = this.#maintenance.call<Slice>('next', undefined);
      if (blocks.length > 0) this.#engine.putBlocks(run, blocks);
      this.#watchLog();
      if (finished !== null) return finished;
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
      if (packed.length > 0) this.#engine.putPages(packed);
      if (!more) return;
    }
  }

  async #pack(pages: readonly number[]): Promise<{ page: number; applied: number; data: Uint8Array }[]> {
    const applied = this.#engine.chunk;
    const images: PageImage[] = pages.map((page) => this.#engine.ledger.devices.takePage(page));
    const packed = await this.#maintenance.call<{ page: number; data: Uint8Array }[]>('pack', images);
    return packed.map((page) => ({ ...page, applied }));
  }

  /** Deletes garbage in slices, with room for commits in between. */
  async #sweep(): Promise<void> {
    while (!this.#stopped && this.#engine.sweep()) await new Promise((resolve) => setImmediate(resolve));
  }

  #assertRunning(): void {
    if (this.#stopped) throw new TypeError('housekeeping was stopped');
  }

  /** Has the maintenance thread copy most of the log; the little that came meanwhile is copied here, and the log restarts. */
  #watchLog(): void {
    const bytes = this.#engine.walBytes();
    if (bytes > WAL_LIMIT_BYTES) this.#engine.checkpoint('TRUNCATE');
    if (bytes < CHECKPOINT_BYTES || this.#checkpointing) return;
    this.#checkpointing = true;
    this.#maintenance
      .call('checkpoint', undefined)
      .then(() => {
        if (!this.#stopped) this.#engine.checkpoint('PASSIVE');
      })
      .catch((error: unknown) => {
        if (!this.#stopped) this.#options.onFailure(error);
      })
      .finally(() => {
        this.#checkpointing = false;
      });
  }
}
