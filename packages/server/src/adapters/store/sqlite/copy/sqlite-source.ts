import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import type { StoreSnapshot, StoreSource } from '../../../../ports/store-copy.ts';
import { lockPlace, openReader } from '../format/connection.ts';
import { refuseNewer, SCHEMA_VERSION } from '../format/schema.ts';
import { type ReadRuns, SqliteSnapshot } from './sqlite-snapshot.ts';
import { refuseUnfinished } from './target-mark.ts';

/**
 * Opens the store at `path` to copy it, also while a server has it open. Nothing is written to it. Each snapshot is one read
 * transaction, so that the write-ahead log of a running server grows while one is held.
 *
 * @throws {PisyncError} `invalid_config` where there is no store, or one that an older PiSync left; `store_newer`
 */
export function openSqliteSource(path: string): StoreSource {
  const place = resolve(path);
  if (!existsSync(place)) {
    throw new PisyncError('invalid_config', { field: 'from', detail: `There is no store at ${place}.` });
  }
  const db = openReader(place);
  try {
    if (refuseNewer(db) < SCHEMA_VERSION) {
      const detail = `${place} was written by an older PiSync; start it once with this one (pisync serve), then try again.`;
      throw new PisyncError('invalid_config', { field: 'from', detail });
    }
    refuseUnfinished(db);
    return new SqliteSource(place, db);
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteSource implements StoreSource {
  readonly shown: string;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #read: ReadRuns = new WeakMap();
  #lock: DatabaseSync | undefined;

  constructor(path: string, db: DatabaseSync) {
    this.#path = path;
    this.shown = `sqlite:${path}`;
    this.#db = db;
  }

  async snapshot(): Promise<StoreSnapshot> {
    return new SqliteSnapshot(this.#db, this.#read);
  }

  async activity(): Promise<string> {
    const newest = (table: string): unknown =>
      Object.values(this.#db.prepare(`SELECT max(chunk) AS chunk FROM ${table}`).get() ?? {})[0];
    const marks = this.#db
      .prepare("SELECT value FROM meta WHERE key IN ('position', 'sealed') ORDER BY key")
      .all();
    return JSON.stringify([newest('log'), newest('point_log'), newest('detection_log'), marks]);
  }

  async hold(): Promise<boolean> {
    try {
      this.#lock ??= lockPlace(this.#path);
      return true;
    } catch (error) {
      if (error instanceof PisyncError && error.code === 'store_locked') return false;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#db.close();
    this.#lock?.close();
    this.#lock = undefined;
  }
}
