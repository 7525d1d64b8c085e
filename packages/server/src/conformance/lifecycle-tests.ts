import assert from 'node:assert/strict';
import { PisyncError } from '@pisync/protocol';
import type { Store } from '../ports/store.ts';
import {
  counted,
  deviceQuery,
  failed,
  group,
  now,
  observation,
  partial,
  rejectedItem,
  usualRule,
} from './make-events.ts';
import { placeEvent, referenceDevice } from './model/reference-device.ts';
import { assertStatus, readEverything, readHistory } from './read-store.ts';
import { type StoreSuite, usualPolicy } from './suite-recorder.ts';

const mixed = {
  observations: [
    counted(1, failed),
    counted(3, { ...partial, sentAt: now - 5 }),
    counted(1, { epoch: 'epoch-2', deviceId: 'pi-2', metadata: '{"a":[1,2]}' }),
    observation({ eventId: 'x', deviceId: 'pi-2', ...failed }),
    observation({ deviceTime: null }),
    observation(),
    counted(1),
  ],
  rejected: [rejectedItem(), rejectedItem({ raw: 'other' })],
};

const isCode = (code: string) => (error: unknown) => error instanceof PisyncError && error.code === code;

/** Registers the promises about opening, closing and health. */
export function lifecycleTests(suite: StoreSuite): void {
  statusTests(suite);
  closeTests(suite);
  if (suite.options.supports.durable) durableTests(suite);
  else {
    suite.test('a store that is not durable starts empty when it is opened again', async (opened) => {
      await opened.store.commit(mixed);
      const store = await opened.reopen();
      await assertStatus(store, { position: 0 });
      assert.equal(await store.device('pi-1'), undefined);
      assert.equal((await store.quarantine({ limit: 1 })).total, 0);
    });
  }
  if (suite.options.supports.exclusive) exclusiveTests(suite);
  else {
    suite.test(
      'a store that is not exclusive opens a second time at once, unharmed',
      async ({ store, place }) => {
        await store.commit(mixed);
        const second = await suite.options.open(place, usualPolicy);
        await second.commit(group(counted(99)));
        await second.close();
        assert.deepEqual(await store.commit(group(counted(4))), ['stored']);
      },
    );
  }
}

function statusTests(suite: StoreSuite): void {
  suite.test('says of itself what the suite was told', async ({ store }) => {
    assert.deepEqual(store.supports, suite.options.supports);
  });

  suite.test('tells its health, position and number of devices', async ({ store }) => {
    await assertStatus(store, { state: 'ready', position: 0, devices: 0, waiting: 0 });
    await store.commit(mixed);
    await assertStatus(store, { state: 'ready', position: 6, devices: 2, waiting: 0 });
    assert.ok(Object.values(store.status().gauges).every(Number.isFinite));
  });

  suite.test('finds no error in itself when it verifies everything', async ({ store }) => {
    await store.commit(mixed);
    await suite.options.settle?.(store);
    await store.commit(group(counted(2)));
    const findings = await store.verify();
    assert.ok(findings.length > 0);
    assert.deepEqual(
      findings.filter((finding) => finding.severity === 'error'),
      [],
    );
  });
}

function closeTests(suite: StoreSuite): void {
  suite.test(
    'throws store_closed from every method after close, which may be called twice',
    async ({ store }) => {
      await store.commit(mixed);
      await Promise.all([store.close(), store.close()]);
      await store.close();
      const calls: Record<string, (closed: Store) => Promise<unknown>> = {
        commit: (closed) => closed.commit(group(counted(9))),
        history: (closed) => closed.history({ deviceId: 'pi-1', limit: 1 }),
        device: (closed) => closed.device('pi-1'),
        devices: (closed) => closed.devices(deviceQuery()),
        fleet: (closed) => closed.fleet(usualRule, 0, now),
        statistics: (closed) => closed.statistics('pi-1', 0, now),
        quarantine: (closed) => closed.quarantine({ limit: 1 }),
        quarantined: (closed) => closed.quarantined(1),
        discard: (closed) => closed.discard(1),
        verify: (closed) => closed.verify(),
      };
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(async () => call(store), isCode('store_closed'), name);
      }
      assert.equal(store.status().state, 'closed');
    },
  );

  suite.test('waits for running commits when it closes', async ({ store }) => {
    const running = Array.from({ length: 20 }, (_, i) => store.commit(group(counted(i))));
    await store.close();
    assert.deepEqual(
      await Promise.all(running),
      running.map(() => ['stored']),
    );
  });
}

function durableTests(suite: StoreSuite): void {
  suite.test('answers everything as before when it is opened again', async (opened) => {
    await opened.store.commit(mixed);
    await opened.store.discard(((await opened.store.quarantine({ limit: 1 })).items[0]?.id ?? 0) as number);
    const before = await readEverything(opened.store);
    assert.deepEqual(await readEverything(await opened.reopen()), before);
    await suite.options.settle?.(opened.store);
    assert.deepEqual(await readEverything(opened.store), before);
    assert.deepEqual(await readEverything(await opened.reopen()), before);
  });

  suite.test('recognises repetitions and continues its numbers when it is opened again', async (opened) => {
    await opened.store.commit(mixed);
    await opened.store.discard(((await opened.store.quarantine({ limit: 1 })).items[0]?.id ?? 0) as number);
    for (const settle of [undefined, suite.options.settle]) {
      await settle?.(opened.store);
      const store = await opened.reopen();
      const again = mixed.observations.filter((event) => event.deviceTime !== null);
      const expected = ['duplicate', 'duplicate', 'duplicate', 'duplicate', 'duplicate', 'conflict'];
      assert.deepEqual(await store.commit(group(...again)), expected);
    }
    const first = (await opened.store.quarantine({ limit: 1 })).items[0]?.id ?? 0;
    await opened.store.commit({ observations: [counted(50)], rejected: [rejectedItem({ raw: 'new' })] });
    const newest = (await opened.store.quarantine({ limit: 1 })).items[0];
    assert.ok((newest?.id ?? 0) > first + 1, 'the discarded number stays unused');
    const [item] = await readHistory(opened.store, {
      deviceId: 'pi-1',
      from: counted(50).timestamp,
      to: now,
    });
    assert.equal(item?.position, 7);
    assert.equal((await opened.store.device('pi-1'))?.totals.conflicts, 3);
  });

  suite.test('derives state by the policy that it is opened with', async (opened) => {
    const syncs = [
      counted(1),
      counted(2, failed),
      counted(3, partial),
      counted(4, failed),
      counted(5, partial),
    ];
    await opened.store.commit(group(...syncs));
    for (const rule of ['success', 'ignore', 'failure'] as const) {
      const store = await opened.reopen({ partial: rule });
      const events = (await readHistory(store, { deviceId: 'pi-1' })).map(placeEvent);
      assert.deepEqual(await store.device('pi-1'), referenceDevice(events, 0, { partial: rule }), rule);
      await suite.options.settle?.(store);
    }
  });

  suite.test('keeps what was committed while it was closing', async (opened) => {
    const running = Array.from({ length: 30 }, (_, i) => opened.store.commit(group(counted(i))));
    const store = await opened.reopen();
    await Promise.all(running);
    await assertStatus(store, { position: 30 });
    assert.equal((await readHistory(store, { deviceId: 'pi-1' })).length, 30);
  });
}

function exclusiveTests(suite: StoreSuite): void {
  suite.test(
    'refuses a second opening at once with store_locked and goes on unharmed',
    async ({ store, place }) => {
      await store.commit(mixed);
      await assert.rejects(suite.options.open(place, usualPolicy), isCode('store_locked'));
      assert.deepEqual(await store.commit(group(counted(4))), ['stored']);
      await assert.rejects(suite.options.open(place, usualPolicy), isCode('store_locked'));
      await store.close();
      const next = await suite.options.open(place, usualPolicy);
      try {
        await assertStatus(next, { position: 7 });
      } finally {
        await next.close();
      }
    },
  );
}
