import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import type { PartialRule } from '../../../../core/fold.ts';
import { refuseUnfinished } from '../copy/target-mark.ts';
import type { DetectionEngine } from '../detections/detection-engine.ts';
import type { SealedBlock } from '../format/block.ts';
import { isDamage, openWriter } from '../format/connection.ts';
import type { PointLog } from '../points/point-log.ts';
import type { Ledger } from './ledger.ts';
import { loadDetections, loadLedger, loadPoints } from './load.ts';
import { QuarantineTable } from './quarantine.ts';
import { rebuildLedger } from './rebuild.ts';
import { BLOCKS_PER_RUN, type Run, SealedHistory } from './sealed-history.ts';
import { SealedIdentities } from './sealed-identities.ts';
import type { SealablePart } from './tail.ts';

/** Rows and bytes deleted in one go, so that no commit waits long behind a clean-up. */
const SWEEP_ROWS = 500;
const SWEEP_BYTES = 2 * 1024 * 1024;
/** Bytes of a page of the file. */
const PAGE_BYTES = 8192;
/** Bytes that a deleted block costs there, about: pages of the tree that lose a row. */
const FREED_BLOCK = 1024;
/** Bytes that a row costs in the write-ahead log beside its own: its leaf and what leads there. */
const WRITE_OVERHEAD = 2 * PAGE_BYTES;

/** What a sealing or merging job ends with. */
export interface FinishedRun extends Omit<Run, 'id'> {
  readonly run: number;
  readonly filter: Uint8Array | null;
}

/**
 * The one writing connection and the ledger that mirrors it. Synchronous: between two calls memory and disk agree.
 * When a method throws, nothing of it is on disk and memory is void: the caller closes the engine and opens another.
 */
export class Engine {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly ledger: Ledger;
  readonly sealed: SealedIdentities;
  readonly quarantine: QuarantineTable;
  readonly points: PointLog;
  readonly detections: DetectionEngine;
  /** Number of the newest log row. */
  chunk: number;
  /** Log rows up to this one are sealed; they may still lie in the table until they are swept. */
  sealedChunk: number;
  readonly #appendLog: StatementSync;
  readonly #putBlock: StatementSync;
  readonly #putPage: StatementSync;
  readonly #putMeta: StatementSync;
  /** Blocks written so far of the runs in building. */
  readonly #blocks = new Map<number, number>();
  #unchecked = 0;

  constructor(path: string, partial: PartialRule) {
    this.path = path;
    this.db = openWriter(path);
    try {
      refuseUnfinished(this.db);
      this.sealed = new SealedIdentities(new SealedHistory(this.db));
      const loaded = loadLedger(this.db, this.sealed, partial);
      this.ledger = loaded.ledger;
      this.chunk = loaded.chunk;
      this.sealedChunk = loaded.sealedChunk;
      this.quarantine = new QuarantineTable(this.db);
      this.points = loadPoints(this.db);
      this.detections = loadDetections(this.db);
      this.ledger.others = this.detections;
      this.#appendLog = this.db.prepare('INSERT INTO log (chunk, position, crc, data) VALUES (?, ?, ?, ?)');
      this.#putBlock = this.db.prepare(
        'INSERT INTO block (id, run, device, timestamp, data) VALUES (?, ?, ?, ?, ?)',
      );
      this.#putPage = this.db.prepare(
        'INSERT OR REPLACE INTO device_page (page, applied, data) VALUES (?, ?, ?)',
      );
      this.#putMeta = this.db.prepare('INSERT OR REPLACE INTO meta (key, value, data) VALUES (?, ?, ?)');
      if (loaded.stale) this.#rebuild(partial);
    } catch (error) {
      this.db.close();
      throw error;
    }
  }

  /** A damaged block of history must not cost the store: the operator can go back to the old policy. */
  #rebuild(partial: PartialRule): void {
    try {
      rebuildLedger(this, partial);
    } catch (cause) {
      if (!isDamage(cause)) throw cause;
      throw new PisyncError('invalid_config', {
        field: 'partial_counts_as',
        detail: 'the state cannot be derived anew, because history is damaged; go back to the old value',
        cause,
      });
    }
  }

  close(): void {
    this.db.close();
  }

  /** Runs `work` in one transaction; what it throws is thrown after the rollback. */
  transaction(work: () => void): void {
    this.db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.db.exec('COMMIT');
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Appends a row to the log of events, within the commit of its caller. */
  appendLog(position: number, checksum: number, chunk: Uint8Array): void {
    this.#appendLog.run(this.chunk + 1, position, checksum, chunk);
    this.noteWritten(chunk.length);
  }

  discard(id: number): boolean {
    return this.quarantine.discard(id);
  }

  /** Registers a run that is being built: its blocks are garbage until {@link finishSeal} or {@link finishMerge}. */
  beginRun(level: number): number {
    const { lastInsertRowid } = this.db
      .prepare(`INSERT INTO run (live, level, events, bytes, min_timestamp, max_timestamp, identities)
         VALUES (0, ?, 0, 0, 0, 0, 0)`)
      .run(level);
    return Number(lastInsertRowid);
  }

  putBlocks(run: number, blocks: readonly SealedBlock[]): void {
    this.transaction(() => {
      const first = this.#blocks.get(run) ?? 0;
      this.#blocks.set(run, first + blocks.length);
      for (const [at, { device, timestamp, data }] of blocks.entries()) {
        this.#putBlock.run(run * BLOCKS_PER_RUN + first + at, run, device, timestamp, data);
        this.noteWritten(data.length);
      }
    });
  }

  /** Writes packed device pages, each with the log row up to which it is complete. */
  putPages(
    pages: readonly { readonly page: number; readonly applied: number; readonly data: Uint8Array }[],
  ): void {
    this.transaction(() => {
      for (const { page, applied, data } of pages) {
        this.#putPage.run(page, applied, data);
        this.noteWritten(data.length);
      }
    });
  }

  /**
   * Makes a sealed run part of history and the log rows it replaces garbage. All that these rows changed of devices must be
   * on disk.
   *
   * @param finished - null where there were marks only
   */
  finishSeal(finished: FinishedRun | null, sealed: SealablePart): void {
    const position = this.ledger.tail.firstPosition + sealed.count;
    const lastChunk = Math.max(sealed.lastChunk, this.sealedChunk);
    this.transaction(() => {
      if (finished !== null) this.#activate(finished);
      this.#putMeta.run('sealed', lastChunk, null);
      this.#putMeta.run('position', position, null);
      this.#putHours();
    });
    this.sealedChunk = lastChunk;
    this.ledger.tail.drop(sealed.segments);
    this.sealed.refresh();
  }

  /** Replaces runs by the one that holds all their rows. */
  finishMerge(finished: FinishedRun, merged: readonly number[]): void {
    const retire = this.db.prepare('UPDATE run SET live = 0 WHERE id = ?');
    this.transaction(() => {
      this.#activate(finished);
      for (const run of merged) retire.run(run);
    });
    this.sealed.refresh();
  }

  #activate(finished: FinishedRun): void {
    const { run, level, events, bytes, minTimestamp, maxTimestamp, identities, filter } = finished;
    this.#blocks.delete(run);
    this.noteWritten(filter?.length ?? 0);
    this.db
      .prepare(
        `UPDATE run SET live = 1, level = ?, events = ?, bytes = ?, min_timestamp = ?, max_timestamp = ?, identities = ?,
           filter = ? WHERE id = ?`,
      )
      .run(level, events, bytes, minTimestamp, maxTimestamp, identities, filter, run);
  }

  #putHours(): void {
    const rows = this.ledger.hours.toRows();
    this.noteWritten(rows.byteLength);
    this.#putMeta.run('hours', this.chunk, new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
  }

  /** Writes the whole state in one transaction: for a change of policy, at start. */
  putState(
    pages: readonly { readonly page: number; readonly data: Uint8Array }[],
    partial: PartialRule,
  ): void {
    this.transaction(() => {
      for (const { page, data } of pages) this.#putPage.run(page, this.chunk, data);
      this.#putMeta.run('partial', partial, null);
      this.#putHours();
    });
  }

  /** Deletes a slice of the sealed log rows. True if more is left. */
  sweepLog(): boolean {
    const rows = this.db
      .prepare(
        `SELECT chunk, length(data) AS bytes FROM log WHERE chunk <= ? ORDER BY chunk LIMIT ${SWEEP_ROWS}`,
      )
      .all(this.sealedChunk) as { chunk: number; bytes: number }[];
    let last: number | undefined;
    let bytes = 0;
    for (const row of rows) {
      if (last !== undefined && bytes + row.bytes > SWEEP_BYTES) break;
      last = row.chunk;
      bytes += row.bytes;
    }
    if (last === undefined) return false;
    this.db.prepare('DELETE FROM log WHERE chunk <= ?').run(last);
    this.noteWritten(bytes);
    return true;
  }

  /** Deletes a slice of the runs that are not live. True if more is left. No run may be in building. */
  sweepRuns(): boolean {
    const dead = this.db.prepare('SELECT id FROM run WHERE live = 0 LIMIT 1').get() as
      | { id: number }
      | undefined;
    if (dead === undefined) return false;
    const blocks = this.db
      .prepare(
        `DELETE FROM block WHERE id IN (SELECT id FROM block WHERE run = ? ORDER BY device LIMIT ${SWEEP_ROWS})`,
      )
      .run(dead.id);
    this.noteWritten(Number(blocks.changes) * FREED_BLOCK);
    if (Number(blocks.changes) < SWEEP_ROWS) this.db.prepare('DELETE FROM run WHERE id = ?').run(dead.id);
    return true;
  }

  /** Proves that a flush works: what is tried before anything is acknowledged after a failure. */
  probe(): void {
    this.#putMeta.run('probe', Date.now(), null);
  }

  /** Test support: has SQLite fail with its own SQLITE_FULL, by a page limit that the next write exceeds. */
  overfill(): void {
    this.db.exec('PRAGMA max_page_count = 1');
    this.db.exec("INSERT INTO meta (key, data) VALUES ('overfill', zeroblob(10000000))");
  }

  /** Counts what will lie in the write-ahead log. */
  noteWritten(bytes: number): void {
    if (bytes === 0) return;
    this.#unchecked += bytes + WRITE_OVERHEAD;
  }

  /** Bytes of write-ahead log that are not in the main file yet, about. The file itself never shrinks below its limit. */
  get unchecked(): number {
    return this.#unchecked;
  }

  walBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  fileBytes(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Copies what the write-ahead log holds into the main file, as far as readers allow, without waiting for any. */
  checkpoint(): void {
    const answer = this.db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
    const { busy, log, checkpointed } = answer as unknown as CheckpointResult;
    // While another connection copies, SQLite answers busy and tells nothing.
    if (busy === 0 && log >= 0) this.#unchecked = (log - checkpointed) * PAGE_BYTES;
  }
}

interface CheckpointResult {
  readonly busy: number;
  /** Pages in the write-ahead log, and how many of them are in the main file. */
  readonly log: number;
  readonly checkpointed: number;
}
