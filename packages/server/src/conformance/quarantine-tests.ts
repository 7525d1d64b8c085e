import assert from 'node:assert/strict';
import type { QuarantinedItem, QuarantineQuery, RejectedItem, Store } from '../ports/store.ts';
import { counted, now, rejectedItem } from './make-events.ts';
import type { StoreSuite } from './suite-recorder.ts';

const reject = (store: Store, ...rejected: readonly RejectedItem[]) =>
  store.commit({ observations: [], rejected });

/** Registers the promises about rejected items. */
export function quarantineTests(suite: StoreSuite): void {
  keepTests(suite);
  listTests(suite);
  discardTests(suite);
}

function keepTests(suite: StoreSuite): void {
  suite.test('keeps identical rejected items once and counts them', async ({ store }) => {
    const item = rejectedItem();
    await reject(store, item, item);
    await reject(store, { ...item, receivedAt: now + 10, source: 'batches', detail: 'other words' });
    await reject(
      store,
      { ...item, code: 'invalid_type' },
      { ...item, raw: '{}' },
      { ...item, deviceId: null },
    );
    const { items, total } = await store.quarantine({ limit: 10 });
    assert.equal(total, 4);
    assert.deepEqual(
      items.map(({ count }) => count),
      [1, 1, 1, 3],
    );
    const kept = items[3] as QuarantinedItem;
    assert.deepEqual(kept, { ...item, id: kept.id, count: 3, lastReceivedAt: now + 10 });
    assert.deepEqual(await store.quarantined(kept.id), kept);
    assert.equal(await store.device('pi-1'), undefined, 'a rejected item makes no device');
  });

  suite.test('keeps the text of a rejected item as it is, however hostile', async ({ store }) => {
    const texts = [
      '',
      '\u0000\u0001{"a":1',
      "'; DROP TABLE events; --",
      '{"__proto__":{}}',
      '\u{1f600}'.repeat(9000),
    ];
    const items = texts.map((raw) =>
      rejectedItem({
        raw,
        deviceId: raw.slice(0, 8),
        field: null,
        detail: raw,
        source: raw,
        truncated: raw === '',
      }),
    );
    await reject(store, ...items, rejectedItem({ deviceId: null }));
    const kept = (await store.quarantine({ limit: 10 })).items.toReversed();
    for (const [index, item] of items.entries()) {
      const { id: _id, count: _count, lastReceivedAt: _last, ...rest } = kept[index] as QuarantinedItem;
      assert.deepEqual(rest, item);
    }
    assert.equal(kept.at(-1)?.deviceId, null);
  });

  suite.test('a rejected item never harms its neighbours in a group', async ({ store }) => {
    const outcomes = await store.commit({
      observations: [counted(1), counted(2)],
      rejected: [rejectedItem(), rejectedItem({ raw: '2' })],
    });
    assert.deepEqual(outcomes, ['stored', 'stored']);
    assert.equal((await store.quarantine({ limit: 1 })).total, 2);
  });
}

function listTests(suite: StoreSuite): void {
  suite.test(
    'lists rejected items newest first, by pages, narrowed by device and code',
    async ({ store }) => {
      for (let i = 0; i < 24; i++) {
        const deviceId = i % 3 === 0 ? null : `pi-${i % 3}`;
        await reject(
          store,
          rejectedItem({ raw: `${i}`, deviceId, code: i % 2 === 0 ? 'a' : 'b', receivedAt: now + i }),
        );
      }
      for (const deviceId of [undefined, 'pi-1', 'pi-2', 'pi-9']) {
        for (const code of [undefined, 'a', 'c']) {
          const expected = Array.from({ length: 24 }, (_, i) => 23 - i).filter(
            (i) =>
              (deviceId ?? `pi-${i % 3}`) === `pi-${i % 3}` && (code ?? 'ab').includes('ab'[i % 2] as string),
          );
          assert.deepEqual(await readRaws(store, { deviceId, code, limit: 5 }), expected.map(String));
        }
      }
      const ids = (await store.quarantine({ limit: 100 })).items.map((item) => item.id);
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => b - a),
      );
    },
  );
}

/** Texts of a list read by pages; the total is the same on every page. */
async function readRaws(store: Store, query: QuarantineQuery): Promise<readonly string[]> {
  const raws: string[] = [];
  let before: number | undefined;
  let total: number;
  do {
    const page = await store.quarantine({ ...query, before });
    raws.push(...page.items.map((item) => item.raw));
    assert.ok(page.items.length <= query.limit);
    total = page.total;
    before = page.next ?? undefined;
  } while (before !== undefined);
  assert.equal(total, raws.length);
  return raws;
}

function discardTests(suite: StoreSuite): void {
  suite.test('discards a rejected item once and never gives its number to another', async ({ store }) => {
    await reject(store, rejectedItem({ raw: 'one' }), rejectedItem({ raw: 'two' }));
    const [two, one] = (await store.quarantine({ limit: 10 })).items as [QuarantinedItem, QuarantinedItem];
    assert.equal(await store.discard(two.id), true);
    assert.equal(await store.discard(two.id), false);
    assert.equal(await store.discard(two.id + 1000), false);
    assert.equal(await store.quarantined(two.id), undefined);
    assert.deepEqual((await store.quarantine({ limit: 10 })).items, [one]);
    await reject(store, rejectedItem({ raw: 'two' }));
    const again = (await store.quarantine({ limit: 1 })).items[0] as QuarantinedItem;
    assert.ok(again.id > two.id);
    assert.equal(again.count, 1);
    assert.equal(await store.discard(one.id), true);
    assert.equal(await store.discard(again.id), true);
    assert.deepEqual(await store.quarantine({ limit: 10 }), { items: [], next: null, total: 0 });
  });
}
