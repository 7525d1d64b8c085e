import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import { usualDatabaseOptions } from '../../../../src/adapters/store/postgres/connection/database.ts';
import {
  checkServer,
  connectError,
} from '../../../../src/adapters/store/postgres/connection/server-check.ts';
import { parsePostgresUrl } from '../../../../src/adapters/store/postgres/connection/url.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { debianInstallation, PostgresServer } from '../../../postgres/postgres-server.ts';

const quick = { ...usualDatabaseOptions, connectTimeoutMs: 1_000 };

/** Opens a store where none can be. @returns the error, which repeats no password */
async function refusal(url: string, code = 'invalid_config'): Promise<PisyncError> {
  try {
    const store = await openPostgresStore(url, { partial: 'failure' }, quick);
    await store.close();
  } catch (error) {
    assert.ok(error instanceof PisyncError, String((error as Error).stack));
    assert.doesNotMatch(error.message, /s3cret/);
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`${url} was opened`);
}

describe('a PostgreSQL store that cannot be opened', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start(undefined, ['password_encryption=scram-sha-256']);
    await server.query("CREATE ROLE pi LOGIN PASSWORD 's3cret'");
    await server.query('CREATE ROLE guest LOGIN');
    // The first line that fits counts.
    const file = join(server.data, 'pg_hba.conf');
    await writeFile(
      file,
      `host all pi 127.0.0.1/32 scram-sha-256\nhost all stranger 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n`,
    );
    await server.query('SELECT pg_reload_conf()');
  });
  after(() => server?.stop());

  const as = (user: string, database = 'postgres') =>
    `postgres://${user}@127.0.0.1:${server.port}/${database}`;

  it('says what is wrong with a URL', async () => {
    assert.match(
      (await refusal('postgres://[pi:s3cret')).message,
      /postgres:\/\/user:password@host:5432\/database/,
    );
    assert.match((await refusal('postgres:')).message, /Name a database/);
    assert.match((await refusal('postgres://pi:s3cret@host')).message, /Name a database/);
    assert.match(
      (await refusal('postgres://pi:s3cret@h/d?schema=No;DROP')).message,
      /schema must be lower-case/,
    );
    const options = { ...quick, readUrls: ['postgres://pi:s3cret@host'] };
    await assert.rejects(openPostgresStore(as('postgres'), { partial: 'failure' }, options), {
      code: 'invalid_config',
      field: 'store_read_urls',
    });
  });

  it('says that nobody knows the host, or that nothing listens there', async () => {
    const host = 'postgres://pi:s3cret@no-such-host.invalid:5432/d';
    assert.match((await refusal(host)).message, /Check the host in the URL/);
    const { message } = await refusal('postgres://pi:s3cret@127.0.0.1:1/d');
    assert.match(message, /ECONNREFUSED.* Nothing listens there\. Check host and port/);
    assert.match(
      (await refusal('postgres://pi:s3cret@localhost:1/d')).message,
      /ECONNREFUSED.*Nothing listens/,
    );
  });

  it('says that what listens there is no PostgreSQL, or says nothing', async () => {
    for (const [reply, words] of [
      ['HTTP/1.1 400 Bad Request\r\n\r\n', /does not speak as PostgreSQL does|Check the port/],
      ['', /Nothing answers in time|Check host and port/],
    ] as const) {
      const other = createServer((socket) =>
        socket.on('error', () => {}).once('data', () => reply && socket.end(reply)),
      );
      other.listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { message } = await refusal(
        `postgres://pi:s3cret@127.0.0.1:${(other.address() as AddressInfo).port}/d`,
      );
      assert.match(message, words);
      other.close();
    }
  });

  it('says that the password is wrong, or missing, or that the user may not come', async () => {
    assert.match((await refusal(as('pi:s3cretive'))).message, /The user or the password is wrong/);
    assert.match((await refusal(as('pi'))).message, /asks for a password. Write it into the URL/);
    assert.match((await refusal(as('stranger'))).message, /pg_hba\.conf/);
    assert.match(
      (await refusal(`${as('pi:s3cret')}?sslmode=require`)).message,
      /switch ssl on at the server/,
    );
  });

  it('names the database or the right that is missing', async () => {
    assert.match((await refusal(as('postgres', 'nowhere'))).message, /CREATE DATABASE/);
    const { message } = await refusal(as('guest'));
    assert.match(
      message,
      /permission denied for database postgres\. The user lacks a right\. GRANT CREATE ON DATABASE/,
    );
    // What an administrator prepared is enough.
    await server.query('CREATE SCHEMA pisync AUTHORIZATION guest');
    await (await openPostgresStore(as('guest'), { partial: 'failure' }, quick)).close();
  });

  it('names the encoding that it needs', async () => {
    await server.query("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    assert.match((await refusal(as('postgres', 'bytes'))).message, /SQL_ASCII\. .*ENCODING 'UTF8'/);
  });

  it('refuses tables that a newer PiSync made', async () => {
    const place = await server.createDatabase();
    await (await openPostgresStore(place, { partial: 'failure' }, quick)).close();
    const database = new URL(place).pathname.slice(1);
    await server.query("INSERT INTO pisync.schema_version (version, name) VALUES (900, 'later')", database);
    assert.match((await refusal(place, 'store_newer')).message, /900/);
  });

  it('refuses a server that does not flush', async () => {
    await appendFile(join(server.data, 'postgresql.auto.conf'), 'fsync = off\n');
    await server.query('SELECT pg_reload_conf()');
    assert.match((await refusal(as('postgres'), 'store_unsafe')).message, /Set fsync = on/);
  });

  it('refuses a server that is too old', async () => {
    const old = { version: 140_011, shown: '14.11', fsync: 'on', encoding: 'UTF8', standby: false };
    const client = { query: async () => ({ rows: [old] }) } as unknown as pg.Client;
    await assert.rejects(checkServer(client, parsePostgresUrl('postgres://pi:s3cret@h/d')), {
      code: 'invalid_config',
      message: /14\.11 is too old; PiSync needs 15 or newer/,
    });
  });

  it('leaves mistakes of its own as they are', () => {
    const place = parsePostgresUrl('postgres://h/d');
    const mistake = new TypeError('x is not a function');
    assert.equal(connectError(mistake, place), mistake);
  });
});

const installation = debianInstallation();

describe('a standby', {
  skip: installation === undefined && 'not run here: Debian has not installed PostgreSQL 15',
}, () => {
  it('is no store, but may be a replica', async () => {
    const primary = await PostgresServer.start(installation);
    const standby = await primary.startReplica(installation as NonNullable<typeof installation>);
    try {
      const { message } = await refusal(standby.url());
      assert.match(message, /Name the primary in store, and this one in store_read_urls/);
    } finally {
      await standby.stop();
      await primary.stop();
    }
  });
});
