import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPostgresAdmin } from '../../../src/adapters/store/postgres/admin/postgres-admin.ts';
import { Database, usualDatabaseOptions } from '../../../src/adapters/store/postgres/connection/database.ts';
import { migrations } from '../../../src/adapters/store/postgres/migrations/versions.ts';
import { openPostgresStore } from '../../../src/adapters/store/postgres/postgres-store.ts';
import { runPolicies } from '../../../src/adapters/store/postgres/schema/policies.ts';
import { now } from '../../../src/conformance/make-events.ts';
import type { MigrationReport, MigrationRequest } from '../../../src/ports/store-admin.ts';
import { PgBouncer, pgBouncerProgram } from '../../postgres/pg-bouncer.ts';
import { PostgresServer } from '../../postgres/postgres-server.ts';
import { sampleGroup } from './sample-data.ts';

const skip = pgBouncerProgram === undefined && 'not run here: pgbouncer is not installed';
const newest = migrations.length;

describe('through PgBouncer in transaction mode', { skip }, () => {
  let server: PostgresServer;
  let bouncer: PgBouncer;
  before(async () => {
    server = await PostgresServer.start();
    bouncer = await PgBouncer.start(server.port, 6);
  });
  after(async () => {
    await bouncer?.stop();
    await server?.stop();
  });

  async function migrate(url: string, fields: Partial<MigrationRequest>): Promise<MigrationReport> {
    const admin = await openPostgresAdmin(url);
    try {
      return await admin.migrate({ down: false, dropData: false, dryRun: false, ...fields });
    } finally {
      await admin.close();
    }
  }

  async function locks(): Promise<unknown> {
    return (await server.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'")).rows[0]
      ?.n;
  }

  test('tables go down and up, by several at once, and no lock is left', async () => {
    const direct = await server.createDatabase();
    const url = bouncer.url(direct);
    const store = await openPostgresStore(url, { partial: 'failure' });
    await store.commit(sampleGroup());
    await migrate(url, { to: 1, down: true });
    const reports = await Promise.all([migrate(url, {}), migrate(url, {})]);
    for (const { to } of reports) assert.equal(to, newest);
    const { rows } = await server.query(
      'SELECT count(*)::int AS n FROM pg_index WHERE NOT indisvalid',
      new URL(direct).pathname.slice(1),
    );
    assert.equal(rows[0]?.n, 0);
    assert.deepEqual(new Set(await store.commit(sampleGroup())), new Set(['duplicate']));
    await store.close();
    assert.equal(await locks(), 0);
  });

  test('policies are done, and no lock is left', async () => {
    const direct = await server.createDatabase();
    const url = bouncer.url(direct);
    const store = await openPostgresStore(url, { partial: 'failure' });
    await store.commit(sampleGroup());
    const admin = await openPostgresAdmin(url);
    await admin.setPolicies(
      new Map([
        ['events_retention', '45'],
        ['telemetry_retention', '30'],
      ]),
    );
    const declared = new Map((await admin.policies()).map(({ name, value }) => [name, value]));
    assert.equal(declared.get('events_retention'), '45');
    await admin.close();
    const database = new Database(url, usualDatabaseOptions);
    const packed = { sealPoints: async () => [], dropSealedPoints: async () => [] };
    const report = await runPolicies(database, packed, now);
    assert.deepEqual(report.failures, []);
    assert.ok(report.dropped.includes('sync_event_2026_08') && report.made.includes('sync_event_2027_01'));
    await database.close();
    await store.close();
    assert.equal(await locks(), 0);
  });
});
