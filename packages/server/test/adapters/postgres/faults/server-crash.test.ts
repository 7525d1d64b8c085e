import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted, group } from '../../../../src/conformance/make-events.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

describe('a PostgreSQL server that is killed under load', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  test('keeps what was acknowledged, once, and the store goes on by itself', async () => {
    const place = await server.createDatabase();
    const store = await openPostgresStore(place, { partial: 'failure' });
    const acknowledged = new Set<number>();
    let next = 0;
    let running = true;
    const client = async () => {
      while (running) {
        const seq = next++;
        for (;;) {
          try {
            const [outcome] = await store.commit(group(counted(seq)));
            assert.ok(outcome === 'stored' || outcome === 'duplicate', outcome);
            acknowledged.add(seq);
            break;
          } catch (error) {
            assert.ok(error instanceof PisyncError && error.retryable, String(error));
            await delay(20);
          }
        }
      }
    };
    const clients = Array.from({ length: 8 }, client);
    try {
      for (let kill = 0; kill < 3; kill++) {
        const before = acknowledged.size;
        while (acknowledged.size < before + 100) await delay(5);
        await server.kill();
        await server.launch();
      }
      const before = acknowledged.size;
      while (acknowledged.size < before + 100) await delay(5);
    } finally {
      running = false;
      await Promise.all(clients);
    }
    const history = await readHistory(store, { deviceId: 'pi-1' });
    assert.equal(history.length, acknowledged.size);
    assert.deepEqual(new Set(history.map(({ seq }) => seq)), acknowledged);
    assert.deepEqual(
      (await store.verify()).filter(({ severity }) => severity === 'error'),
      [],
    );
    await store.close();
  });

  test('that is given up is found when it is back, without a commit', async () => {
    const store = await openPostgresStore(await server.createDatabase(), { partial: 'failure' });
    await store.commit(group(counted(1)));
    await server.kill();
    await assert.rejects(store.commit(group(counted(2))), /did not come back in time/);
    assert.equal(store.status().state, 'recovering');
    await server.launch();
    const deadline = Date.now() + 10_000;
    while (store.status().state !== 'ready') {
      assert.ok(Date.now() < deadline, 'nobody noticed');
      await delay(50);
    }
    await store.close();
  });
});
