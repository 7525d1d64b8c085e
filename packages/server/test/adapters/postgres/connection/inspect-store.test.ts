import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspectStore } from '../../../../src/adapters/registry.ts';
import { usualDatabaseOptions } from '../../../../src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted } from '../../../../src/conformance/make-events.ts';
import type { Finding } from '../../../../src/ports/store.ts';
import { debianInstallation, PostgresServer } from '../../../postgres/postgres-server.ts';

const inspect = (place: string, readUrls: readonly string[] = []) =>
  inspectStore(place, { ...usualDatabaseOptions, readUrls });

async function makeStore(place: string): Promise<void> {
  const store = await openPostgresStore(place, { partial: 'failure' });
  await store.commit({ observations: [counted(1, { timestamp: Date.now() })], rejected: [] });
  await store.close();
}

const named = (findings: readonly Finding[], check: string) =>
  findings.filter((finding) => finding.check === check);

describe('a look at a store in PostgreSQL', () => {
  let server: PostgresServer;
  let place: string;
  let database: string;
  const change = (text: string) => server.query(text, database);
  const only = async (check: string): Promise<Finding> => {
    const found = named(await inspect(place), check);
    assert.equal(found.length, 1, JSON.stringify(found));
    return found[0] as Finding;
  };

  before(async () => {
    server = await PostgresServer.start(undefined, [
      'shared_preload_libraries=pg_stat_statements',
      'max_connections=40',
      'autovacuum_naptime=1h',
    ]);
    place = await server.createDatabase();
    database = new URL(place).pathname.slice(1);
    await makeStore(place);
  });
  after(() => server?.stop());

  it('finds nothing wrong with a new one', async () => {
    const findings = await inspect(place);
    const next = new Date(Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1));
    const month = `sync_event_${next.toISOString().slice(0, 7).replace('-', '_')}`;
    await change(`CREATE TABLE IF NOT EXISTS pisync.${month} (n int)`);
    const wrong = findings.filter(({ severity, check }) => severity !== 'ok' && check !== 'partitions');
    assert.deepEqual(wrong, []);
    assert.match(named(findings, 'server')[0]?.detail ?? '', /^PostgreSQL 18/);
    assert.match(named(findings, 'timescaledb')[0]?.detail ?? '', /not present/);
    assert.match(named(findings, 'statements')[0]?.detail ?? '', /CREATE EXTENSION/);
    assert.match((await only('partitions')).detail, new RegExp(`made ahead: ${month} is there`));
    await change(`DROP TABLE pisync.${month}`);
    assert.match((await only('partitions')).detail, new RegExp(`${month} is not there yet`));
  });

  it('finds indexes that are missing, and those that a broken build left', async () => {
    await change('DROP INDEX pisync.device_consecutive_failures');
    await change('ALTER TABLE pisync.identity DROP CONSTRAINT identity_pkey');
    await change(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pisync.quarantine_device'::regclass",
    );
    const { severity, detail } = await only('indexes');
    assert.equal(severity, 'error');
    assert.match(detail, /device_consecutive_failures is missing; the primary key of identity is missing/);
    assert.match(detail, /quarantine_device is invalid/);
  });

  it('finds tables that are full of dead rows', async () => {
    await change('INSERT INTO pisync.identity SELECT gen_random_uuid(), NULL FROM generate_series(1, 40000)');
    await change('DELETE FROM pisync.identity WHERE body IS NULL');
    await change('SELECT pg_stat_force_next_flush()');
    await delay(100);
    const { severity, detail } = await only('dead rows');
    assert.equal(severity, 'warning');
    assert.match(detail, /identity \d+ % of \d+ \(cleaned never\): VACUUM/);
  });

  it('shows the slowest statements of this database', async () => {
    await change('CREATE EXTENSION pg_stat_statements');
    await change('SELECT pg_stat_statements_reset()');
    await change('SELECT pg_sleep(1.1) AS slow');
    await server.query('SELECT pg_sleep(0.2) AS elsewhere');
    const found = named(await inspect(place), 'statements');
    assert.ok(found.length >= 1 && found.length <= 5);
    assert.equal(found[0]?.severity, 'warning');
    assert.match(
      found[0]?.detail ?? '',
      /^1[12]\d\d\.\d ms on average, 1 times: SELECT pg_sleep\(\$1\) AS slow$/,
    );
    assert.ok(found.every(({ detail }) => !detail.includes('elsewhere')));
  });

  it('names settings that endanger what was stored, or its speed', async () => {
    await server.query('ALTER SYSTEM SET full_page_writes = off');
    await server.query('ALTER SYSTEM SET autovacuum = off');
    await change(`ALTER DATABASE ${database} SET synchronous_commit = off`);
    await server.query('SELECT pg_reload_conf()');
    await delay(100);
    const found = named(await inspect(place), 'settings');
    assert.deepEqual(
      found.map(({ severity, detail }) => `${severity} ${detail.split(' ')[0]}`),
      ['error full_page_writes', 'error autovacuum', 'warning synchronous_commit'],
    );
  });

  it('counts connections against what the server admits', async () => {
    assert.match(
      (await only('connections')).detail,
      /of 37 are open, \d+ of them by PiSync; a process takes up to 15/,
    );
    const options = { ...usualDatabaseOptions, queryConnections: 31 };
    const [found] = named(await inspectStore(place, options), 'connections');
    assert.equal(found?.severity, 'warning');
    assert.match(found?.detail ?? '', /up to 38: raise max_connections/);
  });

  it('finds nothing but a refusal where there is no store, and makes none', async () => {
    const empty = await server.createDatabase();
    await assert.rejects(inspect(empty), {
      code: 'invalid_config',
      message: /There is no store in the schema pisync/,
    });
    const { rows } = await server.query(
      "SELECT FROM pg_namespace WHERE nspname = 'pisync'",
      new URL(empty).pathname.slice(1),
    );
    assert.equal(rows.length, 0);
  });
});

const installation = debianInstallation();

describe('a look at replicas', {
  skip: installation === undefined && 'not run here: Debian has not installed PostgreSQL 15',
}, () => {
  it('tells how far each is behind, which is none, and which does not answer', async () => {
    const primary = await PostgresServer.start(installation);
    const replica = await primary.startReplica(installation as NonNullable<typeof installation>);
    try {
      const place = await primary.createDatabase();
      await makeStore(place);
      await replica.query('SELECT pg_wal_replay_pause()');
      await makeStore(place.replace(/$/, '?schema=other'));
      const path = new URL(place).pathname;
      const urls = [replica.url(path.slice(1)), place, 'postgres://postgres@127.0.0.1:1/x'];
      const found = named(await inspect(place, urls), 'replica');
      assert.match(
        found[0]?.detail ?? '',
        /^127\.0\.0\.1:\d+ is [1-9]\d+ bytes behind; its last commit is \d+ ms old/,
      );
      assert.match(found[1]?.detail ?? '', /is no standby/);
      assert.match(found[2]?.detail ?? '', /does not answer, the primary is asked instead: .*ECONNREFUSED/);
      await replica.query('SELECT pg_wal_replay_resume()');
      for (let tries = 0; tries < 100; tries += 1) {
        const [now] = named(await inspect(place, urls.slice(0, 1)), 'replica');
        if (/has replayed all/.test(now?.detail ?? '')) return;
        await delay(50);
      }
      assert.fail('it does not catch up');
    } finally {
      await replica.stop();
      await primary.stop();
    }
  });
});

describe('a look at a store that lies on no server', () => {
  it('finds nothing', async () => {
    assert.deepEqual(await inspect('sqlite:./none.db'), []);
  });
});
