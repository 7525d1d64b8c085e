import { existsSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { PisyncError } from '@pisync/protocol';
import { isDamage } from '../format/connection.ts';
import { refuseNewer } from '../format/schema.ts';

/** Pages that are copied between two reports: about 16 MiB, some tens of milliseconds. */
const PAGES_AT_ONCE = 2048;
const BUSY_TIMEOUT_MS = 5_000;

/** Tables that every version of the store has. */
const OWN_TABLES = ['meta', 'log', 'device_page', 'quarantine'];

/**
 * A store as it is at one moment, for copying. It holds a read transaction: what is committed meanwhile is not in it, and the
 * copy does not begin anew with every commit, as SQLite's backup does by itself where another connection writes.
 *
 * A server may have the store open and go on committing. Until the snapshot is closed, its write-ahead log keeps all that
 * comes in.
 */
export class Snapshot {
  readonly bytes: number;
  readonly #db: DatabaseSync;

  /**
   * @param kind - `live` for a store that a server may have open, `still` for a file that nobody writes
   * @throws {PisyncError} `invalid_config` where there is no store, `store_newer`, `store_damaged`
   */
  constructor(path: string, kind: 'live' | 'still') {
    if (!existsSync(path)) throw noStore(`There is no store at ${path}.`);
    this.#db = openSource(path, kind);
    try {
      refuseNewer(this.#db);
      this.#db.exec('BEGIN');
      const marks = OWN_TABLES.map(() => '?').join();
      const found = this.#db
        .prepare(`SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table' AND name IN (${marks})`)
        .get(...OWN_TABLES) as { tables: number };
      if (found.tables !== OWN_TABLES.length) throw noStore(`${path} is not a store of PiSync.`);
      this.bytes = this.#pragma('page_count') * this.#pragma('page_size');
    } catch (error) {
      this.#db.close();
      throw explained(error, path);
    }
  }

  #pragma(name: string): number {
    return Object.values(this.#db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number;
  }

  /**
   * Writes the store into a file, which is overwritten.
   *
   * @throws {PisyncError} `store_unavailable` where it cannot be written; the reason of the signal where it is aborted
   */
  async copyTo(path: string, signal: AbortSignal, onProgress: (share: number) => void): Promise<void> {
    try {
      signal.throwIfAborted();
      await backup(this.#db, path, {
        rate: PAGES_AT_ONCE,
        progress: ({ totalPages, remainingPages }) => {
          signal.throwIfAborted();
          onProgress(totalPages === 0 ? 0 : 1 - remainingPages / totalPages);
        },
      });
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      if (isDamage(cause)) throw explained(cause, path);
      const detail = `The copy cannot be written: ${(cause as Error).message}. Nothing of it is left.`;
      throw new PisyncError('store_unavailable', { detail, cause });
    }
  }

  /** Lets go of the store. Idempotent. */
  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

/**
 * A file that nobody writes is read without the files that SQLite puts beside an open one: it may lie where nothing can be
 * written, and nothing is left there. One with a write-ahead log is read with it, as a store that a crash left.
 */
function openSource(path: string, kind: 'live' | 'still'): DatabaseSync {
  const options = { readOnly: true, timeout: BUSY_TIMEOUT_MS };
  if (kind === 'live' || existsSync(`${path}-wal`)) return new DatabaseSync(path, options);
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, options);
}

function noStore(detail: string): PisyncError {
  return new PisyncError('invalid_config', { field: 'store', detail });
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof PisyncError) return error;
  const detail = `${path} cannot be read: ${(error as Error).message}`;
  if (isDamage(error)) return new PisyncError('store_damaged', { detail, cause: error });
  return new PisyncError('invalid_config', { field: 'store', detail, cause: error });
}
