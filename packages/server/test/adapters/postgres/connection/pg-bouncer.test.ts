import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import pg from 'pg';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { commitTests } from '../../../../src/conformance/commit-tests.ts';
import { deviceTests } from '../../../../src/conformance/device-tests.ts';
import { failureTests } from '../../../../src/conformance/failure-tests.ts';
import { historyTests } from '../../../../src/conformance/history-tests.ts';
import { lifecycleTests } from '../../../../src/conformance/lifecycle-tests.ts';
import { counted, observation, rejectedItem } from '../../../../src/conformance/make-events.ts';
import { quarantineTests } from '../../../../src/conformance/quarantine-tests.ts';
import { StoreSuite } from '../../../../src/conformance/suite-recorder.ts';
import { telemetryTests } from '../../../../src/conformance/telemetry/telemetry-tests.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { PgBouncer, pgBouncerProgram } from '../../../postgres/pg-bouncer.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const skip = pgBouncerProgram === undefined && 'not run here: pgbouncer is not installed';

/** Server connections for each database. */
const CONNECTIONS = 4;

let server: PostgresServer;
let bouncer: PgBouncer;

describe('PgBouncer in transaction mode', { skip }, () => {
  before(async () => {
    server = await PostgresServer.start();
    bouncer = await PgBouncer.start(server.port, CONNECTIONS);
  });
  after(async () => {
    await bouncer?.stop();
    await server?.stop();
  });

  describe('store conformance', () => {
    const suite = new StoreSuite({
      name: 'postgres behind PgBouncer',
      supports: { durable: true, exclusive: false },
      createPlace: async () => bouncer.url(await server.createDatabase()),
      removePlace: (place) => server.dropDatabase(place),
      open: (place, policy) => openPostgresStore(place, policy),
      failNextCommit: (store, kind) => (store as PostgresStore).injectFault(kind),
    });
    const suites = [commitTests, historyTests, deviceTests, telemetryTests, quarantineTests];
    for (const tests of [...suites, lifecycleTests, failureTests]) tests(suite);
  });

  describe('what connections are left with', () => {
    let place: string;
    let store: Store;
    before(async () => {
      place = bouncer.url(await server.createDatabase());
      store = await openPostgresStore(place, { partial: 'failure' });
    });
    after(() => store?.close());

    it('is no setting, no named statement and no lock', async () => {
      const commits = Array.from({ length: 40 }, (_, seq) =>
        store.commit({ observations: [counted(seq)], rejected: [rejectedItem({ raw: `${seq}` })] }),
      );
      const reads = Array.from({ length: 40 }, () => store.history({ deviceId: 'pi-1', limit: 10 }));
      await Promise.all([...commits, ...reads, store.verify(), store.statistics('pi-1', 0, Date.now())]);
      const left = await eachConnection(place, LEFT);
      assert.equal(new Set(left.map(({ pid }) => pid)).size, CONNECTIONS);
      const nothing = { settings: null, statements: 0, locks: 0, channels: 0, temporary: 0 };
      for (const { pid: _pid, ...found } of left) assert.deepEqual(found, nothing);
    });

    it('is looked at in a way that finds what a session would leave', async () => {
      const client = new pg.Client({ connectionString: place });
      await client.connect();
      await client.query('BEGIN');
      await client.query("SET work_mem = '5MB'");
      await client.query('PREPARE kept AS SELECT 1; SELECT pg_advisory_lock(7); LISTEN someone');
      await client.query('CREATE TEMPORARY TABLE kept (n int)');
      await client.query('COMMIT');
      const left = await eachConnection(place, LEFT);
      await client.query('DROP TABLE IF EXISTS kept').catch(() => {});
      await client.end();
      const dirty = left.find(({ settings }) => settings !== null);
      assert.deepEqual(dirty && { ...dirty, pid: 0 }, {
        pid: 0,
        settings: 'work_mem',
        statements: 1,
        locks: 1,
        channels: 1,
        temporary: 1,
      });
    });

    it('does not matter: each transaction has its own limits', async () => {
      const database = new Database(place, { ...usualDatabaseOptions, queryConnections: 3 });
      const limits = async (how: (work: Parameters<typeof database.read>[0]) => Promise<unknown>) => {
        const found = await Promise.all(
          Array.from({ length: 12 }, () => how((session) => session.query(LIMITS))),
        );
        return new Set(found.map((rows) => JSON.stringify((rows as readonly unknown[])[0])));
      };
      const expected = (statement: string) =>
        new Set([JSON.stringify({ statement, lock: '10s', idle: '1min', path: 'pisync', zone: 'UTC' })]);
      try {
        assert.deepEqual(await limits((work) => database.read(work)), expected('30s'));
        assert.deepEqual(await limits((work) => database.read(work, 'report')), expected('5min'));
        assert.deepEqual(await limits((work) => database.write(work)), expected('1min'));
      } finally {
        await database.close();
      }
    });
  });

  it('may be killed and started under load: nothing is lost, nothing is there twice', async () => {
    const place = bouncer.url(await server.createDatabase());
    const store = await openPostgresStore(place, { partial: 'failure' });
    /** What was acknowledged, by device; those with an odd number have no identity. */
    const ledger = new Map<string, number>();
    let stopped = false;
    let failed = 0;
    const sender = async (number: number): Promise<void> => {
      const deviceId = `pi-${number}`;
      for (let seq = 0; !stopped; ) {
        const plain = { deviceId, deviceTime: null, receivedAt: Date.UTC(2026, 10, 1) + seq };
        const group = [1, 2, 3].map((at) =>
          number % 2 === 0 ? counted(seq + at, { deviceId }) : observation(plain),
        );
        const outcomes = await sent(store, group).catch((error: unknown) => {
          assert.ok(error instanceof PisyncError && error.code === 'store_unavailable', String(error));
          failed += 1;
          return undefined;
        });
        await delay(5);
        if (outcomes === undefined) continue;
        assert.deepEqual(outcomes, ['stored', 'stored', 'stored']);
        ledger.set(deviceId, (ledger.get(deviceId) ?? 0) + 3);
        seq += 3;
      }
    };
    const load = Promise.all(Array.from({ length: 8 }, (_, number) => sender(number)));
    try {
      for (let round = 0; round < 4; round += 1) {
        await Promise.race([delay(150 + 37 * round), load]);
        await bouncer.kill();
        await delay(50);
        await bouncer.launch();
      }
      await Promise.race([delay(300), load]);
    } finally {
      stopped = true;
    }
    await load;
    for (const [deviceId, acknowledged] of ledger) {
      const page = await store.history({ deviceId, limit: 1 });
      assert.equal(page?.total, acknowledged, `${deviceId}, ${failed} refused`);
    }
    assert.equal(ledger.size, 8);
    assert.ok((await store.verify()).every(({ severity }) => severity === 'ok'));
    await store.close();
  });
});

async function sent(
  store: Store,
  observations: Parameters<Store['commit']>[0]['observations'],
): Promise<readonly CommitOutcome[]> {
  return store.commit({ observations, rejected: [] });
}

/** PgBouncer itself sets these for each client anew. */
const LEFT = `
  SELECT pg_backend_pid() AS pid,
    (SELECT string_agg(name, ', ') FROM pg_settings WHERE source = 'session' AND name NOT IN
      ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings')) AS settings,
    (SELECT count(*)::int FROM pg_prepared_statements) AS statements,
    (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
    (SELECT count(*)::int FROM pg_listening_channels()) AS channels,
    (SELECT count(*)::int FROM pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema()) AS temporary`;

const LIMITS = `
  SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
    current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('search_path') AS path,
    current_setting('timezone') AS zone`;

interface Left {
  readonly pid: number;
  readonly settings: string | null;
  readonly [count: string]: unknown;
}

/** Asks on all server connections, which as many transactions at once hold. */
async function eachConnection(place: string, question: string): Promise<readonly Left[]> {
  const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: place }));
  try {
    return await Promise.all(
      clients.map(async (client) => {
        await client.connect();
        await client.query('BEGIN');
        await client.query('SELECT pg_sleep(0.3)');
        const { rows } = await client.query<Left>(question);
        await client.query('ROLLBACK');
        return rows[0] as Left;
      }),
    );
  } finally {
    for (const client of clients) await client.end();
  }
}
