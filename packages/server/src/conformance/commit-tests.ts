import assert from 'node:assert/strict';
import { counted, failed, group, now, observation, rejectedItem, shuffled } from './make-events.ts';
import { assertStatus, readEverything, readHistory } from './read-store.ts';
import type { StoreSuite } from './suite-recorder.ts';

/** Registers the promises about identity and acknowledgement. */
export function commitTests(suite: StoreSuite): void {
  identityTests(suite);
  repetitionTests(suite);
  conflictTests(suite);
  groupTests(suite);
  visibilityTests(suite);
  roundTripTests(suite);
}

const byKind = {
  seq: counted(7),
  event_id: observation({ eventId: 'sync-7' }),
  digest: observation(),
};

function identityTests(suite: StoreSuite): void {
  suite.test('recognises a repetition by counter, by id and by digest', async ({ store }) => {
    for (const first of Object.values(byKind)) {
      assert.deepEqual(await store.commit(group(first)), ['stored']);
      assert.deepEqual(await store.commit(group(first)), ['duplicate']);
      const resent = {
        ...first,
        sentAt: 5,
        receivedAt: first.receivedAt + 60_000,
        clockQuality: 'corrected' as const,
      };
      assert.deepEqual(await store.commit(group(resent)), ['duplicate']);
    }
    assert.equal((await readHistory(store, { deviceId: 'pi-1' })).length, 3);
  });

  suite.test('takes every arrival without an identity as a new fact', async ({ store }) => {
    const nameless = observation({ deviceTime: null });
    assert.deepEqual(await store.commit(group(nameless, nameless)), ['stored', 'stored']);
    assert.deepEqual(await store.commit(group(nameless)), ['stored']);
    const items = await readHistory(store, { deviceId: 'pi-1' });
    assert.deepEqual(
      items.map((item) => item.position),
      [3, 2, 1],
    );
  });

  suite.test('keeps the identities of epochs, devices and kinds apart', async ({ store }) => {
    const different = [
      counted(1),
      counted(1, { epoch: 'epoch-2' }),
      counted(1, { deviceId: 'pi-2' }),
      observation({ eventId: 'a' }),
      observation({ eventId: 'a', deviceId: 'pi-2' }),
      observation({ eventId: 'b' }),
      observation({}),
      observation({ deviceId: 'pi-2' }),
      observation({ bytesSynced: 0 }),
      counted(1, { epoch: 'a', eventId: 'a' }),
    ];
    assert.deepEqual(
      await store.commit(group(...different)),
      different.map(() => 'stored'),
    );
    assert.deepEqual(
      await store.commit(group(...different)),
      different.map(() => 'duplicate'),
    );
  });
}

function repetitionTests(suite: StoreSuite): void {
  suite.test('recognises counters that arrive late, with gaps and out of order', async ({ store }) => {
    const seqs = [0, 1, 2, 5, 6, 9, 300, 301, 40_000, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER];
    for (const seq of shuffled(seqs, 1)) {
      assert.deepEqual(await store.commit(group(counted(seq))), ['stored'], `${seq}`);
    }
    for (const seq of shuffled(seqs, 2)) {
      assert.deepEqual(await store.commit(group(counted(seq))), ['duplicate'], `${seq}`);
    }
    for (const seq of [3, 4, 7, 8, 302, 39_999, 40_001, Number.MAX_SAFE_INTEGER - 2]) {
      assert.deepEqual(await store.commit(group(counted(seq))), ['stored'], `${seq}`);
    }
  });

  suite.test(
    'recognises old repetitions among new events after it has settled what it holds',
    async (opened) => {
      const old = Array.from({ length: 60 }, (_, i) => [
        counted(i, { deviceId: `pi-${i % 3}` }),
        observation({ eventId: `sync-${i}`, deviceId: `pi-${i % 3}` }),
        observation({ deviceTime: now - i, deviceId: `pi-${i % 3}` }),
      ]).flat();
      await opened.store.commit(group(...old));
      for (const round of [1, 2, 3]) {
        await suite.options.settle?.(opened.store);
        const fresh = observation({ eventId: `fresh-${round}` });
        const outcomes = await opened.store.commit(group(...old, fresh));
        assert.deepEqual(outcomes, [...old.map(() => 'duplicate'), 'stored']);
      }
    },
  );

  suite.test('a repetition changes nothing that can be asked', async ({ store }) => {
    const first = { observations: Object.values(byKind), rejected: [rejectedItem()] };
    await store.commit(first);
    const before = await readEverything(store);
    await store.commit(
      group(...first.observations.map((item) => ({ ...item, receivedAt: item.receivedAt + 5 }))),
    );
    assert.deepEqual(await readEverything(store), before);
  });
}

function conflictTests(suite: StoreSuite): void {
  suite.test(
    'refuses another body under a known identity, keeps the first and counts the conflict',
    async ({ store }) => {
      const other = { ...failed, bytesSynced: 1 };
      assert.deepEqual(await store.commit(group(byKind.seq, byKind.event_id)), ['stored', 'stored']);
      const before = await store.device('pi-1');
      const changed = group({ ...byKind.seq, ...other }, { ...byKind.event_id, ...other });
      assert.deepEqual(await store.commit(changed), ['conflict', 'conflict']);
      assert.deepEqual(await store.commit(changed), ['conflict', 'conflict']);
      assert.deepEqual(await store.commit(group(byKind.seq)), ['duplicate']);
      const device = await store.device('pi-1');
      assert.deepEqual(device, { ...before, totals: { ...before?.totals, conflicts: 4 } });
      assert.equal((await readHistory(store, { deviceId: 'pi-1' })).length, 2);
    },
  );

  suite.test('finds a conflict in every field of the body', async ({ store }) => {
    const first = counted(1, {
      metadata: '{"a":1}',
      internetSpeed: 1.5,
      syncDurationMs: 10,
      bytesSynced: 20,
    });
    await store.commit(group(first));
    const changes = [
      { deviceTime: (first.deviceTime as number) + 1 },
      { deviceTime: null },
      { totalFilesSynced: 4 },
      { totalErrors: 1 },
      { internetSpeed: 1.25 },
      { internetSpeed: null },
      { syncDurationMs: 11 },
      { bytesSynced: 21 },
      { bytesSynced: null },
      { metadata: '{"a":2}' },
      { metadata: null },
    ];
    const outcomes = await store.commit(group(...changes.map((change) => ({ ...first, ...change }))));
    assert.deepEqual(
      outcomes,
      changes.map(() => 'conflict'),
    );
  });
}

function groupTests(suite: StoreSuite): void {
  suite.test('takes the items of a group in order: the first of equal ones is stored', async ({ store }) => {
    const other = counted(1, failed);
    const outcomes = await store.commit(group(counted(1), counted(1), other, counted(2), other, counted(2)));
    assert.deepEqual(outcomes, ['stored', 'duplicate', 'conflict', 'stored', 'conflict', 'duplicate']);
    assert.equal((await store.device('pi-1'))?.totals.conflicts, 2);
  });

  suite.test('stores a batch that comes from 50 connections at once exactly once', async ({ store }) => {
    const batch = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0
        ? counted(i, { deviceId: `pi-${i % 6}` })
        : observation({ eventId: `e${i}`, deviceId: `pi-${i % 6}` }),
    );
    const rejected = [rejectedItem()];
    const all = await Promise.all(
      Array.from({ length: 50 }, () => store.commit({ observations: batch, rejected })),
    );
    batch.forEach((_, i) => {
      const outcomes = all.map((one) => one[i]);
      assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, 1);
      assert.equal(outcomes.filter((outcome) => outcome === 'duplicate').length, 49);
    });
    await assertStatus(store, { position: 40 });
    assert.deepEqual(
      (await store.quarantine({ limit: 10 })).items.map((item) => item.count),
      [50],
    );
  });

  suite.test(
    'numbers stored events from 1 without gaps, in the order in which a group names them',
    async ({ store }) => {
      await store.commit(group(counted(1), counted(1), counted(2)));
      await store.commit(group(counted(1, failed), counted(4), counted(3)));
      const items = await readHistory(store, { deviceId: 'pi-1' });
      const places = items.map(({ seq, position }) => [seq, position]);
      assert.deepEqual(places, [
        [4, 3],
        [3, 4],
        [2, 2],
        [1, 1],
      ]);
      await assertStatus(store, { position: 4 });
    },
  );
}

function visibilityTests(suite: StoreSuite): void {
  suite.test('answers an empty group and a group of rejected items only', async ({ store }) => {
    assert.deepEqual(await store.commit(group()), []);
    assert.deepEqual(await store.commit({ observations: [], rejected: [rejectedItem()] }), []);
    await assertStatus(store, { position: 0, devices: 0 });
    assert.equal((await store.quarantine({ limit: 10 })).total, 1);
  });

  suite.test('shows what a commit stored as soon as it has resolved', async ({ store }) => {
    for (let seq = 1; seq <= 20; seq++) {
      await store.commit({
        observations: [counted(seq, failed)],
        rejected: [rejectedItem({ raw: `${seq}` })],
      });
      assert.equal((await store.history({ deviceId: 'pi-1', limit: 1 }))?.items[0]?.seq, seq);
      assert.equal((await store.device('pi-1'))?.consecutiveFailures, seq);
      assert.equal((await store.quarantine({ limit: 1 })).items[0]?.raw, `${seq}`);
    }
  });

  suite.test('commits a group of 10,000 items with as many devices', async ({ store }) => {
    const many = Array.from({ length: 10_000 }, (_, i) => counted(i, { deviceId: `pi-${i}` }));
    const outcomes = await store.commit(group(...many));
    assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, 10_000);
    await assertStatus(store, { devices: 10_000 });
    assert.equal((await readHistory(store, { deviceId: 'pi-9999' })).length, 1);
  });
}

function roundTripTests(suite: StoreSuite): void {
  suite.test('keeps every field of an observation as it was given', async ({ store }) => {
    const most = Number.MAX_SAFE_INTEGER;
    const deviceId = `A${'.:_@-9z'.repeat(20)}`.slice(0, 128);
    const events = [
      counted(most, {
        deviceId,
        epoch: 'e:._-'.repeat(13).slice(0, 64),
        eventId: 'é\u{1f600}"\\'.repeat(40),
        deviceTime: -62_167_219_200_000,
        timestamp: now,
        sentAt: 253_402_300_799_999,
        totalFilesSynced: most,
        totalErrors: most,
        bytesSynced: most,
        syncDurationMs: most,
        internetSpeed: Number.MAX_VALUE,
        metadata: JSON.stringify({ __proto__x: '\u0000\u{10ffff}', text: 'ü'.repeat(8000) }),
        clockQuality: 'unknown',
      }),
      counted(0, {
        deviceId,
        internetSpeed: 0.1,
        syncDurationMs: 0,
        bytesSynced: 0,
        clockQuality: 'corrected',
      }),
      counted(1, {
        deviceId,
        internetSpeed: Number.MIN_VALUE,
        deviceTime: 0,
        timestamp: now,
        totalFilesSynced: 0,
      }),
      observation({ deviceId, eventId: 'x', deviceTime: null, sentAt: 0, metadata: '{}' }),
      observation({ deviceId, deviceTime: null, totalFilesSynced: 0 }),
      observation({ deviceId, deviceTime: 0, timestamp: now, internetSpeed: 0 }),
    ];
    await store.commit(group(...events));
    const items = await readHistory(store, { deviceId });
    for (const [index, event] of events.entries()) {
      const item = items.find((one) => one.position === index + 1);
      const { position: _p, epochIndex: _e, status: _s, ...kept } = item ?? assert.fail(`no event ${index}`);
      assert.deepEqual(kept, event);
    }
    assert.deepEqual(items.map((item) => item.status).sort(), [
      'partial',
      'success',
      'success',
      'success',
      'success',
      'success',
    ]);
  });
}
