import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';

/** Key in `meta` of a store that is being filled: the source for people. */
const MIGRATION = 'migration';

function sourceOf(db: DatabaseSync): string | undefined {
  const found = db.prepare('SELECT value FROM meta WHERE key = ?').get(MIGRATION);
  return (found as { value: string } | undefined)?.value;
}

/** @throws {PisyncError} `invalid_config` for a store that is being filled: whatever was done with it would spoil it */
export function refuseUnfinished(db: DatabaseSync): void {
  const source = sourceOf(db);
  if (source === undefined) return;
  throw new PisyncError('invalid_config', {
    field: 'store',
    detail: `The store is being filled from ${source} by pisync migrate-store, which has not ended. Run the same command again, with --cut-over; or remove the file to begin anew.`,
  });
}

/** Rows of these are all that a store holds. */
const TABLES = [
  'log',
  'device_page',
  'run',
  'quarantine',
  'point_log',
  'point_run',
  'detection_log',
  'detection_run',
];

/**
 * Marks an empty store as being filled from a source, or finds that mark. To be called within a transaction.
 *
 * @throws {PisyncError} `invalid_config` for a store that holds something else
 */
export function markTarget(db: DatabaseSync, path: string, from: string): void {
  const refuse = (why: string) =>
    new PisyncError('invalid_config', { field: 'to', detail: `${path} cannot be filled: ${why}` });
  const begun = sourceOf(db);
  if (begun !== undefined) {
    if (begun === from) return;
    throw refuse(`it is being filled from ${begun}. Go on with that one, or name another file.`);
  }
  const used = TABLES.some((table) => db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() !== undefined);
  if (used) throw refuse('it is not empty. Name another file.');
  db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)').run(MIGRATION, from);
  db.exec(
    'CREATE TABLE copied_device (number INTEGER PRIMARY KEY, id TEXT NOT NULL, epochs TEXT NOT NULL) STRICT',
  );
}

/** Key in `meta` of what {@link markPoints} notes. */
const POINTS = 'migration_points';

/** Notes up to where the points of the source were copied. Within a transaction. */
export function markPoints(db: DatabaseSync, mark: string): void {
  db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(POINTS, mark);
}

export function pointsMarkOf(db: DatabaseSync): string | null {
  const row = db.prepare('SELECT value FROM meta WHERE key = ?').get(POINTS) as { value: string } | undefined;
  return row?.value ?? null;
}

/** Takes all marks away: from here on it is a store. Within a transaction. */
export function unmarkTarget(db: DatabaseSync): void {
  db.prepare('DELETE FROM meta WHERE key IN (?, ?)').run(MIGRATION, POINTS);
  db.exec('DROP TABLE copied_device');
}
