import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { type Migration, perform, type Row } from '../../../../src/adapters/store/migrations/migration.ts';
import { openPostgresAdmin } from '../../../../src/adapters/store/postgres/admin/postgres-admin.ts';
import { migrations } from '../../../../src/adapters/store/postgres/migrations/versions.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import type { MigrationReport, MigrationRequest } from '../../../../src/ports/store-admin.ts';
import { answersOf, sampleGroup } from '../../migrations/sample-data.ts';
import { sqlAt, TimescaleServer } from './timescale-place.ts';

let server: TimescaleServer;
before(async () => {
  server = await TimescaleServer.start();
});
after(() => server.close());

async function migrate(url: string, fields: Partial<MigrationRequest>): Promise<MigrationReport> {
  const admin = await openPostgresAdmin(url);
  try {
    return await admin.migrate({ down: false, dropData: false, dryRun: false, ...fields });
  } finally {
    await admin.close();
  }
}

/** One step of a way, beside commits; `told` is what the server is taken to say of the extension, else it is asked. */
async function step(
  url: string,
  version: number,
  direction: 'up' | 'down',
  told?: readonly Row[],
): Promise<void> {
  const migration = migrations[version - 1] as Migration;
  const schema = new URL(url).searchParams.get('schema') as string;
  // It builds nothing concurrently, of which hypertables have nothing either.
  const ofHypertable = migration.name === 'failures-index';
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`SET search_path = "${schema}"`);
    await perform(
      migration[direction],
      { schema, concurrently: ofHypertable },
      {
        ask: async (question) => told ?? (await client.query(question)).rows,
        run: async (statement) => {
          await client.query(statement);
        },
      },
    );
    const record =
      direction === 'up'
        ? `INSERT INTO schema_version VALUES (${version}, '${migration.name}')`
        : `DELETE FROM schema_version WHERE version = ${version}`;
    await client.query(record);
  } finally {
    await client.query('RESET search_path');
    await client.end();
  }
}

/** Goes all the way down to a version, and up again to the newest one. */
async function downAndUp(url: string, to: number): Promise<void> {
  for (let version = migrations.length; version > to; version--) await step(url, version, 'down');
  for (let version = to + 1; version <= migrations.length; version++) await step(url, version, 'up');
}

/** Tables as they are made where there is no extension. */
async function plainTables(url: string): Promise<void> {
  const schema = new URL(url).searchParams.get('schema') as string;
  await sqlAt(url, `CREATE SCHEMA ${schema}`);
  await sqlAt(
    url,
    'CREATE TABLE schema_version (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), complete boolean NOT NULL DEFAULT true)',
  );
  await step(url, 1, 'up', []);
}

const tables = async (url: string): Promise<readonly unknown[]> =>
  (
    await sqlAt(
      url,
      'SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY 1',
    )
  ).map(({ relname }) => relname);

/** A store with data of which all that can be packed is packed. */
async function filled(): Promise<string> {
  const url = server.newUrl();
  const store = await openPostgresStore(url, { partial: 'failure' });
  await store.commit(sampleGroup());
  await store.settle();
  await store.close();
  return url;
}

/*
 * What is built beside commits takes a second connection that holds a lock, and this database has one session: here the steps run
 * without that lock.
 */
describe('versions of tables with hypertables', () => {
  for (const { version, name, dropsData } of migrations) {
    test(`${version} (${name}) goes down and up again on a store with data in it`, async () => {
      const url = await filled();
      const store = await openPostgresStore(url, { partial: 'failure' });
      const before = await answersOf(store);
      await store.close();
      const top = await tables(url);
      await downAndUp(url, version - 1);
      assert.deepEqual(await tables(url), top);
      const again = await openPostgresStore(url, { partial: 'failure' });
      if (dropsData !== true) assert.deepEqual(await answersOf(again), before);
      const outcomes = await again.commit(sampleGroup());
      assert.deepEqual(new Set(outcomes), new Set([dropsData === true ? 'stored' : 'duplicate']));
      assert.deepEqual((await answersOf(again)).devices, before.devices);
      await again.close();
    });
  }

  test('leave nothing behind at the way down to 0', async () => {
    const url = await filled();
    for (let version = migrations.length; version > 0; version--) await step(url, version, 'down');
    assert.deepEqual(await tables(url), ['schema_version', 'schema_version_pkey']);
    const schema = new URL(url).searchParams.get('schema');
    const jobs = `SELECT FROM timescaledb_information.jobs WHERE hypertable_schema = '${schema}'`;
    assert.deepEqual(await sqlAt(url, jobs), []);
  });

  test('are told by a dry run, which runs nothing', async () => {
    const url = server.newUrl();
    const { steps } = await migrate(url, { dryRun: true });
    const statements = steps.flatMap((step) => step.statements);
    assert.ok(statements.some((text) => /create_hypertable\('point'/.test(text)));
    assert.ok(statements.some((text) => /CREATE MATERIALIZED VIEW telemetry_hour/.test(text)));
    assert.deepEqual(await tables(url), []);
  });
});

test('a store that was made without the extension stays as it is when the extension comes', async () => {
  // Its tables as they are made where there is none.
  const url = server.newUrl();
  await plainTables(url);
  const store = await openPostgresStore(url, { partial: 'failure' });
  await store.commit(sampleGroup());
  const before = await answersOf(store);
  await store.settle();
  assert.deepEqual(await answersOf(store), before);
  await store.close();
  assert.ok((await tables(url)).some((name) => String(name).startsWith('sync_event_2026_')));
  const [{ n } = {}] = await sqlAt(
    url,
    'SELECT count(*)::int AS n FROM timescaledb_information.hypertables WHERE hypertable_schema = current_schema()',
  );
  assert.equal(n, 0);
});
