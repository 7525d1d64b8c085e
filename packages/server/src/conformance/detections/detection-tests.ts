import assert from 'node:assert/strict';
import type { ObservedDetection } from '@pisync/protocol';
import { now, observation } from '../make-events.ts';
import type { StoreSuite } from '../suite-recorder.ts';
import { detectionFilterTests } from './filter-tests.ts';
import { commitDetections, countedDetection, detection, here, listDetections } from './make-detections.ts';

/** Registers what must hold for detections: their identity, their lists and their grids. */
export function detectionTests(suite: StoreSuite): void {
  identityTests(suite);
  groupTests(suite);
  conflictTests(suite);
  sharedNumberTests(suite);
  roundTripTests(suite);
  listTests(suite);
  detectionFilterTests(suite);
}

const byKind = {
  seq: countedDetection(7),
  event_id: detection({ eventId: 'scan-7' }),
  digest: detection(),
};

function identityTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('recognises a repeated detection by counter, by id and by digest', async (opened) => {
    for (const first of Object.values(byKind)) {
      assert.deepEqual(await commitDetections(opened.store, first), ['stored']);
      assert.deepEqual(await commitDetections(opened.store, first, first), ['duplicate', 'duplicate']);
      await settle?.(opened.store);
      const resent = {
        ...first,
        sentAt: 5,
        receivedAt: first.receivedAt + 60_000,
        timestamp: first.timestamp + 1,
        clockQuality: 'corrected' as const,
      };
      assert.deepEqual(await commitDetections(opened.store, resent), ['duplicate']);
    }
    assert.equal((await listDetections(opened.store)).length, 3);
  });

  suite.test('takes every detection without an identity as a new fact', async (opened) => {
    const nameless = detection({ deviceTime: null });
    assert.deepEqual(await commitDetections(opened.store, nameless, nameless), ['stored', 'stored']);
    await settle?.(opened.store);
    assert.deepEqual(await commitDetections(opened.store, nameless), ['stored']);
    const items = await listDetections(opened.store);
    assert.deepEqual(
      items.map(({ ordinal }) => ordinal),
      [3, 2, 1],
    );
  });

  suite.test('keeps the identities of detections apart by epoch, device, kind and body', async (opened) => {
    const different = [
      countedDetection(1),
      countedDetection(1, { epoch: 'epoch-2' }),
      countedDetection(1, { deviceId: 'pi-2' }),
      detection({ eventId: 'a' }),
      detection({ eventId: 'a', deviceId: 'pi-2' }),
      detection({ eventId: 'b' }),
      detection(),
      detection({ deviceId: 'pi-2' }),
      detection({ identity: '02:00:00:00:00:01' }),
      detection({ position: null }),
      detection({ position: { ...here, lat: 48.1 } }),
      countedDetection(2, { eventId: 'a' }),
    ];
    const all = (outcome: string) => different.map(() => outcome);
    assert.deepEqual(await commitDetections(opened.store, ...different), all('stored'));
    assert.deepEqual(await commitDetections(opened.store, ...different), all('duplicate'));
    await settle?.(opened.store);
    assert.deepEqual(await commitDetections(opened.store, ...different), all('duplicate'));
    if (suite.options.supports.durable) await opened.reopen();
    assert.deepEqual(await commitDetections(opened.store, ...different), all('duplicate'));
    assert.equal((await listDetections(opened.store)).length, different.length);
  });
}

function groupTests(suite: StoreSuite): void {
  suite.test('answers each of many groups of detections for its own', async (opened) => {
    const [a, b, c] = [detection({ eventId: 'a' }), detection({ eventId: 'b' }), detection({ eventId: 'c' })];
    const groups = [[a], [a, b], [b, c, a], [{ ...c, name: 'other' }]];
    assert.deepEqual(await Promise.all(groups.map((group) => commitDetections(opened.store, ...group))), [
      ['stored'],
      ['duplicate', 'stored'],
      ['duplicate', 'stored', 'duplicate'],
      ['conflict'],
    ]);
  });
}

function conflictTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const { position } = byKind.seq;
  const changes: readonly Partial<ObservedDetection>[] = [
    { deviceTime: now - 1 },
    { deviceTime: null },
    { type: 'ble' },
    { identity: '02:00:00:00:00:01' },
    { name: 'library' },
    { name: null },
    { security: 'wpa2,wpa3' },
    { security: null },
    { channel: 7 },
    { frequencyMhz: 2437.5 },
    { signalDbm: -62 },
    { signalDbm: null },
    { position: null },
    ...['lat', 'lon', 'altitude', 'accuracy', 'heading', 'speed'].map((part) => ({
      position: { ...(position ?? here), [part]: 1.5 },
    })),
    { capabilities: null },
    { metadata: '{}' },
  ];

  suite.test('finds a conflict in every field of a detection, and keeps the first', async (opened) => {
    for (const first of [byKind.seq, byKind.event_id]) {
      assert.deepEqual(await commitDetections(opened.store, first), ['stored']);
      const before = await listDetections(opened.store);
      for (const settled of [false, true]) {
        if (settled) await settle?.(opened.store);
        const changed = changes.map((change) => ({ ...first, ...change }));
        const outcomes = await commitDetections(opened.store, ...changed);
        for (const [at, outcome] of outcomes.entries()) {
          assert.equal(outcome, 'conflict', `${JSON.stringify(changes[at])}, settled: ${settled}`);
        }
      }
      assert.deepEqual(await listDetections(opened.store), before);
      assert.deepEqual(await commitDetections(opened.store, first), ['duplicate']);
    }
  });

  suite.test(
    'takes the detections of a group in order: the first of equal ones is stored',
    async (opened) => {
      const other = { ...countedDetection(1), signalDbm: -40 };
      const group = [countedDetection(1), countedDetection(1), other, countedDetection(2), other];
      const outcomes = await commitDetections(opened.store, ...group, countedDetection(2));
      assert.deepEqual(outcomes, ['stored', 'duplicate', 'conflict', 'stored', 'conflict', 'duplicate']);
      const items = await listDetections(opened.store);
      assert.deepEqual(
        items.map(({ seq, ordinal }) => [seq, ordinal]),
        [
          [2, 2],
          [1, 1],
        ],
      );
    },
  );
}

function sharedNumberTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('gives a number to one observation, be it a detection or an event', async (opened) => {
    const event = observation({ epoch: 'epoch-1', seq: 1 });
    const group = {
      observations: [event],
      rejected: [],
      detections: [countedDetection(1), countedDetection(2)],
    };
    assert.deepEqual(await opened.store.commit(group), ['conflict', 'stored', 'stored']);
    await settle?.(opened.store);
    assert.deepEqual(await opened.store.commit(group), ['conflict', 'duplicate', 'duplicate']);
    const late = {
      ...group,
      observations: [
        { ...event, seq: 2 },
        { ...event, seq: 4 },
      ],
      detections: [countedDetection(3), countedDetection(4)],
    };
    assert.deepEqual(await opened.store.commit(late), ['conflict', 'conflict', 'stored', 'stored']);
    assert.deepEqual(
      (await listDetections(opened.store)).map(({ seq }) => seq),
      [4, 3, 2, 1],
    );
  });

  suite.test('refuses a detection under a number that an event has', async (opened) => {
    const event = observation({ epoch: 'epoch-1', seq: 1 });
    assert.deepEqual(await opened.store.commit({ observations: [event], rejected: [] }), ['stored']);
    for (const settled of [false, true]) {
      if (settled) await settle?.(opened.store);
      assert.deepEqual(await commitDetections(opened.store, countedDetection(1)), ['conflict']);
      assert.deepEqual(await opened.store.commit({ observations: [event], rejected: [] }), ['duplicate']);
    }
    assert.deepEqual(await listDetections(opened.store), []);
  });
}

function roundTripTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('keeps every field of a detection as it was given', async (opened) => {
    const most = Number.MAX_SAFE_INTEGER;
    const hostile = '=1+1,"\n\u0000<é\u{1f600}';
    const deviceId = `A${'.:_@-9z'.repeat(20)}`.slice(0, 128);
    const given = [
      countedDetection(most, {
        deviceId,
        epoch: 'e:._-'.repeat(13).slice(0, 64),
        eventId: 'é"\\'.repeat(40),
      }),
      detection({ deviceTime: -62_167_219_200_000, timestamp: now, sentAt: 253_402_300_799_999 }),
      detection({ deviceId, type: 'cellular', identity: '310-260-42081-7711', channel: 4_294_967_295 }),
      detection({ type: 'bluetooth', name: hostile, capabilities: hostile.repeat(100), security: null }),
      detection({ type: 'ble', name: null, channel: null, frequencyMhz: null, signalDbm: null }),
      detection({
        position: null,
        capabilities: null,
        metadata: JSON.stringify({ text: 'ü'.repeat(40_000) }),
      }),
      detection({
        position: { lat: -90, lon: 180, altitude: -1e300, accuracy: 5e-324, heading: 359.9, speed: 0.1 },
        frequencyMhz: 0.1,
        signalDbm: -200,
        clockQuality: 'corrected',
      }),
      detection({
        position: { lat: -0.1, lon: 1 / 3, altitude: null, accuracy: 0, heading: 0, speed: null },
        signalDbm: -61.5,
        clockQuality: 'unknown',
      }),
    ];
    const outcomes = await commitDetections(opened.store, ...given);
    assert.deepEqual(
      outcomes,
      given.map(() => 'stored'),
    );
    for (const settled of [false, true]) {
      if (settled) await settle?.(opened.store);
      const items = await listDetections(opened.store);
      const kept = items.toSorted((a, b) => a.ordinal - b.ordinal);
      assert.deepEqual(
        kept,
        given.map((one, at) => ({ ...one, ordinal: at + 1 })),
      );
    }
  });
}

function listTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('lists detections newest first, of equal times the later committed first', async (opened) => {
    const at = (step: number, eventId: string) => detection({ eventId, timestamp: now - step * 1000 });
    await commitDetections(opened.store, at(5, 'a'), at(3, 'b'), at(5, 'c'));
    await settle?.(opened.store);
    await commitDetections(opened.store, at(3, 'd'), at(9, 'e'), at(0, 'f'));
    const read = async () => (await listDetections(opened.store)).map(({ eventId }) => eventId).join('');
    assert.equal(await read(), 'fdbcae');
    await settle?.(opened.store);
    assert.equal(await read(), 'fdbcae');
  });

  suite.test('shows every detection once, page by page, whatever comes in between', async (opened) => {
    const many = Array.from({ length: 120 }, (_, at) =>
      detection({ eventId: `d-${at}`, timestamp: now - ((at * 37) % 11) * 1000 }),
    );
    await commitDetections(opened.store, ...many.slice(0, 80));
    await settle?.(opened.store);
    await commitDetections(opened.store, ...many.slice(80));
    const whole = await listDetections(opened.store);
    assert.equal(whole.length, 120);
    for (const limit of [1, 7, 60, 119, 120]) {
      assert.deepEqual(await listDetections(opened.store, {}, limit), whole, `${limit} a page`);
    }
    const first = await opened.store.detections.list({ filter: {}, limit: 50 });
    assert.deepEqual(first.items, whole.slice(0, 50));
    await commitDetections(opened.store, detection({ eventId: 'fresh', timestamp: now }));
    await settle?.(opened.store);
    const after = first.next ?? undefined;
    const rest = await opened.store.detections.list({ filter: {}, limit: 1000, after });
    assert.deepEqual([...rest.items], whole.slice(50));
    assert.equal(rest.next, null);
  });
}
