import assert from 'node:assert/strict';
import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import type { NetworkRecord } from '../../ports/detection-store.ts';
import { now } from '../make-events.ts';
import { type OpenedStore, type StoreSuite, usualPolicy } from '../suite-recorder.ts';
import { anyQuestions, anySightings } from './any-networks.ts';
import { assertNetworks, assertSameNetworks, listNetworks, networksOf } from './compare-networks.ts';
import { commitDetections, detection, here } from './make-detections.ts';

const key = { type: 'wifi', identity: '00:1A:2B:3C:4D:5E' } as const;
const second = 1000;

/** A detection `step` seconds from {@link now}, with an identity of its own. */
function sighting(step: number, fields: Partial<ObservedDetection> = {}): ObservedDetection {
  const timestamp = now + step * second;
  return detection({ timestamp, eventId: `${step} ${JSON.stringify(fields)}`, ...fields });
}

function at(lat: number, lon: number): Pick<ObservedDetection, 'position'> {
  return { position: { ...here, lat, lon } };
}

/** Registers what must hold for what is known of networks. */
export function networkTests(suite: StoreSuite): void {
  recordTests(suite);
  variantTests(suite);
  listTests(suite);
  gridTests(suite);
  changeTests(suite);
  namesakeTests(suite);
  setTests(suite);
}

function recordTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('sums up a network whatever the order of arrival', async (opened) => {
    await commitDetections(
      opened.store,
      sighting(-5, { signalDbm: -50, ...at(10, 20) }),
      sighting(-1, { channel: 11, frequencyMhz: 2462, signalDbm: -70, ...at(10, 20.002) }),
    );
    await settle?.(opened.store);
    await commitDetections(opened.store, sighting(-9, { signalDbm: null, position: null }));
    const expected: NetworkRecord = {
      ...key,
      name: 'Library',
      security: 'wpa2',
      channel: 11,
      frequencyMhz: 2462,
      firstSeenAt: now - 9 * second,
      lastSeenAt: now - second,
      detections: 3,
      strongest: { signalDbm: -50, lat: 10, lon: 20 },
      // The second place weighs a tenth of the first.
      position: { lat: 10, lon: 20.0001818, observations: 2 },
    };
    assertNetworks(await networksOf(opened.store), [expected]);
  });

  suite.test('counts a repeated detection once', async (opened) => {
    const one = sighting(0);
    await commitDetections(opened.store, one, one);
    await commitDetections(opened.store, one);
    assert.equal((await networksOf(opened.store))[0]?.detections, 1);
  });

  suite.test('takes the later committed of detections of one time', async (opened) => {
    await commitDetections(opened.store, sighting(0, { name: 'a', signalDbm: -60, ...at(1, 1) }));
    await commitDetections(opened.store, sighting(0, { name: 'b', signalDbm: -60, ...at(1, 2) }));
    await commitDetections(opened.store, sighting(0, { name: 'c', signalDbm: -60, position: null }));
    const [found] = await networksOf(opened.store);
    assert.equal(found?.name, 'c');
    assert.deepEqual(found?.strongest, { signalDbm: -60, lat: 1, lon: 2 });
  });

  suite.test('estimates a position across the antimeridian, and none without positions', async (opened) => {
    const bare = { identity: '00:00:00:00:00:02', position: null };
    await commitDetections(
      opened.store,
      sighting(0, at(5, 179.99)),
      sighting(1, at(5, -179.97)),
      sighting(-1, bare),
    );
    const [found, unplaced] = await networksOf(opened.store);
    assert.ok(Math.abs((found?.position?.lon ?? 0) + 179.99) < 1e-6);
    assert.equal(unplaced?.position, null);
  });
}

function variantTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('tells what a network was seen as, and nothing of one that was never seen', async (opened) => {
    const { store } = opened;
    assert.equal(await store.detections.network(key), undefined);
    await commitDetections(store, sighting(-9), sighting(-3, { name: null, security: 'open' }));
    await settle?.(store);
    await commitDetections(store, sighting(-1), sighting(-5, { name: 'Other' }));
    const found = await store.detections.network(key);
    const seen = (first: number, last: number) => ({
      firstSeenAt: now + first * second,
      lastSeenAt: now + last * second,
    });
    assert.deepEqual(found?.variants, [
      { name: 'Library', security: 'wpa2', ...seen(-9, -1), detections: 2 },
      { name: 'Other', security: 'wpa2', ...seen(-5, -5), detections: 1 },
      { name: null, security: 'open', ...seen(-3, -3), detections: 1 },
    ]);
    assert.equal(found?.detections, 4);
    assert.equal(await store.detections.network({ ...key, type: 'ble' }), undefined);
  });
}

function listTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('lists networks newest seen first, then by type and identity, page by page', async (opened) => {
    const radios = [
      ['cellular', '310-260-42081-7711'],
      ['ble', '00:00:00:00:00:01'],
      ['wifi', '00:00:00:00:00:02'],
      ['wifi', '00:00:00:00:00:01'],
    ] as const;
    await commitDetections(
      opened.store,
      ...radios.map(([type, identity]) => sighting(0, { type, identity })),
    );
    await settle?.(opened.store);
    await commitDetections(opened.store, sighting(-1), sighting(1, { identity: 'FE:00:00:00:00:01' }));
    const found = await listNetworks(opened.store.detections, {}, 2);
    assert.deepEqual(
      found.map(({ type, identity }) => `${type} ${identity}`),
      [
        'wifi FE:00:00:00:00:01',
        'wifi 00:00:00:00:00:01',
        'wifi 00:00:00:00:00:02',
        'ble 00:00:00:00:00:01',
        'cellular 310-260-42081-7711',
        'wifi 00:1A:2B:3C:4D:5E',
      ],
    );
  });

  suite.test('finds networks by each condition', async (opened) => {
    const other = { identity: '3C:00:00:00:00:0F', type: 'bluetooth', name: 'Ärmel' } as const;
    await commitDetections(
      opened.store,
      sighting(-9, { signalDbm: -40, ...at(10, 20) }),
      sighting(-2, at(10, 20)),
    );
    await commitDetections(opened.store, sighting(-4, { ...other, security: 'wpa2,eap', ...at(-10, 179.5) }));
    const find = async (filter: Parameters<typeof listNetworks>[1]) =>
      (await listNetworks(opened.store.detections, filter)).map(({ name }) => name);
    assert.deepEqual(await find({}), ['Library', 'Ärmel']);
    assert.deepEqual(await find({ types: ['bluetooth', 'ble'] }), ['Ärmel']);
    assert.deepEqual(await find({ security: 'eap' }), ['Ärmel']);
    assert.deepEqual(await find({ minSignal: -40 }), ['Library']);
    assert.deepEqual(await find({ name: 'Library' }), ['Library']);
    assert.deepEqual(await find({ name: 'library' }), []);
    assert.deepEqual(await find({ search: 'äRM' }), ['Ärmel']);
    assert.deepEqual(await find({ search: '3c:4d' }), ['Library']);
    assert.deepEqual(await find({ firstSeenFrom: now - 4 * second }), ['Ärmel']);
    assert.deepEqual(await find({ lastSeenFrom: now - 3 * second }), ['Library']);
    assert.deepEqual(await find({ box: { south: 10, west: 20, north: 10, east: 20 } }), ['Library']);
    assert.deepEqual(await find({ box: { south: -20, west: 170, north: 20, east: -170 } }), ['Ärmel']);
    assert.deepEqual(await find({ search: 'r', types: ['wifi'], security: 'wpa2' }), ['Library']);
  });
}

function gridTests(suite: StoreSuite): void {
  suite.test('counts networks by map tile, each once and where it is estimated to be', async (opened) => {
    const near = { identity: '00:00:00:00:00:01', signalDbm: -30 };
    await commitDetections(opened.store, sighting(0, at(10, 20)), sighting(1, at(10, 20)), sighting(2));
    await commitDetections(
      opened.store,
      sighting(0, { ...near, ...at(10, 20) }),
      sighting(0, { position: null }),
    );
    const world = { south: -90, west: -180, north: 90, east: 180 };
    const found = await opened.store.detections.networkGrid({
      filter: { box: world },
      zoom: 0,
      limit: 10,
    });
    assert.deepEqual([...found.counts], [2]);
    assert.deepEqual([...found.strongest], [-30]);
    const none = await opened.store.detections.networkGrid({
      filter: { box: world, minSignal: -29 },
      zoom: 0,
      limit: 10,
    });
    assert.deepEqual([[...none.counts], none.complete], [[], true]);
  });
}

function changeTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('tells what is new, and takes back what a late detection explains', async (opened) => {
    const { store } = opened;
    const read = async (from: number, to: number, limit = 10) => {
      const query = { from: now + from * second, to: now + to * second, limit };
      const found = await store.detections.changes(query);
      return found.map(({ kind, timestamp, name, before }) => [
        kind,
        (timestamp - now) / second,
        name,
        before?.name ?? null,
      ]);
    };
    await commitDetections(store, sighting(-9), sighting(-5, { name: 'Other' }));
    await settle?.(store);
    await commitDetections(
      store,
      sighting(-3, { security: 'open' }),
      sighting(-7, { identity: '00:00:00:00:00:01' }),
    );
    const expected = [
      ['security_changed', -3, 'Library', 'Other'],
      ['name_changed', -5, 'Other', 'Library'],
      ['new_network', -7, 'Library', null],
      ['new_network', -9, 'Library', null],
    ];
    assert.deepEqual(await read(-9, 0), expected);
    assert.deepEqual(await read(-7, -3), expected.slice(1, 3));
    assert.deepEqual(await read(-9, 0, 2), expected.slice(0, 2));
    await commitDetections(store, sighting(-12, { name: 'Other', security: 'open' }));
    assert.deepEqual(await read(-20, 0), [
      ['new_network', -7, 'Library', null],
      ['name_changed', -9, 'Library', 'Other'],
      ['security_changed', -9, 'Library', 'Other'],
      ['new_network', -12, 'Other', null],
    ]);
  });
}

function namesakeTests(suite: StoreSuite): void {
  suite.test('tells the networks of a name that an evil twin could hide among', async (opened) => {
    const { store } = opened;
    const mac = (last: number, first = '00') => ({ identity: `${first}:00:00:00:00:0${last}` });
    await commitDetections(
      store,
      sighting(-9, { name: 'mixed', ...mac(1) }),
      sighting(-10, { name: 'mixed', security: 'open', ...mac(2) }),
      sighting(-9, { name: 'alike', ...mac(3) }),
      sighting(-9, { name: 'alike', security: null, ...mac(4) }),
      sighting(-9, { name: 'made up', ...mac(5) }),
      sighting(-9, { name: 'made up', ...mac(6, '02') }),
      sighting(-9, { name: 'other radios', ...mac(7) }),
      sighting(-9, { name: 'other radios', security: 'open', type: 'bluetooth', ...mac(7) }),
      sighting(-9, { name: 'renamed', ...mac(8) }),
      sighting(-9, { name: 'renamed', security: 'open', ...mac(9) }),
    );
    await commitDetections(store, sighting(-1, { name: 'renamed since', ...mac(9) }));
    const found = await store.detections.namesakes({ limit: 10 });
    assert.deepEqual(
      found.map(({ name, networks }) => [name, ...networks.map(({ identity }) => identity)]),
      [
        ['made up', '00:00:00:00:00:05', '02:00:00:00:00:06'],
        ['mixed', '00:00:00:00:00:02', '00:00:00:00:00:01'],
      ],
    );
    const [first] = await store.detections.namesakes({ limit: 1 });
    assert.equal(first?.name, 'made up');
    const [next] = await store.detections.namesakes({ limit: 1, after: 'made up' });
    assert.equal(next?.name, 'mixed');
  });
}

/** Commits in groups as large as `sizes` say, one after the other. */
async function commitAll(
  { store }: Pick<OpenedStore, 'store'>,
  all: readonly ObservedDetection[],
  sizes: readonly number[],
): Promise<void> {
  for (let done = 0, group = 0; done < all.length; group++) {
    const size = sizes[group % sizes.length] as number;
    await commitDetections(store, ...all.slice(done, done + size));
    done += size;
  }
}

function setTests(suite: StoreSuite): void {
  const { settle, model, supports } = suite.options;
  const anySizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });

  suite.test(
    'knows the same of networks after it has settled, and after it was opened again',
    async (opened) => {
      const [all, sizes] = fc.sample(fc.tuple(anySightings, anySizes), { numRuns: 1, seed: 7 })[0] as [
        readonly ObservedDetection[],
        number[],
      ];
      await commitAll(opened, all, sizes);
      const before = await networksOf(opened.store);
      assert.ok(before.length > 3);
      await settle?.(opened.store);
      assert.deepEqual(await networksOf(opened.store), before);
      if (!supports.durable) return;
      await opened.reopen();
      assert.deepEqual(await networksOf(opened.store), before);
    },
  );

  if (model === undefined) return;
  suite.test('knows of networks what the model knows', async () => {
    await fc.assert(
      fc.asyncProperty(anySightings, anySizes, anyQuestions, async (all, sizes, questions) => {
        const expected = await model(usualPolicy);
        try {
          await commitDetections(expected, ...all);
          await suite.withStore(async (opened) => {
            await commitAll(opened, all, sizes);
            const [actual, known] = [opened.store.detections, expected.detections];
            await assertSameNetworks(actual, known, questions);
            await settle?.(opened.store);
            await assertSameNetworks(actual, known, questions);
          }, usualPolicy);
        } finally {
          await expected.close();
        }
      }),
      { numRuns: 6 },
    );
  });
}
