import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Observation } from '@pisync/protocol';
import { openSqliteStore, type SqliteStore } from '../../../../src/adapters/store/sqlite/sqlite-store.ts';
import { counted, group } from '../../../../src/conformance/make-events.ts';
import type { RejectedItem } from '../../../../src/ports/store.ts';
import { limitFiles, noFileLimit, placeFor, policy, until, withStore } from './place.ts';

const sound = async (store: SqliteStore): Promise<void> => {
  const faults = (await store.verify()).filter(({ severity }) => severity !== 'ok');
  assert.deepEqual(faults, []);
};

/** `count` events of four devices, from counter `from` on. */
const batch = (from: number, count: number, metadata: string | null = null): Observation[] =>
  Array.from({ length: count }, (_, index) => {
    const seq = from + index;
    return counted(seq, { deviceId: `pi-${seq % 4}`, totalErrors: seq % 3, metadata });
  });

const refused = (raw: string): RejectedItem => ({
  receivedAt: 1_795_000_000_000,
  deviceId: null,
  code: 'invalid_item',
  field: null,
  detail: 'an item must be an object',
  source: 'sync-events',
  raw,
  truncated: false,
});

describe('housekeeping', () => {
  test('refused items alone do not let the write-ahead log grow', async (context) => {
    const path = placeFor(context);
    await withStore(path, async (store) => {
      for (let round = 0; round < 60; round++) {
        const rejected = Array.from({ length: 40 }, (_, item) =>
          refused(`${round}-${item}-${'x'.repeat(60_000)}`),
        );
        await store.commit({ observations: [], rejected });
      }
      // Of 144 MB. On a busy machine the thread that copies them takes a while to start.
      assert.ok(statSync(`${path}-wal`).size < 110_000_000, `${statSync(`${path}-wal`).size} bytes`);
    });
  });

  test('a page of history is whole and in order while runs are sealed and merged under it', async (context) => {
    const store = await openSqliteStore(placeFor(context), policy, { sealEvents: 150 });
    let committed = 0;
    let writing = true;
    let pages = 0;
    let runs = 0;
    const read = async (): Promise<void> => {
      while (writing) {
        const before = committed;
        const page = await store.history({ deviceId: 'pi-1', limit: 1000 });
        if (page === undefined) continue;
        pages += 1;
        const after = committed + 200;
        const seqs = page.items.map(({ seq }) => seq as number);
        assert.deepEqual(
          seqs,
          [...new Set(seqs)].sort((a, b) => b - a),
          'each once, newest first',
        );
        assert.ok(page.total >= Math.floor(before / 4) && page.total <= after / 4);
        const newest = seqs[0] as number;
        for (const [index, seq] of seqs.entries()) assert.equal(seq, newest - 4 * index, 'none is missing');
        runs = Math.max(runs, store.status().gauges['sealed_runs'] ?? 0);
      }
    };
    const readers = [read(), read()];
    try {
      for (; committed < 9000; committed += 100) await store.commit(group(...batch(committed, 100)));
    } finally {
      writing = false;
      await Promise.all(readers);
    }
    assert.ok(pages > 20, `${pages} pages`);
    await until(() => (store.status().gauges['tail_events'] ?? 0) < 9000);
    await store.settle();
    await sound(store);
    await store.close();
    assert.ok(runs >= 1, 'something was sealed while it was read');
  });

  test('what was stored when it was closed in the middle of sealing is there, each once', async (context) => {
    const path = placeFor(context);
    for (let round = 0; round < 4; round++) {
      const store = await openSqliteStore(path, policy, { sealEvents: 1000 });
      await store.commit(group(...batch(round * 3000, 3000)));
      const settled = store.settle().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, round * 7));
      await store.close();
      await settled;
    }
    await withStore(path, async (store) => {
      assert.equal(store.status().position, 12_000);
      await sound(store);
      const again = await store.commit(group(...batch(0, 12_000)));
      assert.ok(again.every((outcome) => outcome === 'duplicate'));
    });
  });

  test('the write-ahead log stays small while much is written and read', async (context) => {
    const path = placeFor(context);
    const store = await openSqliteStore(path, policy, { sealEvents: 5000 });
    const metadata = `{"text":"${'x'.repeat(2000)}"}`;
    let largest = 0;
    let reading = true;
    const reader = (async () => {
      while (reading) {
        await store.history({ deviceId: 'pi-2', limit: 100 });
        largest = Math.max(largest, statSync(`${path}-wal`).size);
      }
    })();
    for (let from = 0; from < 40_000; from += 400) await store.commit(group(...batch(from, 400, metadata)));
    reading = false;
    await reader;
    const written = 40_000 * 2000;
    assert.ok(
      largest < written * 0.75,
      `${largest} bytes of write-ahead log after ${written} bytes of events`,
    );
    assert.equal((await store.device('pi-3'))?.totals.syncs, 10_000);
    await store.close();
  });

  test('large events are sealed by their size, long before there are many of them', async (context) => {
    await withStore(placeFor(context), async (store) => {
      const metadata = `{"text":"${'x'.repeat(15_000)}"}`;
      for (let from = 0; from < 5000; from += 250) await store.commit(group(...batch(from, 250, metadata)));
      // 5,000 such events are 75 MB, of which about 32 MB may be waiting.
      await until(() => (store.status().gauges['sealed_runs'] ?? 0) > 0);
      await until(() => (store.status().gauges['tail_events'] ?? 5000) < 2500);
    });
  });

  test('a chunk of known events only, behind a full segment, does not disturb sealing', async (context) => {
    await withStore(placeFor(context), async (store) => {
      const all = batch(0, 30_000);
      await store.commit(group(...all));
      const again = await store.commit(group(...all.slice(0, 10_000)));
      assert.ok(again.every((outcome) => outcome === 'duplicate'));
      await store.settle();
      assert.equal(store.status().state, 'ready');
      await sound(store);
    });
  });

  test('a group that is refused as a mistake leaves its neighbours alone', async (context) => {
    await withStore(placeFor(context), async (store) => {
      const tooLong = { deviceId: 'bad', metadata: 'x'.repeat(70_000) };
      const refused = store.commit(group(counted(1, { deviceId: 'bad' }), counted(2, tooLong)));
      const taken = store.commit(group(counted(7, { deviceId: 'good' })));
      await assert.rejects(refused, TypeError);
      assert.deepEqual(await taken, ['stored']);
      assert.equal(await store.device('bad'), undefined);
      assert.equal((await store.device('good'))?.totals.syncs, 1);
    });
  });
});

describe('a full disk', { skip: noFileLimit() }, () => {
  test('during sealing: nothing is lost, and work goes on when there is room again', async (context) => {
    await withStore(placeFor(context), async (store) => {
      const metadata = `{"text":"${'x'.repeat(500)}"}`;
      await store.commit(group(...batch(0, 4000, metadata)));
      limitFiles(60_000);
      try {
        await store.settle();
        await until(() => store.status().state === 'recovering');
        await assert.rejects(store.commit(group(counted(90_000))), { code: 'store_unavailable' });
      } finally {
        limitFiles(undefined);
      }
      await until(() => store.status().state === 'ready');
      assert.equal(store.status().position, 4000);
      const again = await store.commit(group(...batch(3990, 20, metadata)));
      assert.deepEqual(again, [...Array(10).fill('duplicate'), ...Array(10).fill('stored')]);
      await store.settle();
      await sound(store);
    });
  });

  test('at the end: the store closes even so, and gives its place free', async (context) => {
    const path = placeFor(context);
    const store = await openSqliteStore(path, policy);
    await store.commit(group(...batch(0, 4000)));
    limitFiles(60_000);
    try {
      await store.close();
    } finally {
      limitFiles(undefined);
    }
    await withStore(path, async (again) => assert.equal(again.status().position, 4000));
  });
});
