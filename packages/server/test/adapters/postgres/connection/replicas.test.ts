import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { usualDatabaseOptions } from '../../../../src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted, rejectedItem, usualRule } from '../../../../src/conformance/make-events.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { debianInstallation, PostgresServer } from '../../../postgres/postgres-server.ts';

const installation = debianInstallation();

const list = { rule: usualRule, sort: 'device_id', descending: false, limit: 100 } as const;

const minutes = {
  series: [{ deviceId: 'pi-1', key: 'cpu', group: 0 }],
  from: 0,
  to: 60_000_000,
  bucket: '1m',
  timeZone: 'UTC',
  names: ['avg'],
  maxBuckets: 10,
} as const;

describe('replicas of PostgreSQL', {
  skip: installation === undefined && 'not run here: Debian has not installed PostgreSQL 15',
}, () => {
  let primary: PostgresServer;
  let replica: PostgresServer;
  let place: string;
  let store: Store;

  before(async () => {
    primary = await PostgresServer.start(installation);
    replica = await primary.startReplica(installation as NonNullable<typeof installation>);
    place = await primary.createDatabase();
  });
  after(async () => {
    await store?.close();
    await replica?.stop();
    await primary?.stop();
  });

  const replicaUrl = () => place.replace(String(primary.port), String(replica.port));

  async function open(maxLagMs = 10_000): Promise<void> {
    await store?.close();
    const options = { ...usualDatabaseOptions, readUrls: [replicaUrl()], readMaxLagMs: maxLagMs };
    store = await openPostgresStore(place, { partial: 'failure' }, options);
  }

  const commit = (...seqs: number[]) =>
    store.commit({ observations: seqs.map((seq) => counted(seq)), rejected: [] });

  async function replayed(): Promise<void> {
    const { rows } = await primary.query('SELECT pg_current_wal_lsn()::text AS lsn');
    for (;;) {
      const found = await replica.query(`SELECT pg_last_wal_replay_lsn() >= '${rows[0].lsn}' AS there`);
      if (found.rows[0].there) return;
      await delay(10);
    }
  }

  async function until(what: () => boolean, ms = 6_000): Promise<void> {
    const deadline = Date.now() + ms;
    while (!what()) {
      assert.ok(Date.now() < deadline, 'it did not come about');
      await delay(20);
    }
  }

  const gauge = (name: string) => store.status().gauges[name] as number;

  it('are asked once they show what this process has committed', async () => {
    await open();
    await until(() => gauge('replicas_healthy') === 1);
    await commit(1, 2, 3);
    await replayed();
    primary.freeze();
    try {
      const asked = Array.from({ length: 60 }, () => store.devices(list));
      const answers = await Promise.race([Promise.all(asked), delay(1_500)]);
      assert.equal(answers?.length, 60, 'the primary was asked');
      const others = Promise.all([
        store.telemetry.range({ series: { deviceId: 'pi-1', key: 'cpu' }, from: 0, to: 1, limit: 1 }),
        store.telemetry.aggregate(minutes),
        store.detections.list({ filter: {}, limit: 1 }),
        store.fleet(usualRule, 0, Date.now()),
        store.statistics('pi-1', 0, Date.now()),
      ]);
      const found = await Promise.race([others, delay(1_500)]);
      assert.equal(found?.[4]?.syncs, 3);
    } finally {
      primary.thaw();
    }
    assert.equal(gauge('replicas'), 1);
    assert.deepEqual(store.status().notes, []);
  });

  it('never hide a commit that has resolved, however late they are', async () => {
    await open();
    await replayed();
    await replica.query('SELECT pg_wal_replay_pause()');
    try {
      for (let seq = 10; seq < 30; seq += 1) {
        await commit(seq);
        const page = await store.history({ deviceId: 'pi-1', limit: 1_000 });
        assert.ok(
          page?.items.some((event) => event.seq === seq),
          `${seq}`,
        );
        const device = await store.device('pi-1');
        assert.equal(device?.latest?.timestamp, counted(seq).timestamp);
      }
      // What is written beside commits is not missed either.
      await store.commit({ observations: [], rejected: [rejectedItem()] });
      const { items } = await store.quarantine({ limit: 10 });
      assert.equal(await store.discard(items[0]?.id as number), true);
      assert.equal((await store.quarantine({ limit: 10 })).total, 0);
    } finally {
      await replica.query('SELECT pg_wal_replay_resume()');
    }
  });

  it('show what another process committed before the store was opened', async () => {
    await replayed();
    await replica.query('SELECT pg_wal_replay_pause()');
    try {
      const other = await openPostgresStore(place, { partial: 'failure' });
      await other.commit({ observations: [counted(1, { deviceId: 'late' })], rejected: [] });
      await other.close();
      await open();
      assert.equal((await store.history({ deviceId: 'late', limit: 10 }))?.total, 1);
    } finally {
      await replica.query('SELECT pg_wal_replay_resume()');
    }
  });

  it('are left out beyond the limit, and come back by themselves', async () => {
    await open(1_000);
    await until(() => gauge('replicas_healthy') === 1);
    await replica.query('SELECT pg_wal_replay_pause()');
    try {
      await commit(40);
      await until(() => gauge('replicas_healthy') === 0);
      assert.ok(gauge('replica_lag_ms') > 1_000, `${gauge('replica_lag_ms')}`);
      assert.match(
        store.status().notes.join(),
        new RegExp(`replica 127.0.0.1:${replica.port} is left out: .* behind`),
      );
      assert.ok((await store.devices(list)).matching > 0);
    } finally {
      await replica.query('SELECT pg_wal_replay_resume()');
    }
    await until(() => gauge('replicas_healthy') === 1);
    assert.ok(gauge('replica_lag_ms') < 1_000, `${gauge('replica_lag_ms')}`);
  });

  it('may be stopped and started under load: every answer comes, and none is old', async () => {
    await open();
    await until(() => gauge('replicas_healthy') === 1);
    let seq = 1_000;
    let asked = 0;
    let stopped = false;
    const writing = async (): Promise<void> => {
      while (!stopped) {
        await commit(seq);
        seq += 1;
        await delay(5);
      }
    };
    const reading = async (): Promise<void> => {
      while (!stopped) {
        const least = seq - 1;
        const page = await store.history({ deviceId: 'pi-1', limit: 20 });
        const newest = Math.max(...(page?.items ?? []).map((event) => event.seq ?? 0));
        assert.ok(least < 1_000 || newest >= least, `${newest} is older than ${least}`);
        await store.statistics('pi-1', 0, Date.now());
        asked += 2;
      }
    };
    const load = Promise.all([writing(), ...Array.from({ length: 6 }, reading)]);
    try {
      await Promise.race([delay(400), load]);
      await replica.kill();
      await Promise.race([until(() => gauge('replicas_healthy') === 0), load]);
      await Promise.race([delay(300), load]);
      await replica.launch();
      await Promise.race([until(() => gauge('replicas_healthy') === 1), load]);
      await Promise.race([delay(300), load]);
    } finally {
      stopped = true;
    }
    await load;
    assert.ok(asked > 100, `${asked}`);
  });

  it('may fall silent without a word: questions that wait for them are asked again', async () => {
    await open();
    await until(() => gauge('replicas_healthy') === 1);
    await commit(9_999);
    await replayed();
    await store.devices(list);
    replica.freeze();
    try {
      const started = performance.now();
      const answers = await Promise.all(Array.from({ length: 12 }, () => store.devices(list)));
      assert.ok(answers.every(({ matching }) => matching > 0));
      assert.ok(performance.now() - started < 10_000);
      assert.equal(gauge('replicas_healthy'), 0);
    } finally {
      replica.thaw();
    }
    await until(() => gauge('replicas_healthy') === 1);
  });

  it('are left out where they are none', async () => {
    await store.close();
    const own = { ...usualDatabaseOptions, readUrls: [place, 'postgres://postgres@127.0.0.1:1/x'] };
    store = await openPostgresStore(place, { partial: 'failure' }, own);
    assert.equal(gauge('replicas'), 2);
    assert.equal(gauge('replicas_healthy'), 0);
    assert.match(
      store.status().notes.join('\n'),
      /it is no standby\.\n.*127\.0\.0\.1:1 is left out: .*ECONNREFUSED/,
    );
    assert.ok((await store.devices(list)).matching > 0);
  });
});
