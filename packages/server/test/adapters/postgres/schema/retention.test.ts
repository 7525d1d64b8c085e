import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { runPolicies } from '../../../../src/adapters/store/postgres/schema/policies.ts';
import { counted, group, now } from '../../../../src/conformance/make-events.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const policy = { partial: 'failure' } as const;
const day = 24 * 3_600_000;
const nothingPacked = { sealPoints: async () => [], dropSealedPoints: async () => [] };

describe('a store whose old events were dropped', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  test('still knows them, is checked as far as can be, and refuses to count them by another rule', async () => {
    const place = await server.createDatabase();
    const store = await openPostgresStore(place, policy);
    const old = counted(1, { timestamp: now - 200 * day });
    await store.commit(group(old, counted(2)));
    await server.query(
      "INSERT INTO pisync.policy (name, value) VALUES ('events_retention', '90')",
      new URL(place).pathname.slice(1),
    );
    const database = new Database(place, usualDatabaseOptions);
    const report = await runPolicies(database, nothingPacked, now);
    assert.deepEqual(report.failures, []);
    assert.equal(report.dropped.length, 1);
    assert.deepEqual(await store.commit(group(old, counted(3))), ['duplicate', 'stored']);
    // Its month is made again for an event that is as old, and was not there before.
    assert.deepEqual(await store.commit(group(counted(4, { timestamp: now - 200 * day }))), ['stored']);
    const findings = await store.verify();
    assert.deepEqual(
      findings.filter(({ check }) => check === 'contents').map(({ severity }) => severity),
      ['warning'],
    );
    await store.close();
    await assert.rejects(openPostgresStore(place, { partial: 'ignore' }), /events_retention/);
    await database.close();
    await server.dropDatabase(place);
  });
});
