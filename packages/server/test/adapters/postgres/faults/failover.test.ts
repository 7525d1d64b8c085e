import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted, group, observation } from '../../../../src/conformance/make-events.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import { CuttingProxy } from '../../../postgres/cutting-proxy.ts';
import { debianInstallation, PostgresServer } from '../../../postgres/postgres-server.ts';

const installation = debianInstallation();

test('a failover to a synchronous standby loses and doubles nothing that was acknowledged', {
  skip:
    installation === undefined &&
    'not run here: PostgreSQL 15 of Debian, which brings pg_basebackup, is not installed',
}, async () => {
  const own = installation as NonNullable<typeof installation>;
  const primary = await PostgresServer.start(own);
  const place = await primary.createDatabase();
  const standby = await primary.startReplica(own, 'standby');
  const proxy = await CuttingProxy.start(primary.port);
  try {
    await primary.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await primary.query('SELECT pg_reload_conf()');
    const store = await openPostgresStore(proxy.url(place), { partial: 'failure' });
    const acknowledged = new Set<number>();
    /** Of events without an identity it is only known how often one was acknowledged. */
    let bare = 0;
    let next = 0;
    let running = true;
    const client = async () => {
      while (running) {
        const seq = next++;
        for (;;) {
          try {
            const outcomes = await store.commit(
              group(counted(seq), observation({ deviceId: 'pi-2', deviceTime: null })),
            );
            assert.ok(outcomes[0] === 'stored' || outcomes[0] === 'duplicate');
            acknowledged.add(seq);
            bare += 1;
            break;
          } catch (error) {
            assert.ok(error instanceof PisyncError && error.retryable, String(error));
            await delay(20);
          }
        }
      }
    };
    const clients = Array.from({ length: 6 }, client);
    try {
      while (acknowledged.size < 200) await delay(5);
      await primary.kill();
      await standby.query('SELECT pg_promote()');
      proxy.retarget(standby.port);
      const before = acknowledged.size;
      while (acknowledged.size < before + 200) await delay(5);
    } finally {
      running = false;
      await Promise.all(clients);
    }
    const history = await readHistory(store, { deviceId: 'pi-1' });
    assert.equal(history.length, acknowledged.size);
    assert.deepEqual(new Set(history.map(({ seq }) => seq)), acknowledged);
    assert.equal((await readHistory(store, { deviceId: 'pi-2' })).length, bare);
    const findings = await store.verify();
    assert.ok(findings.every(({ severity }) => severity !== 'error'));
    await store.close();
  } finally {
    await proxy.stop();
    await standby.stop();
    await primary.stop();
  }
});
