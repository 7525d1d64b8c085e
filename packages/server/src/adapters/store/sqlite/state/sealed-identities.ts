import type { SyncEvent } from '@pisync/protocol';
import type { RecountInput } from '../../../../core/fold.ts';
import { type BlockRow, toStoredEvent } from '../format/block.ts';
import { isDamage } from '../format/connection.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import type { RecordView } from '../format/record.ts';
import type { Run, SealedHistory } from './sealed-history.ts';

/** Devices whose sealed rows are kept while a batch of theirs comes again. */
const CACHED_DEVICES = 16;
/** Rows kept in that cache, over all devices. */
const CACHED_ROWS = 50_000;
/** Bytes of identity filters kept in memory; beyond it they are read again. */
const FILTER_BUDGET = 48 * 1024 * 1024;

/**
 * Answers whether an identity lies in sealed history. A filter per run in memory answers "no" for nearly all new
 * events; a counter's "no" is known before (the device's ranges), so that only what came before is looked up.
 */
export class SealedIdentities {
  readonly #history: SealedHistory;
  #runs: readonly Run[] = [];
  readonly #filters = new Map<number, IdentityFilter>();
  #filterBytes = 0;
  readonly #cache = new Map<number, BlockRow[]>();
  #cachedRows = 0;

  constructor(history: SealedHistory) {
    this.#history = history;
    this.refresh();
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** To be called whenever the set of live runs has changed. */
  refresh(): void {
    this.#runs = this.#history.liveRuns();
    this.#cache.clear();
    this.#cachedRows = 0;
    const live = new Set(this.#runs.map((run) => run.id));
    for (const id of this.#filters.keys()) if (!live.has(id)) this.#forget(id);
  }

  /** Blocks that could not be read; what they held is taken as not there, so that one bad sector stops no ingest. */
  damage: string | undefined;

  /** Calls `accept` with each sealed event of the same identity until it takes one. */
  find(event: RecordView, accept: (body: SyncEvent) => boolean): boolean {
    const runs =
      event.seq === null
        ? this.#runs.filter((run) => this.#mayHold(run, event.hashHigh, event.hashLow))
        : this.#runs;
    if (runs.length === 0) return false;
    const take = (row: BlockRow): boolean =>
      isSame(row, event) && accept(toStoredEvent(row, event.deviceId, event.epoch));
    const cached = this.#cache.get(event.device);
    if (cached !== undefined) return cached.some(take);
    // A true repetition has the time of the first one, unless the device's clock was corrected in between.
    const at = event.timestamp;
    for (const run of runs) {
      if (run.minTimestamp > at || run.maxTimestamp < at) continue;
      for (const row of this.#readRun(run, event.device, at)) {
        if (row.timestamp < at) break;
        if (take(row)) return true;
      }
    }
    return this.#search(runs, event.device, take);
  }

  /** Looks through all of a device's rows, and keeps them for its next repetition if they are not too many. */
  #search(runs: readonly Run[], device: number, take: (row: BlockRow) => boolean): boolean {
    const rows: BlockRow[] = [];
    const complete = runs.length === this.#runs.length;
    for (const run of runs) {
      for (const row of this.#readRun(run, device)) {
        if (take(row)) return true;
        if (rows.length <= CACHED_ROWS) rows.push(row);
      }
    }
    if (complete && rows.length <= CACHED_ROWS) this.#keep(device, rows);
    return false;
  }

  #keep(device: number, rows: BlockRow[]): void {
    if (this.#cache.size >= CACHED_DEVICES || this.#cachedRows + rows.length > CACHED_ROWS) {
      this.#cache.clear();
      this.#cachedRows = 0;
    }
    this.#cache.set(device, rows);
    this.#cachedRows += rows.length;
  }

  /** All sealed events of a device, run by run, each newest first, read as they are asked for. */
  *rows(device: number): Generator<RecountInput, void> {
    for (const run of this.#runs) yield* this.#readRun(run, device);
  }

  *#readRun(run: Run, device: number, latest?: number): Generator<BlockRow, void> {
    try {
      yield* this.#history.rows(run.id, device, latest);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.damage = String(error);
    }
  }

  #mayHold(run: Run, high: number, low: number): boolean {
    if (run.identities === 0) return false;
    let filter = this.#filters.get(run.id);
    if (filter === undefined) {
      const bytes = this.#history.filter(run.id);
      if (bytes === null) return true;
      filter = new IdentityFilter(bytes);
      while (this.#filters.size > 0 && this.#filterBytes + bytes.length > FILTER_BUDGET) {
        this.#forget(this.#filters.keys().next().value as number);
      }
      this.#filters.set(run.id, filter);
      this.#filterBytes += bytes.length;
    }
    return filter.mayHold(high, low);
  }

  #forget(run: number): void {
    this.#filterBytes -= this.#filters.get(run)?.bytes.length ?? 0;
    this.#filters.delete(run);
  }
}

function isSame(row: BlockRow, event: RecordView): boolean {
  return event.seq === null
    ? row.hashed && row.hashHigh === event.hashHigh && row.hashLow === event.hashLow
    : row.seq === event.seq && row.epochIndex === event.epochIndex;
}
