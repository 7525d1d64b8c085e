import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { freeBytes } from '../../sealed/bytes.ts';
import type { SealedRollups } from '../rollups/run-rollups.ts';
import { type KeptPoints, PointLogRows, readPointLogRow } from './point-log-row.ts';
import type { ParcelView } from './point-parcel.ts';
import type { SealedPointBlock } from './point-run.ts';
import { type FinishedPointRun, PointRuns } from './point-run.ts';
import { PointTail } from './point-tail.ts';
import { SeriesTable } from './series-table.ts';

/** Rows deleted in one go, so that no commit waits long behind a clean-up. */
const SWEEP_ROWS = 200;
const TEXT = 2;

/**
 * Telemetry on the writing connection: the log of parcels, and what is derived from it in memory. Everything here runs
 * inside a transaction of the engine, or between two; when something throws, memory is void and the store is read again.
 */
export class PointLog {
  readonly series = new SeriesTable();
  readonly tail = new PointTail();
  readonly #rows = new PointLogRows();
  readonly runs: PointRuns;
  /** Number of the newest row. */
  chunk: number;
  /** Rows up to this one are sealed; they may still lie in the table until they are swept. */
  sealedChunk: number;
  readonly #db: DatabaseSync;
  readonly #append: StatementSync;
  readonly #putPage: StatementSync;
  readonly #putMeta: StatementSync;

  /** @throws {RangeError} where what is stored cannot be read */
  constructor(db: DatabaseSync) {
    this.#db = db;
    this.runs = new PointRuns(db);
    this.#append = db.prepare('INSERT INTO point_log (chunk, crc, data) VALUES (?, ?, ?)');
    this.#putPage = db.prepare('INSERT OR REPLACE INTO series_page (page, data) VALUES (?, ?)');
    this.#putMeta = db.prepare('INSERT OR REPLACE INTO meta (key, value, data) VALUES (?, ?, NULL)');
    const sealed = db.prepare("SELECT value FROM meta WHERE key = 'points_sealed'").get() as
      | { value: number }
      | undefined;
    this.sealedChunk = sealed?.value ?? 0;
    this.chunk = this.sealedChunk;
    this.#load();
  }

  #load(): void {
    const pages = this.#db.prepare('SELECT data FROM series_page ORDER BY page').iterate();
    for (const { data } of pages as Iterable<unknown> as Iterable<{ data: Uint8Array }>)
      this.series.loadPage(data);
    const rows = this.#db
      .prepare('SELECT chunk, crc, data FROM point_log WHERE chunk > ? ORDER BY chunk')
      .iterate(this.sealedChunk);
    for (const row of rows as Iterable<unknown> as Iterable<{
      chunk: number;
      crc: number;
      data: Uint8Array;
    }>) {
      if (row.chunk !== this.chunk + 1)
        throw new RangeError(`point log row ${row.chunk} does not follow row ${this.chunk}`);
      if (crc32(row.data) !== row.crc) throw new RangeError(`point log row ${row.chunk} fails its checksum`);
      this.chunk = row.chunk;
      this.#take(readPointLogRow(row.data, this.series));
      freeBytes(row.data);
    }
  }

  /** Appends parcels, each a row; to be called within a transaction. @returns bytes written */
  append(parcels: readonly ParcelView[]): number {
    let bytes = 0;
    for (const parcel of parcels) {
      const { points, data } = this.#rows.write(parcel, this.series);
      this.chunk += 1;
      this.#append.run(this.chunk, crc32(data), data);
      this.#take(points);
      bytes += data.length;
    }
    return bytes;
  }

  #take({ count, times, values, kinds, seriesOf, numbers, texts }: KeptPoints): void {
    const { series, tail } = this;
    const { heads } = series;
    tail.beginChunk(this.chunk, count);
    for (let at = 0; at < count; at++) {
      const number = numbers[seriesOf[at] as number] as number;
      const time = times[at] as number;
      const value = values[at] as number;
      const kind = kinds === null ? 0 : (kinds[at] as number);
      series.note(number, time, value, kind, texts);
      const kept = kind === TEXT ? (texts[value] as string) : value;
      heads[number] = tail.append(number, time, kept, kind, heads[number] as number);
    }
  }

  putPages(pages: readonly { readonly page: number; readonly data: Uint8Array }[]): number {
    let bytes = 0;
    for (const { page, data } of pages) {
      this.#putPage.run(page, data);
      bytes += data.length;
    }
    return bytes;
  }

  putBlocks(run: number, blocks: readonly SealedPointBlock[], rollups: readonly SealedRollups[]): number {
    return this.runs.putBlocks(run, blocks) + this.runs.putRollups(run, rollups);
  }

  /** Makes a run part of history and the log rows that it replaces garbage; to be called within a transaction. */
  finishSeal(finished: FinishedPointRun, lastChunk: number): void {
    this.runs.activate(finished);
    this.#putMeta.run('points_sealed', lastChunk);
  }

  /** After the transaction of {@link finishSeal}: memory follows. */
  sealed(segments: number, lastChunk: number): void {
    this.sealedChunk = lastChunk;
    this.tail.drop(segments);
    this.runs.refresh();
  }

  /** Deletes a slice of the sealed rows. True if more is left. */
  sweep(): boolean {
    const deleted = this.#db
      .prepare(
        `DELETE FROM point_log WHERE chunk IN (SELECT chunk FROM point_log WHERE chunk <= ? ORDER BY chunk LIMIT ${SWEEP_ROWS})`,
      )
      .run(this.sealedChunk);
    return Number(deleted.changes) === SWEEP_ROWS;
  }
}
