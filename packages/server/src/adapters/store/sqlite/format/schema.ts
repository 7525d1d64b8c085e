import type { DatabaseSync } from 'node:sqlite';
import { performNow } from '../../migrations/migration.ts';
import { type MigrationStep, nextStep, pendingSteps } from '../../migrations/next-step.ts';
import type { OnStatement } from '../../migrations/run-migrations.ts';
import { migrations } from './versions.ts';

/** The schema version that this code writes. */
export const SCHEMA_VERSION = migrations.length;

/**
 * Brings the schema up to date in one transaction that holds the write lock, so that of two processes one migrates
 * and the other finds the work done.
 *
 * @throws {PisyncError} `store_newer` if a newer PiSync wrote the store; nothing is touched then
 */
export function migrate(db: DatabaseSync): void {
  if (refuseNewer(db) === SCHEMA_VERSION) return;
  locked(db, () => {
    for (const step of pendingSteps(migrations, readVersion(db))) perform(db, step, (sql) => db.exec(sql));
  });
}

/** Does one step in a transaction; nothing where the store is not of the version that it begins with. */
export function applyStep(db: DatabaseSync, step: MigrationStep, onStatement: OnStatement): void {
  locked(db, () => {
    if (readVersion(db) !== step.from) return;
    perform(db, step, (sql) => {
      onStatement(sql);
      db.exec(sql);
    });
  });
}

/** Tells what {@link applyStep} would run. */
export function rehearseStep(db: DatabaseSync, step: MigrationStep, onStatement: OnStatement): void {
  perform(db, step, onStatement);
}

function perform(db: DatabaseSync, step: MigrationStep, run: OnStatement): void {
  const workplace = { schema: 'main', concurrently: false };
  performNow(step.work, workplace, { ask: (question) => db.prepare(question).all(), run });
  run(`PRAGMA user_version = ${step.to}`);
}

function locked(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
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
  const version = readVersion(db);
  nextStep(migrations, version, version);
  return version;
}

function readVersion(db: DatabaseSync): number {
  return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}
