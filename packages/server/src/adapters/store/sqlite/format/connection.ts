import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import { migrate, refuseNewer } from './schema.ts';

/** Primary SQLite result codes that mean the file itself is broken: SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26]);
/** SQLITE_BUSY. */
const BUSY = 5;

/** How long a statement waits for another connection's lock. */
const BUSY_TIMEOUT_MS = 5_000;

/** The primary result code of an error of `node:sqlite`, or undefined for any other error. */
function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** True where an error says that the file is broken, not that it could not be reached or written. */
export function isDamage(error: unknown): boolean {
  if (error instanceof PisyncError) return error.code === 'store_damaged';
  return DAMAGED.has(sqliteCode(error) ?? -1);
}

/**
 * Opens the one writing connection, brings the schema up to date and makes commits durable.
 *
 * @throws {PisyncError} `store_unsafe` if SQLite does not confirm WAL and `synchronous=FULL`; `store_newer`
 */
export function openWriter(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  const db = openDurably(path);
  try {
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens a connection that commits as the writing one does, and leaves the schema as it is; else as {@link openWriter}. */
export function openDurably(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    refuseNewer(db);
    // Takes effect on a new file only.
    db.exec('PRAGMA page_size = 8192');
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    // Checkpoints run on the maintenance thread, so that no commit waits for them.
    db.exec('PRAGMA wal_autocheckpoint = 0');
    db.exec('PRAGMA journal_size_limit = 67108864');
    db.exec('PRAGMA cache_size = -4096');
    confirm(db, 'journal_mode', 'wal');
    confirm(db, 'synchronous', 2);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Drivers have been seen to change these silently: what counts is what SQLite says now. */
function confirm(db: DatabaseSync, pragma: string, expected: string | number): void {
  const value = Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  if (value === expected) return;
  throw new PisyncError('store_unsafe', {
    detail: `SQLite answers ${pragma} = ${String(value)} where ${expected} is needed; put the store on a local file system`,
  });
}

/** Opens the maintenance thread's connection: it reads, and checkpoints as durably as the writer commits. */
export function openMaintainer(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  db.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2048');
  return db;
}

/** Opens a connection that can only read. Its transactions are one query long, so that no checkpoint waits for it. */
export function openReader(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  db.exec('PRAGMA cache_size = -4096');
  return db;
}

/**
 * Holds the place for one process, by an exclusive transaction on a file beside the store: the operating system
 * releases it when the process dies, however it dies.
 *
 * @throws {PisyncError} `store_locked` if another process, or another store of this one, holds it
 */
export function lockPlace(path: string): DatabaseSync {
  prepareFolder(path);
  const lock = `${path}.lock`;
  try {
    return takeLock(lock);
  } catch (cause) {
    // The file holds nothing: whatever was written over it, it can be made anew.
    if (isDamage(cause)) {
      rmSync(lock);
      return takeLock(lock);
    }
    if (sqliteCode(cause) !== BUSY) throw unreachable(path, cause);
    throw new PisyncError('store_locked', {
      detail: `${path} is open in another PiSync process; stop that one first, or give this one a store of its own`,
      cause,
    });
  }
}

function takeLock(lock: string): DatabaseSync {
  const db = new DatabaseSync(lock, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepareFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw unreachable(path, cause);
  }
}

/** A place that cannot be opened at all is the operator's to mend: a permission, a missing mount, a folder of that name. */
function unreachable(path: string, cause: unknown): PisyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const detail = `the store ${path} cannot be opened: ${reason}; look at its folder and permissions`;
  return new PisyncError('invalid_config', { field: 'store', detail, cause });
}

/**
 * Moves a store and what belongs to it out of the way.
 *
 * @param why - becomes part of its new name
 * @returns where it lies now
 */
export function setAside(path: string, now: Date, why: 'damaged' | 'before-restore'): string {
  const place = `${path}.${why}-${now.toISOString().replaceAll(':', '').replace('.', '')}`;
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, place + suffix);
  }
  return place;
}
