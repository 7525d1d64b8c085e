import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { freeBytes } from '../format/bytes.ts';
import { ParcelView } from './point-parcel.ts';
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
      this.#take(new ParcelView(row.data));
      freeBytes(row.data);
    }
  }

  /** Appends parcels, each a row; to be called within a transaction. @returns bytes written */
  append(parcels: readonly ParcelView[]): number {
    let bytes = 0;
    for (const view of parcels) {
      this.chunk += 1;
      this.#append.run(this.chunk, crc32(view.parcel), view.parcel);
      this.#take(view);
      bytes += view.parcel.length;
    }
    return bytes;
  }

  #take(parcel: ParcelView): void {
    const { count, times, values, kinds, seriesOf, names, texts } = parcel;
    const { series, tail } = this;
    // A series exists from its first point on: a name may stand here without any that is kept.
    const numbers = new Int32Array(parcel.seriesCount).fill(-1);
    tail.beginChunk(this.chunk, count);
    for (let at = 0; at < count; at++) {
      const time = times[at] as number;
      if (Number.isNaN(time)) continue;
      const index = seriesOf[at] as number;
      let number = numbers[index] as number;
      if (number < 0) {
        const name = names[index] as number;
        number = series.intern(parcel.bytes, name, (names[index + 1] as number) - name);
        numbers[index] = number;
      }
      const { heads } = series;
      const value = values[at] as number;
      const kind = kinds === null ? 0 : (kinds[at] as number);
      series.note(number, time, value, kind, texts);
      heads[number] = tail.append(
        number,
        time,
        kind === TEXT ? (texts[value] as string) : value,
        kind,
        heads[number] as number,
      );
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

  putBlocks(run: number, blocks: readonly SealedPointBlock[]): number {
    return this.runs.putBlocks(run, blocks);
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
