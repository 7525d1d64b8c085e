import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type BlockRow, readBlock } from '../format/block.ts';

/** One sealed run as the manifest knows it. */
export interface Run {
  readonly id: number;
  readonly level: number;
  readonly events: number;
  readonly bytes: number;
  /** Range of the events' corrected times. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  /** Events whose identity is a hash; only with some there is a filter. */
  readonly identities: number;
}

/** Blocks of one run, at most; block `n` of a run has the id `run * BLOCKS_PER_RUN + n`. */
export const BLOCKS_PER_RUN = 2 ** 22;

interface BlockPlace {
  readonly id: number;
  readonly device: number;
  readonly data: Uint8Array;
}

/**
 * Reads sealed history through one connection. A run is a sequence of blocks sorted by device and history key; a
 * device's rows are found in each run by one index look-up and read backwards.
 */
export class SealedHistory {
  readonly #live: StatementSync;
  readonly #filter: StatementSync;
  readonly #seek: StatementSync;
  readonly #byId: StatementSync;

  constructor(db: DatabaseSync) {
    this.#live = db.prepare(
      `SELECT id, level, events, bytes, min_timestamp AS minTimestamp, max_timestamp AS maxTimestamp, identities
       FROM run WHERE live = 1 ORDER BY id DESC`,
    );
    this.#filter = db.prepare('SELECT filter FROM run WHERE id = ?');
    this.#seek = db.prepare(
      `SELECT id, device, data FROM block WHERE run = ? AND (device, timestamp) <= (?, ?)
       ORDER BY device DESC, timestamp DESC, id DESC LIMIT 1`,
    );
    this.#byId = db.prepare('SELECT id, device, data FROM block WHERE id = ? AND run = ?');
  }

  /** Newest run first. */
  liveRuns(): Run[] {
    return this.#live.all() as unknown as Run[];
  }

  /** The identity filter of a run; null if it needs none. */
  filter(run: number): Uint8Array | null {
    const row = this.#filter.get(run) as { filter: Uint8Array | null } | undefined;
    return row?.filter ?? null;
  }

  /** A device's rows in one run, newest first, none later than `latest`. Decodes a block only when it is reached. */
  *rows(run: number, device: number, latest = Number.MAX_SAFE_INTEGER): Generator<BlockRow, void> {
    let block = this.#seek.get(run, device, latest) as unknown as BlockPlace | undefined;
    while (block !== undefined) {
      const rows = readBlock(block.data, device);
      for (let index = rows.length - 1; index >= 0; index--) {
        const row = rows[index] as BlockRow;
        if (row.timestamp <= latest) yield row;
      }
      if (block.device < device) return;
      block = this.#byId.get(block.id - 1, run) as unknown as BlockPlace | undefined;
    }
  }
}

/** Blocks read in one go: a read transaction ends with them, so that no checkpoint waits for a long pass. */
const BLOCKS_AT_ONCE = 4;

/** All rows of a run in the order of {@link compareRows}. */
export function* runRows(db: DatabaseSync, run: number): Generator<BlockRow, void> {
  const some = db.prepare('SELECT data FROM block WHERE id >= ? AND id < ? ORDER BY id');
  const first = run * BLOCKS_PER_RUN;
  for (let from = first; from < first + BLOCKS_PER_RUN; from += BLOCKS_AT_ONCE) {
    const to = Math.min(from + BLOCKS_AT_ONCE, first + BLOCKS_PER_RUN);
    const blocks = some.all(from, to) as unknown as { data: Uint8Array }[];
    for (const { data } of blocks) yield* readBlock(data);
    if (blocks.length < BLOCKS_AT_ONCE) return;
  }
}

/** Merges sources that are each sorted by `compare` into one that is. */
export function* mergeSorted<T>(sources: Iterator<T>[], compare: (a: T, b: T) => number): Generator<T, void> {
  const heads: { value: T; readonly source: Iterator<T> }[] = [];
  for (const source of sources) {
    const first = source.next();
    if (!first.done) heads.push({ value: first.value, source });
  }
  for (let head = heads[0]; head !== undefined; head = heads[0]) {
    for (const other of heads) if (compare(other.value, head.value) < 0) head = other;
    yield head.value;
    const following = head.source.next();
    if (following.done) heads.splice(heads.indexOf(head), 1);
    else head.value = following.value;
  }
}
