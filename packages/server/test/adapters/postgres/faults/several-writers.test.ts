import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import { usualDatabaseOptions } from '../../../../src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted, failed, group } from '../../../../src/conformance/make-events.ts';
import { placeEvent, referenceDevice } from '../../../../src/conformance/model/reference-device.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const policy = { partial: 'failure' } as const;

describe('several processes that write to one PostgreSQL store', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  async function withStores(
    count: number,
    body: (stores: Store[], place: string) => Promise<void>,
  ): Promise<void> {
    const place = await server.createDatabase();
    const options = { ...usualDatabaseOptions, lockTimeoutMs: 1_000 };
    const stores: Store[] = [];
    try {
      // All at once, on an empty database: one makes the tables.
      stores.push(
        ...(await Promise.all(
          Array.from({ length: count }, () => openPostgresStore(place, policy, options)),
        )),
      );
      await body(stores, place);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
      await server.dropDatabase(place);
    }
  }

  test('store each event once and derive the state of shared devices', () =>
    withStores(3, async (stores, place) => {
      const outcomes: CommitOutcome[] = [];
      // Every store is sent every event, in an order of its own.
      await Promise.all(
        stores.map(async (store, which) => {
          for (let at = 0; at < 60; at++) {
            const seq = (at * 7 + which * 20) % 60;
            const event = counted(seq, seq % 3 === 0 ? failed : { deviceId: 'pi-1' });
            outcomes.push(...(await store.commit(group(event, counted(seq, { deviceId: 'pi-2' })))));
          }
        }),
      );
      assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, 120);
      assert.equal(outcomes.filter((outcome) => outcome === 'duplicate').length, 240);
      const [first] = stores as [Store];
      // The counts by failures were kept up by all of them: none had to count anew.
      const { rows } = await server.query(
        `SELECT c.position = s.position AS kept, c.position::int AS position, total[20] AS total, total[1] AS least
         FROM pisync.failure_count c, pisync.store s`,
        new URL(place).pathname.slice(1),
      );
      assert.deepEqual(rows, [{ kept: true, position: 120, total: 1, least: 0 }]);
      for (const deviceId of ['pi-1', 'pi-2']) {
        const events = (await readHistory(first, { deviceId })).map(placeEvent);
        for (const store of stores) {
          assert.deepEqual(await store.device(deviceId), referenceDevice(events, 0, policy));
        }
      }
      const errors = (await first.verify()).filter(({ severity }) => severity === 'error');
      assert.deepEqual(errors, []);
    }));

  test('show no position before all smaller ones, also where one of them stalls', () =>
    withStores(2, async ([one, other], place) => {
      const database = new URL(place).pathname.slice(1);
      await (one as Store).commit(group(counted(0)));
      let running = true;
      let seen = 0;
      const reader = (async () => {
        while (running) {
          const { rows } = await server.query(
            'SELECT count(*)::int AS count, max(position)::int AS last, min(position)::int AS first FROM pisync.sync_event',
            database,
          );
          const { count, first, last } = rows[0] as { count: number; first: number; last: number };
          assert.deepEqual([first, last], [1, count]);
          seen = Math.max(seen, last);
        }
      })();
      // A stranger that reads a device for update stalls whoever writes that device, in the middle of the transaction.
      const stall = server.query(
        "BEGIN; SELECT FROM pisync.device WHERE device_id = 'pi-1' FOR UPDATE; SELECT pg_sleep(0.5); COMMIT",
        database,
      );
      await delay(50);
      const commits = Array.from({ length: 40 }, (_, at) => [
        (one as Store).commit(group(counted(at + 1))),
        (other as Store).commit(group(counted(at + 1, { deviceId: 'pi-2' }))),
      ]).flat();
      const outcomes = (await Promise.all(commits)).flat();
      assert.ok(outcomes.every((outcome) => outcome === 'stored'));
      await stall;
      running = false;
      await reader;
      assert.ok(seen >= 1);
      assert.equal((await readHistory(one as Store, { deviceId: 'pi-1' })).length, 41);
    }));

  test('refuse for a while what a stranger has locked, and go on when he is gone', () =>
    withStores(1, async ([store], place) => {
      const database = new URL(place).pathname.slice(1);
      const [own] = [store as Store];
      await own.commit(group(counted(1)));
      const stranger = server.query('BEGIN; LOCK TABLE pisync.store; SELECT pg_sleep(2); COMMIT', database);
      await delay(100);
      await assert.rejects(own.commit(group(counted(2))), (error) => {
        assert.ok(error instanceof PisyncError);
        assert.equal(error.code, 'store_unavailable');
        return true;
      });
      await stranger;
      assert.deepEqual(await own.commit(group(counted(2))), ['stored']);
    }));

  test('are told where their policies differ', () =>
    withStores(1, async ([store], place) => {
      const strict = await openPostgresStore(place, { partial: 'success' });
      await assert.rejects((store as Store).commit(group(counted(1))), /partial_counts_as = success/);
      assert.deepEqual(await strict.commit(group(counted(1))), ['stored']);
      await strict.close();
    }));
});
