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

  /** Calls `accept` with each sealed event of the same identity until it takes one. */
  find(event: RecordView, accept: (body: SyncEvent) => boolean): boolean {
    if (event.seq === null && !this.#runs.some((run) => this.#mayHold(run, event.hashHigh, event.hashLow)))
      return false;
    for (const row of this.#rowsOf(event.device)) {
      const same =
        event.seq === null
          ? row.hashed && row.hashHigh === event.hashHigh && row.hashLow === event.hashLow
          : row.seq === event.seq && row.epochIndex === event.epochIndex;
      if (same && accept(toStoredEvent(row, event.deviceId, event.epoch))) return true;
    }
    return false;
  }

  /** All sealed events of a device, run by run, each newest first. */
  rows(device: number): readonly RecountInput[] {
    return this.#rowsOf(device);
  }

  /** Blocks that could not be read; what they held is taken as not there, so that one bad sector stops no ingest. */
  damage: string | undefined;

  #readRun(run: Run, device: number): BlockRow[] {
    const rows: BlockRow[] = [];
    try {
      for (const row of this.#history.rows(run.id, device)) rows.push(row);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.damage = String(error);
    }
    return rows;
  }

  #rowsOf(device: number): BlockRow[] {
    const cached = this.#cache.get(device);
    if (cached !== undefined) return cached;
    const rows = this.#runs.flatMap((run) => this.#readRun(run, device));
    if (this.#cache.size >= CACHED_DEVICES || this.#cachedRows + rows.length > CACHED_ROWS) {
      this.#cache.clear();
      this.#cachedRows = 0;
    }
    this.#cache.set(device, rows);
    this.#cachedRows += rows.length;
    return rows;
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
