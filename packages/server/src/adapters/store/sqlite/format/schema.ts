import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import { NETWORK_SCHEMA } from './network-schema.ts';

/**
 * One step per version, never changed once released; see docs/spec/sqlite-format.md.
 *
 * `log` is append-only, one row per commit group. `device_page` and `meta.hours` are snapshots that say up to which log
 * row they are complete. `run` and `block` are sealed history. `quarantine` holds refused items. Telemetry has a log, pages
 * of series, runs and blocks of its own kind, and rollups beside the blocks; so have detections, and networks are rows.
 */
const steps: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY, data BLOB) STRICT, WITHOUT ROWID;
   CREATE TABLE log (
     chunk INTEGER PRIMARY KEY, position INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
   ) STRICT;
   CREATE TABLE device_page (page INTEGER PRIMARY KEY, applied INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
   CREATE TABLE run (
     id INTEGER PRIMARY KEY AUTOINCREMENT, live INTEGER NOT NULL, level INTEGER NOT NULL, events INTEGER NOT NULL,
     bytes INTEGER NOT NULL, min_timestamp INTEGER NOT NULL, max_timestamp INTEGER NOT NULL,
     identities INTEGER NOT NULL, filter BLOB
   ) STRICT;
   CREATE TABLE block (
     id INTEGER PRIMARY KEY, run INTEGER NOT NULL, device INTEGER NOT NULL, timestamp INTEGER NOT NULL, data BLOB NOT NULL
   ) STRICT;
   CREATE INDEX block_place ON block (run, device, timestamp);
   CREATE TABLE quarantine (
     id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL UNIQUE, received_at INTEGER NOT NULL,
     last_received_at INTEGER NOT NULL, count INTEGER NOT NULL, device_id TEXT, code TEXT NOT NULL, field TEXT,
     detail TEXT NOT NULL, source TEXT NOT NULL, raw TEXT NOT NULL, truncated INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX quarantine_device ON quarantine (device_id, id);`,
  `CREATE TABLE point_log (chunk INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
   CREATE TABLE series_page (page INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
   CREATE TABLE point_run (
     id INTEGER PRIMARY KEY AUTOINCREMENT, live INTEGER NOT NULL, level INTEGER NOT NULL, points INTEGER NOT NULL,
     bytes INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, last_chunk INTEGER NOT NULL,
     replaced INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE point_block (
     id INTEGER PRIMARY KEY, run INTEGER NOT NULL, series INTEGER NOT NULL, time INTEGER NOT NULL, data BLOB NOT NULL
   ) STRICT;
   CREATE INDEX point_block_place ON point_block (run, series, time);`,
  `CREATE TABLE detection_log (
     chunk INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
   ) STRICT;
   CREATE TABLE detection_run (
     id INTEGER PRIMARY KEY AUTOINCREMENT, live INTEGER NOT NULL, level INTEGER NOT NULL, detections INTEGER NOT NULL,
     bytes INTEGER NOT NULL, min_timestamp INTEGER NOT NULL, max_timestamp INTEGER NOT NULL, last_chunk INTEGER NOT NULL,
     identities INTEGER NOT NULL, digests INTEGER NOT NULL, min_digest_time REAL, max_digest_time REAL, filter BLOB
   ) STRICT;
   CREATE TABLE detection_block (
     id INTEGER PRIMARY KEY, run INTEGER NOT NULL, zone BLOB NOT NULL, hot BLOB NOT NULL, cold BLOB NOT NULL
   ) STRICT;
   CREATE TABLE detection_identity (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
   ${NETWORK_SCHEMA}`,
  `CREATE TABLE point_rollup (
     id INTEGER PRIMARY KEY, run INTEGER NOT NULL, width INTEGER NOT NULL, series INTEGER NOT NULL, start INTEGER NOT NULL,
     data BLOB NOT NULL
   ) STRICT;
   CREATE INDEX point_rollup_place ON point_rollup (run, width, series, start);`,
];

/** The schema version that this code writes. */
export const SCHEMA_VERSION = steps.length;

/**
 * Brings the schema up to date in one transaction that holds the write lock, so that of two processes one migrates
 * and the other finds the work done.
 *
 * @throws {PisyncError} `store_newer` if a newer PiSync wrote the store; nothing is touched then
 */
export function migrate(db: DatabaseSync): void {
  if (refuseNewer(db) === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = refuseNewer(db);
    for (const step of steps.slice(version)) db.exec(step);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

/**
 * The schema version of a store. To be called before anything is set on it.
 *
 * @throws {PisyncError} `store_newer`
 */
export function refuseNewer(db: DatabaseSync): number {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version <= SCHEMA_VERSION) return version;
  throw new PisyncError('store_newer', {
    detail: `the store has schema ${version}, this PiSync writes ${SCHEMA_VERSION}; start the newer PiSync again`,
  });
}
