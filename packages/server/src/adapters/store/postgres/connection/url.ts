import { PisyncError } from '@pisync/protocol';

/** Where a store lies on a PostgreSQL server. */
export interface PostgresPlace {
  /** What the driver is given: the URL without PiSync's own parameters. */
  readonly connectionString: string;
  /** Schema that holds all tables. */
  readonly schema: string;
  /** The URL without its password, for people. */
  readonly shown: string;
  /** Host and port alone. */
  readonly host: string;
}

const DEFAULT_SCHEMA = 'pisync';
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * Reads `postgres://user:password@host:port/database?schema=pisync&sslmode=…`. Parameters other than `schema` are those of
 * the driver.
 *
 * @param field - the setting that the URL stands in
 * @throws {PisyncError} `invalid_config` that names the part and the fix, and never repeats a password
 */
export function parsePostgresUrl(text: string, field = 'store'): PostgresPlace {
  const invalid = (fix: string) => invalidUrl(field, fix);
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')) {
    throw invalid('It is no URL. Write postgres://user:password@host:5432/database.');
  }
  if (url.pathname.length < 2) throw invalid('Name a database: postgres://user@host:5432/pisync.');
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA_NAME.test(schema)) {
    throw invalid('The schema must be lower-case letters, digits and _, such as ?schema=pisync.');
  }
  url.searchParams.delete('schema');
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  if (shown.searchParams.has('password')) shown.searchParams.set('password', '***');
  return { connectionString: url.href, schema, shown: shown.href, host: url.host };
}

function invalidUrl(field: string, fix: string): PisyncError {
  return new PisyncError('invalid_config', {
    field,
    detail: `The PostgreSQL URL of ${field} is not valid. ${fix}`,
  });
}
