import { PisyncError } from '@pisync/protocol';
import type { Finding } from '../../../../ports/store.ts';
import type { StoreOptions } from '../../../../ports/store-options.ts';
import { pendingSteps } from '../../migrations/next-step.ts';
import { Database, usualDatabaseOptions } from '../connection/database.ts';
import { sayGoodbye } from '../connection/goodbye.ts';
import { checkServer, connectError } from '../connection/server-check.ts';
import type { Session } from '../connection/session.ts';
import { PostgresTarget } from '../migrations/postgres-target.ts';
import { migrations } from '../migrations/versions.ts';
import { inspectLayout } from './inspect-layout.ts';
import { inspectReplicas } from './inspect-replicas.ts';
import { inspectServer } from './inspect-server.ts';
import { inspectStatements } from './inspect-statements.ts';
import { inspectTables } from './inspect-tables.ts';

/**
 * Looks at a store in PostgreSQL and the servers it lies on, beside whoever uses it: seconds, whatever is stored. Changes
 * nothing and makes nothing.
 *
 * @throws {PisyncError} `invalid_config` where there is no store; what `openPostgresStore` throws
 */
export async function inspectPostgresStore(
  url: string,
  options: StoreOptions = usualDatabaseOptions,
): Promise<readonly Finding[]> {
  const database = new Database(url, { ...options, queryConnections: 1, reportConnections: 1, readUrls: [] });
  try {
    const version = await schemaVersion(database);
    const ask = (inspect: (session: Session) => Promise<readonly Finding[]>) => database.read(inspect);
    const { schema } = database.place;
    return [
      ...(await ask((session) => inspectServer(session, options))),
      schemaFinding(version),
      ...(await ask(inspectLayout)),
      ...(await ask((session) => inspectTables(session, schema, version))),
      ...(await inspectStatements(ask)),
      ...(await inspectReplicas(database, options)),
    ];
  } catch (error) {
    throw connectError(error, database.place);
  } finally {
    await database.close();
  }
}

async function schemaVersion(database: Database): Promise<number> {
  const client = await database.connect();
  try {
    await checkServer(client, database.place);
    const version = await new PostgresTarget(client, database).version(false);
    if (version > 0) return version;
    throw new PisyncError('invalid_config', {
      field: 'store',
      detail: `There is no store in the schema ${database.place.schema} of ${database.place.shown}.`,
    });
  } finally {
    await sayGoodbye(client);
  }
}

function schemaFinding(version: number): Finding {
  const pending = pendingSteps(migrations, version);
  if (pending.length === 0)
    return { severity: 'ok', check: 'schema', detail: `version ${version}, the newest` };
  const names = pending.map(({ name }) => name).join(', ');
  const detail = `version ${version}; not there yet: ${names}. Run: pisync store migrate`;
  return { severity: 'warning', check: 'schema', detail };
}
