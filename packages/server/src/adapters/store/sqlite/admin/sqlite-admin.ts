import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import type { SchemaStatus, StoreAdmin, TableSize } from '../../../../ports/store-admin.ts';
import { pendingSteps, viewOf } from '../../migrations/next-step.ts';
import { type MigrationTarget, runMigrations } from '../../migrations/run-migrations.ts';
import { lockPlace, openDurably, openReader } from '../format/connection.ts';
import { applyStep, refuseNewer, rehearseStep, SCHEMA_VERSION } from '../format/schema.ts';
import { migrations } from '../format/versions.ts';

/**
 * Looks after the tables of a store in a file. Migrating needs the place for itself; the rest may be asked while a server runs.
 *
 * @throws {PisyncError} `invalid_config` where there is no file
 */
export function openSqliteAdmin(place: string): StoreAdmin {
  const path = resolve(place);
  if (!existsSync(path)) throw invalid(`There is no store at ${path}.`);
  return {
    migrate: async (request) => {
      if (request.dryRun) return reading(path, (db) => runMigrations(targetOf(db), migrations, request));
      const lock = lockPlace(path);
      try {
        const db = openDurably(path);
        try {
          return await runMigrations(targetOf(db), migrations, request);
        } finally {
          db.close();
        }
      } finally {
        lock.close();
      }
    },
    status: () => reading(path, async (db) => statusOf(db)),
    policies: () => Promise.reject(noPolicies()),
    setPolicies: () => Promise.reject(noPolicies()),
    close: async () => undefined,
  };
}

async function reading<T>(path: string, work: (db: DatabaseSync) => Promise<T>): Promise<T> {
  const db = openReader(path);
  try {
    return await work(db);
  } finally {
    db.close();
  }
}

function targetOf(db: DatabaseSync): MigrationTarget {
  return {
    version: async () => refuseNewer(db),
    apply: async (step, onStatement) => applyStep(db, step, onStatement),
    rehearse: async (step, onStatement) => rehearseStep(db, step, onStatement),
  };
}

/** Reads every page of the file once. A cell of a leaf of a table is a row. */
const SIZES = `
  SELECT s.tbl_name AS name, sum(d.pgsize) AS bytes,
    sum(CASE WHEN s.type = 'table' AND d.pagetype = 'leaf' THEN d.ncell ELSE 0 END) AS "rows"
  FROM dbstat d JOIN sqlite_schema s ON s.name = d.name GROUP BY 1 ORDER BY 1`;

function statusOf(db: DatabaseSync): SchemaStatus {
  const version = refuseNewer(db);
  const rows = db.prepare(SIZES).all() as { name: string; bytes: number; rows: number }[];
  const tables = rows.map((row): TableSize => ({ ...row, partitionOf: null }));
  return {
    version,
    newest: SCHEMA_VERSION,
    pending: pendingSteps(migrations, version).map(viewOf),
    bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    tables,
  };
}

function noPolicies(): PisyncError {
  return invalid('A store in a file keeps everything and has no partitions: policies are for PostgreSQL.');
}

function invalid(detail: string): PisyncError {
  return new PisyncError('invalid_config', { field: 'store', detail });
}
