import type { Migration } from '../../migrations/migration.ts';
import { NETWORK_SCHEMA } from './network-schema.ts';

/**
 * See docs/spec/sqlite-format.md.
 *
 * `log` is append-only, one row per commit group. `device_page` and `meta.hours` are snapshots that say up to which log
 * row they are complete. `run` and `block` are sealed history. `quarantine` holds refused items. Telemetry has a log, pages
 * of series, runs and blocks of its own kind, and rollups beside the blocks; so have detections, and networks are rows.
 */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'events',
    note: 'sync events: their log, devices, sealed history and the quarantine',
    up: [
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
    ],
    down: [
      'DROP TABLE meta',
      'DROP TABLE log',
      'DROP TABLE device_page',
      'DROP TABLE run',
      'DROP TABLE block',
      'DROP TABLE quarantine',
    ],
    dropsData: true,
  },
  {
    version: 2,
    name: 'telemetry',
    note: 'telemetry: its log, series and sealed runs',
    up: [
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
    ],
    down: [
      'DROP TABLE point_log',
      'DROP TABLE series_page',
      'DROP TABLE point_run',
      'DROP TABLE point_block',
      "DELETE FROM meta WHERE key = 'points_sealed'",
    ],
    dropsData: true,
  },
  {
    version: 3,
    name: 'detections',
    note: 'detections: their log, sealed runs, and networks',
    up: [
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
    ],
    down: [
      'DROP TABLE detection_log',
      'DROP TABLE detection_run',
      'DROP TABLE detection_block',
      'DROP TABLE detection_identity',
      'DROP TABLE network',
      'DROP TABLE network_variant',
      "DELETE FROM meta WHERE key LIKE 'detections^_%' ESCAPE '^'",
    ],
    dropsData: true,
  },
  {
    version: 4,
    name: 'rollups',
    note: 'sums by hour and day beside sealed runs of telemetry; runs that are there already get theirs when they are merged',
    up: [
      `CREATE TABLE point_rollup (
     id INTEGER PRIMARY KEY, run INTEGER NOT NULL, width INTEGER NOT NULL, series INTEGER NOT NULL, start INTEGER NOT NULL,
     data BLOB NOT NULL
   ) STRICT;
   CREATE INDEX point_rollup_place ON point_rollup (run, width, series, start);`,
    ],
    down: ['DROP TABLE point_rollup'],
  },
];
