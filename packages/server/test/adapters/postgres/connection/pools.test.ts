import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import {
  Database,
  type DatabaseOptions,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import { storeGauges } from '../../../../src/adapters/store/postgres/connection/gauges.ts';
import { lsnOf, ReplicaLag } from '../../../../src/adapters/store/postgres/connection/replica-lag.ts';
import type { Session } from '../../../../src/adapters/store/postgres/connection/session.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const sleep = (seconds: number) => (session: Session) => session.query(`SELECT pg_sleep(${seconds})`);

const refused = (words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PisyncError && error.code === 'store_unavailable', String(error));
  assert.match(error.message, words);
  return true;
};

describe('pools of connections', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server?.stop());

  async function withDatabase(
    options: Partial<DatabaseOptions>,
    body: (database: Database) => Promise<void>,
  ): Promise<void> {
    const database = new Database(server.url(), { ...usualDatabaseOptions, ...options });
    try {
      await body(database);
    } finally {
      await database.close();
    }
  }

  it('answer lists while long reports fill theirs', () =>
    withDatabase({ reportConnections: 2, queryConnections: 1 }, async (database) => {
      await database.read(sleep(0));
      const reports = Array.from({ length: 6 }, () => database.read(sleep(0.4), 'report'));
      const started = performance.now();
      for (let at = 0; at < 20; at += 1) await database.read(sleep(0.001));
      assert.ok(performance.now() - started < 400);
      const gauges = storeGauges(database);
      assert.equal(gauges['report_connections'], 2);
      assert.equal(gauges['reports_waiting'], 4);
      assert.equal(gauges['query_connections'], 1);
      assert.equal(gauges['query_connections_idle'], 1);
      await Promise.all(reports);
      assert.ok(performance.now() - started > 1_000);
    }));

  it('end what takes longer than its kind may', () =>
    withDatabase({ queryTimeoutMs: 200, reportTimeoutMs: 900 }, async (database) => {
      await assert.rejects(database.read(sleep(0.5)), refused(/statement timeout/));
      await database.read(sleep(0.5), 'report');
      await assert.rejects(database.read(sleep(2), 'report'), refused(/statement timeout/));
      await database.read(sleep(0));
    }));

  it('let nobody wait for a free connection for ever', () =>
    withDatabase({ queryConnections: 1, connectTimeoutMs: 300 }, async (database) => {
      const long = database.read(sleep(1));
      await assert.rejects(database.read(sleep(0)), refused(/store_query_connections/));
      await long;
      await database.read(sleep(0));
    }));

  it('replace connections that the server ends, idle or lent', () =>
    withDatabase({ queryConnections: 2 }, async (database) => {
      const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pisync'`;
      const late = database.read(sleep(2));
      const lent = database.read(sleep(0.5));
      await delay(200);
      await server.query(`${end} AND query LIKE '%0.5%'`);
      // It is asked again, and what is asked on the other connections does not notice.
      await Promise.all([lent, late]);
      await server.query(end);
      await database.read(sleep(0));
      const lost = assert.rejects(database.read(sleep(3)), refused(/terminat/));
      await delay(1_200);
      await server.query(end);
      await lost;
      await database.read(sleep(0));
    }));
});

describe('how late a replica is', () => {
  it('is the time since the primary is known to have had more', () => {
    const lag = new ReplicaLag();
    assert.equal(lag.behind(-1, 50), 0);
    lag.primaryAt(1_000, 100);
    lag.primaryAt(1_000, 200);
    lag.primaryAt(2_000, 300);
    assert.equal(lag.behind(2_000, 900), 0);
    assert.equal(lag.behind(1_999, 900), 600);
    assert.equal(lag.behind(1_000, 900), 600);
    assert.equal(lag.behind(999, 900), 800);
    // Asked before the primary was.
    assert.equal(lag.behind(1_500, 250), 0);
    for (let at = 0; at < 10_000; at += 1) lag.primaryAt(3_000 + at, 1_000 + at);
    assert.equal(lag.behind(0, 20_000), 19_900);
    assert.equal(lag.behind(12_998, 20_000), 9_001);
  });

  it('is measured in bytes of the log', () => {
    assert.equal(lsnOf('0/0'), 0);
    assert.equal(lsnOf('16/B374D848'), 0x16_b374_d848);
    assert.equal(lsnOf('1FFFFF/FFFFFFFF'), Number.MAX_SAFE_INTEGER);
  });
});
