import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { openSqliteStore } from '../../../src/adapters/store/sqlite/sqlite-store.ts';
import { counted, now, observation } from '../../../src/conformance/make-events.ts';
import { compareStores } from '../../../src/services/compare/compare-stores.ts';
import { compareDays, digestStore } from '../../../src/services/compare/digest-store.ts';
import { explainDifference } from '../../../src/services/compare/explain-difference.ts';
import { altered, collected, contents, dayMs, fill, type Item, keyOf, placeOf, storeOf } from './contents.ts';

/** Which item is changed, and how. */
const change = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('dropped', 'added', 'altered'),
  choice: fc.nat(),
});

const counts = (items: readonly Item[], one: Item): number =>
  items.filter((other) => compareDays(keyOf(other), keyOf(one)) === 0).length;

describe('comparing two stores', () => {
  it('finds nothing between equal ones, in whatever order they were filled', async () => {
    await fc.assert(
      fc.asyncProperty(contents, fc.nat(), async (items, seed) => {
        const [a, b] = [await storeOf(items, 1), await storeOf(items, seed + 2)];
        assert.deepEqual(await collected(compareStores(a, b)), []);
        const days = await collected(digestStore(a));
        const sum = days.reduce((total, { count }) => total + count, 0);
        assert.equal(sum, items.length);
        assert.deepEqual(days, [...days].sort(compareDays));
      }),
      { numRuns: 60 },
    );
  });

  it('names exactly the device and the day of the one thing that differs, and the thing itself', async () => {
    await fc.assert(
      fc.asyncProperty(contents, change, async (items, { at, how, choice }) => {
        const place = at % items.length;
        const one = items[place] as Item;
        const without = items.filter((other) => other !== one);
        const other = how === 'altered' ? [...without, altered(one, choice)] : without;
        const [expected, found] = how === 'added' ? [without, items] : [items, other];
        const [a, b] = [await storeOf(expected), await storeOf(found, 9)];
        const differences = await collected(compareStores(a, b));
        assert.deepEqual(differences.map(placeOf), [keyOf(one)]);
        const [difference] = differences;
        assert.ok(difference !== undefined);
        assert.equal(difference.expected?.count ?? 0, counts(expected, one));
        assert.equal(difference.found?.count ?? 0, counts(found, one));
        const { missing, more, different } = await explainDifference(a, b, difference, 5);
        const names = { dropped: [1, 0, 0], added: [0, 1, 0], altered: [0, 0, 1] }[how];
        // A detection is recognised by what it says: what says something else is another one.
        const isOther = how === 'altered' && one.kind === 'detections' && missing.length === 1;
        assert.deepEqual([missing.length, more.length, different.length], isOther ? [1, 1, 0] : names);
        if (one.kind === 'events')
          assert.deepEqual([...missing, ...more, ...different], [`epoch-1/${one.value.seq}`]);
      }),
      { numRuns: 150 },
    );
  });

  it('tells one from several of what has no identity', async () => {
    const plain = (): Item => ({ kind: 'events', value: observation({ deviceTime: null }) });
    const [a, b] = [await storeOf([plain(), plain(), plain()]), await storeOf([plain()])];
    const differences = await collected(compareStores(a, b));
    assert.deepEqual(
      differences.map(({ expected, found }) => [expected?.count, found?.count]),
      [[3, 1]],
    );
    assert.equal((await explainDifference(a, b, differences[0]!, 5)).missing.length, 1);
  });

  it('tells every value of a point from every other, also those that print alike', async () => {
    const values = [0, -0, false, '0', '-0', 'false', 1, true, '1', '', 5e-324, -5e-324];
    const stores = await Promise.all(
      values.map((value) =>
        storeOf([{ kind: 'telemetry', value: { deviceId: 'a', key: 'k', time: 5, value } }]),
      ),
    );
    const digests = await Promise.all(
      stores.map(async (store) => (await collected(digestStore(store)))[0]?.digest),
    );
    assert.equal(new Set(digests).size, values.length);
  });

  it('notices epochs that came in another order', async () => {
    const events = ['one', 'two'].map((epoch): Item => ({ kind: 'events', value: counted(0, { epoch }) }));
    const [a, b] = [await storeOf([]), await storeOf([])];
    for (const one of events) await fill(a, [one]);
    for (const one of events.toReversed()) await fill(b, [one]);
    assert.equal((await collected(compareStores(a, b))).length, 1);
  });

  it('reads pages to their end, of any store', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'pisync-compare-'));
    const items = Array.from({ length: 2500 }, (_, seq): Item => {
      return {
        kind: 'events',
        value: counted(seq, { deviceTime: null, timestamp: now - (seq % 9) * dayMs }),
      };
    });
    const points = Array.from({ length: 60_000 }, (_, step): Item => {
      return { kind: 'telemetry', value: { deviceId: 'pi-2', key: 'load', time: step * 1e9, value: step } };
    });
    const sqlite = await openSqliteStore(join(folder, 'a.db'), { partial: 'failure' });
    context.after(async () => {
      await sqlite.close();
      rmSync(folder, { recursive: true });
    });
    await fill(sqlite, [...items, ...points]);
    const memory = await storeOf([...items, ...points], 5);
    let read = 0;
    const counter = (_kind: string, more: number): void => {
      read += more;
    };
    const same = compareStores(memory, sqlite, { onRead: [() => undefined, counter] });
    assert.deepEqual(await collected(same), []);
    assert.equal(read, 62_500);
  });

  it('ends when it is stopped, and when nobody reads on', async () => {
    const items = [1, 2, 3].map(
      (seq): Item => ({ kind: 'events', value: counted(seq, { deviceId: `pi-${seq}` }) }),
    );
    const [a, b] = [await storeOf(items), await storeOf([])];
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await assert.rejects(collected(compareStores(a, b, { signal: stop.signal })), /enough/);
    for await (const _first of compareStores(a, b)) break;
  });

  it('fails where a store fails', async () => {
    const items: Item[] = [{ kind: 'events', value: counted(1) }];
    const [a, b] = [await storeOf(items), await storeOf(items)];
    await b.close();
    await assert.rejects(collected(compareStores(a, b)), { code: 'store_closed' });
  });
});
