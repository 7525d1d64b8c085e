import assert from 'node:assert/strict';
import type { SyncStatus } from '@pisync/protocol';
import type { HistoryKey, StoredSyncEvent } from '../ports/store.ts';
import {
  counted,
  failed,
  group,
  hour,
  now,
  observation,
  partial,
  rejectedItem,
  shuffled,
} from './make-events.ts';
import { placeEvent } from './model/reference-device.ts';
import { readHistory } from './read-store.ts';
import type { StoreSuite } from './suite-recorder.ts';

const seqs = (items: readonly StoredSyncEvent[]): readonly (number | null)[] => items.map((item) => item.seq);

/** Sixty syncs of every status, minutes apart, shuffled. */
const sixty = shuffled(
  Array.from({ length: 60 }, (_, i) =>
    counted(i, {
      deviceTime: now - hour + i * 60_000,
      ...(i % 3 === 0 ? failed : i % 3 === 1 ? partial : {}),
    }),
  ),
  3,
);

/** Registers the promises about one device's history. */
export function historyTests(suite: StoreSuite): void {
  orderTests(suite);
  filterTests(suite);
  cursorTests(suite);
  movingTests(suite);
}

function orderTests(suite: StoreSuite): void {
  suite.test(
    'lists a history newest first by corrected time, whatever the counter and the arrival',
    async ({ store }) => {
      const at = (seq: number, timestamp: number) => counted(seq, { timestamp: now - timestamp });
      await store.commit(group(at(1, 50), at(2, 90), at(3, 10)));
      await store.commit(group(at(4, 70), at(5, 95), at(6, 0)));
      assert.deepEqual(seqs(await readHistory(store, { deviceId: 'pi-1' })), [6, 3, 1, 4, 2, 5]);
    },
  );

  suite.test(
    'numbers epochs as they first appear and orders one instant by epoch, counter and hash',
    async ({ store }) => {
      const at = { timestamp: now };
      const events = [
        counted(9, { epoch: 'b', ...at }),
        counted(5, { epoch: 'a', ...at }),
        observation({ eventId: 'one', ...at }),
        counted(2, { epoch: 'b', ...at }),
        observation({ deviceTime: null, ...at }),
        observation({ eventId: 'two', ...at }),
        counted(0, { epoch: 'c', ...at }),
        observation({ deviceTime: now - 1, ...at }),
        observation({ deviceTime: now - 2, ...at }),
      ];
      for (const event of events) await store.commit(group(event));
      const items = await readHistory(store, { deviceId: 'pi-1' });
      const counters = items.filter((item) => item.seq !== null);
      assert.deepEqual(
        counters.map(({ epoch, seq, epochIndex }) => [epoch, seq, epochIndex]),
        [
          ['c', 0, 3],
          ['a', 5, 2],
          ['b', 9, 1],
          ['b', 2, 1],
        ],
      );
      const others = items.slice(4).map(placeEvent);
      assert.ok(others.every((item) => item.epochIndex === 0));
      assert.deepEqual(
        others,
        others.toSorted((a, b) => b.tie - a.tie),
      );
      assert.equal((await store.device('pi-1'))?.epochs, 3);
    },
  );

  suite.test('answers undefined for a device that was never stored', async ({ store }) => {
    await store.commit({ observations: [counted(1)], rejected: [rejectedItem({ deviceId: 'pi-2' })] });
    for (const deviceId of ['pi-2', 'pi-', 'PI-1', 'pi-10', '__proto__', 'constructor']) {
      assert.equal(await store.history({ deviceId, limit: 10 }), undefined);
      assert.equal(await store.device(deviceId), undefined);
      assert.equal(await store.statistics(deviceId, 0, now), undefined);
    }
  });
}

function filterTests(suite: StoreSuite): void {
  suite.test(
    'filters by from inclusive, to exclusive and status, and totals the whole history',
    async ({ store }) => {
      await store.commit(group(...sixty));
      const from = now - 40 * 60_000;
      const to = now - 10 * 60_000;
      const expected = (status?: SyncStatus) =>
        Array.from({ length: 30 }, (_, i) => 49 - i).filter(
          (seq) => status === undefined || ['failed', 'partial', 'success'][seq % 3] === status,
        );
      for (const status of [undefined, 'failed', 'partial', 'success'] as const) {
        const page = await store.history({ deviceId: 'pi-1', from, to, status, limit: 1000 });
        assert.deepEqual(seqs(page?.items ?? []), expected(status));
        assert.equal(page?.total, 60);
        assert.equal(page?.next, null);
      }
      const none = await store.history({ deviceId: 'pi-1', from: to, to: from, limit: 10 });
      assert.deepEqual(none, { items: [], next: null, total: 60 });
    },
  );

  suite.test('pages by offset as slices of the whole', async ({ store }) => {
    await store.commit(group(...sixty));
    const whole = await readHistory(store, { deviceId: 'pi-1' });
    const failures = whole.filter((item) => item.status === 'failed');
    for (const [offset, limit] of [
      [0, 1],
      [0, 7],
      [7, 7],
      [53, 7],
      [54, 7],
      [59, 7],
      [60, 7],
      [100_000, 7],
    ] as const) {
      const page = await store.history({ deviceId: 'pi-1', offset, limit });
      assert.deepEqual(page?.items, whole.slice(offset, offset + limit));
      assert.equal(page?.next === null, offset + limit >= 60);
      const some = await store.history({ deviceId: 'pi-1', status: 'failed', offset, limit });
      assert.deepEqual(some?.items, failures.slice(offset, offset + limit));
    }
  });
}

function cursorTests(suite: StoreSuite): void {
  suite.test('pages by cursor show everything once under every filter', async ({ store }) => {
    for (let i = 0; i < 60; i += 7) await store.commit(group(...sixty.slice(i, i + 7)));
    const whole = await readHistory(store, { deviceId: 'pi-1' });
    for (const status of [undefined, 'failed'] as const) {
      for (const from of [undefined, now - 40 * 60_000]) {
        for (const limit of [1, 6, 20, 60]) {
          const matching = whole.filter(
            (item) => (status ?? item.status) === item.status && item.timestamp >= (from ?? 0),
          );
          const paged = await readHistory(store, { deviceId: 'pi-1', status, from, limit });
          assert.deepEqual(paged, matching);
        }
      }
    }
  });

  suite.test('gives the key of the last item as next, and null at the exact end', async ({ store }) => {
    await store.commit(group(counted(1), counted(2), counted(3)));
    const page = await store.history({ deviceId: 'pi-1', limit: 2 });
    const expected: HistoryKey = { timestamp: counted(2).timestamp, epochIndex: 1, tie: 2 };
    assert.deepEqual(page?.next, expected);
    assert.equal((await store.history({ deviceId: 'pi-1', limit: 3 }))?.next, null);
    const last = await store.history({ deviceId: 'pi-1', limit: 1, after: expected });
    assert.deepEqual([seqs(last?.items ?? []), last?.next], [[1], null]);
  });
}

function movingTests(suite: StoreSuite): void {
  suite.test(
    'a cursor skips and repeats nothing while events arrive before and after it',
    async ({ store }) => {
      const before = sixty.filter((event) => (event.seq as number) % 2 === 0);
      const later = sixty.filter((event) => (event.seq as number) % 2 === 1);
      await store.commit(group(...before));
      const shown: (number | null)[] = [];
      let after: HistoryKey | undefined;
      do {
        const page = await store.history({ deviceId: 'pi-1', limit: 4, after });
        shown.push(...seqs(page?.items ?? []));
        after = page?.next ?? undefined;
        await store.commit(group(...later.splice(0, 5)));
      } while (after !== undefined);
      assert.equal(new Set(shown).size, shown.length);
      const old = shown.filter((seq) => (seq as number) % 2 === 0);
      assert.deepEqual(
        old,
        Array.from({ length: 30 }, (_, i) => 58 - 2 * i),
      );
      assert.deepEqual(
        shown,
        shown.toSorted((a, b) => (b as number) - (a as number)),
      );
    },
  );

  suite.test('a cursor may name a place where no event is', async ({ store }) => {
    await store.commit(group(counted(1), counted(3)));
    const after = { timestamp: counted(2).timestamp, epochIndex: 4, tie: 77 };
    const page = await store.history({ deviceId: 'pi-1', limit: 5, after });
    assert.deepEqual(seqs(page?.items ?? []), [1]);
  });
}
