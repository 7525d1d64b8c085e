import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import { toPisyncError } from './database-error.ts';
import { sessionOf } from './session.ts';
import type { PostgresPlace } from './url.ts';

/** What a store refuses to work on. */
const OLDEST_VERSION = 150_000;

interface ServerFacts {
  readonly version: number;
  readonly shown: string;
  readonly fsync: string;
  readonly encoding: string;
  readonly standby: boolean;
}

/**
 * Looks whether the server can keep what is promised.
 *
 * @throws {PisyncError} `store_unsafe` or `invalid_config` that names the fix
 */
export async function checkServer(client: pg.Client, place: PostgresPlace): Promise<void> {
  const [facts] = await sessionOf(client).query<ServerFacts>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
       current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby`,
  );
  if (facts === undefined) throw new TypeError('the server tells nothing of itself');
  const { version, shown, fsync, encoding, standby } = facts;
  const refuse = (code: 'store_unsafe' | 'invalid_config', detail: string) =>
    new PisyncError(code, { field: 'store', detail: `${place.shown}: ${detail}` });
  if (version < OLDEST_VERSION) {
    throw refuse(
      'invalid_config',
      `PostgreSQL ${shown} is too old; PiSync needs 15 or newer. Upgrade the server.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw refuse(
      'invalid_config',
      `its encoding is ${encoding}. Make another database: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0.`,
    );
  }
  if (standby) {
    throw refuse(
      'invalid_config',
      'the server is a standby and takes no writes. Name the primary in store, and this one in store_read_urls.',
    );
  }
  if (fsync !== 'on') {
    throw refuse(
      'store_unsafe',
      'fsync is off, so that a power cut loses what was acknowledged. Set fsync = on in postgresql.conf and reload.',
    );
  }
}

const fixes: Readonly<Record<string, string>> = {
  '28P01': 'The user or the password is wrong. Check both in the URL.',
  '28000': 'The server does not let this user in. Check the user in the URL, and pg_hba.conf on the server.',
  '3D000': 'There is no such database. Create it: CREATE DATABASE name.',
  '42501':
    'The user lacks a right. GRANT CREATE ON DATABASE name TO user, or create the schema for it: CREATE SCHEMA name AUTHORIZATION user.',
  ENOTFOUND: 'The name of the host is not known. Check the host in the URL.',
  EAI_AGAIN:
    'The name of the host cannot be looked up. Check the host in the URL, and the name service here.',
  ECONNREFUSED: 'Nothing listens there. Check host and port in the URL, and that the server runs.',
  EHOSTUNREACH: 'There is no way to the host. Check the host in the URL, and the network.',
  ENETUNREACH: 'There is no way to the host. Check the host in the URL, and the network.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Name the certificate of its authority in the URL: sslrootcert=FILE.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Name the certificate of its authority in the URL: sslrootcert=FILE.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Name the certificate of its authority in the URL: sslrootcert=FILE.',
};

/** What the driver says without a code. */
const saidFixes: readonly (readonly [RegExp, string])[] = [
  [/password must be a (non-empty )?string/i, 'The server asks for a password. Write it into the URL.'],
  [/does not support SSL/i, 'Take sslmode out of the URL, or switch ssl on at the server.'],
  [
    /timeout expired|connection timeout/i,
    'Nothing answers in time. Check host and port in the URL, and firewalls between.',
  ],
  [
    /Connection terminated unexpectedly|invalid response|Unknown message/i,
    'What listens there does not speak as PostgreSQL does. Check the port in the URL.',
  ],
];

/** Why no store could be opened, in words that name the fix; errors of another kind come back as they are. */
export function connectError(error: unknown, { shown }: PostgresPlace): unknown {
  if (!(error instanceof Error) || error instanceof PisyncError) return error;
  const { code } = error as Error & { code?: string };
  // A name with several addresses gives an error for each, and none for all.
  const message = error instanceof AggregateError ? (error.errors[0] as Error).message : error.message;
  const said = saidFixes.find(([words]) => words.test(message))?.[1];
  const fix = code === undefined ? said : (fixes[code] ?? said);
  if (fix === undefined) return toPisyncError(error);
  return new PisyncError('invalid_config', {
    field: 'store',
    detail: `${shown}: ${message}. ${fix}`,
    cause: error,
  });
}
