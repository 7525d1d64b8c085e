import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import { pendingSteps } from '../../migrations/next-step.ts';
import { runMigrations } from '../../migrations/run-migrations.ts';
import type { Database } from '../connection/database.ts';
import { PostgresTarget } from '../migrations/postgres-target.ts';
import { migrations } from '../migrations/versions.ts';

/**
 * Brings the tables to a version that this PiSync can work on: makes them where there are none, and applies all that is quick.
 * What is built beside running commits is left to `pisync store migrate` where data may be there already.
 *
 * @returns what was left, for people; empty where the tables are of the newest version
 * @throws {PisyncError} `store_newer`; `invalid_config` where something is needed that stands behind what was left
 */
export async function migrate(client: pg.Client, database: Database): Promise<readonly string[]> {
  const target = new PostgresTarget(client, database);
  const version = await target.version(false);
  const pending = pendingSteps(migrations, version);
  const long = (await target.isEmpty()) ? -1 : pending.findIndex(({ concurrently }) => concurrently);
  const left = long < 0 ? [] : pending.slice(long);
  const to = left[0]?.from ?? migrations.length;
  if (to > version)
    await runMigrations(target, migrations, { to, down: false, dropData: false, dryRun: false });
  if (left.some(({ concurrently }) => !concurrently)) {
    throw new PisyncError('invalid_config', {
      field: 'store',
      detail: `${database.place.shown} has tables of version ${to}, and an index is to be built before they can be brought to ${migrations.length}. Run: pisync store migrate`,
    });
  }
  return left.map(
    ({ to, name, note }) =>
      `version ${to} of the tables (${name}) is not there yet: ${note}; build it, beside running servers, with: pisync store migrate`,
  );
}
