import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import { openMemoryStore } from '../../../../src/adapters/store/memory/memory-store.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import type {
  DetectionFilter,
  DetectionKey,
  DetectionStore,
  GridAnswer,
  NamesakeQuery,
} from '../../../../src/ports/detection-store.ts';
import type { Store, StorePolicy } from '../../../../src/ports/store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const now = Date.UTC(2026, 10, 20, 12);
const policy: StorePolicy = { partial: 'failure' };
const world = { south: -90, west: -180, north: 90, east: 180 };

function detection(fields: Partial<ObservedDetection>): ObservedDetection {
  return {
    kind: 'detection',
    deviceId: 'pi-1',
    epoch: null,
    seq: null,
    eventId: null,
    deviceTime: null,
    sentAt: null,
    type: 'wifi',
    identity: '00:1A:2B:3C:4D:5E',
    name: null,
    security: null,
    channel: null,
    frequencyMhz: null,
    signalDbm: null,
    position: null,
    capabilities: null,
    metadata: null,
    receivedAt: now,
    timestamp: now,
    clockQuality: 'ok',
    ...fields,
  };
}

const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 3 });

/** Letters whose lower case is longer, is ASCII or depends on what follows, U+0000, and what stands for it in the tables. */
const letters = [
  '\0',
  '\u0001',
  '\u0002',
  'a',
  'A',
  'k',
  '\u212a',
  '\u0130',
  'i',
  'I',
  '\u03a3',
  'ß',
  'É',
  'é',
];
const anyText = fc
  .array(fc.constantFrom(...letters, "'", '\\', '"', '%', '_', '\u{1f600}', '\uffff'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((characters) => characters.join(''));

const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
const anyLat = fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(-90, -0, 0, 52.5, 90));
const anyLon = fc.oneof(
  fc.double({ min: -180, max: 180, noNaN: true }),
  fc.constantFrom(-180, -0, 0, 13.4, 179.9, -179.9, 180),
);
/** Any date that a device may tell. */
const anyTime = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });
const security = fc.constantFrom('open', 'wpa2', 'wpa2,wpa3', 'wpa2,eap');

const anyDetection: fc.Arbitrary<ObservedDetection> = fc
  .record({
    deviceId: fc.constantFrom('pi-1', 'pi-2'),
    timestamp: fc.nat({ max: 10 }).map((step) => now - step * 86_400_000 * 7),
    deviceTime: option(anyTime),
    sentAt: option(anyTime),
    type: fc.constantFrom('wifi' as const, 'ble' as const),
    identity: fc.constantFrom('00:1A:2B:3C:4D:5E', '02:1A:2B:3C:4D:5E', '00:00:00:00:00:0A'),
    name: option(anyText),
    security: option(security),
    channel: option(fc.constantFrom(0, 6, 4_294_967_295)),
    frequencyMhz: option(anyDouble),
    signalDbm: option(fc.double({ min: -200, max: 0, noNaN: true })),
    position: option(
      fc.record({
        lat: anyLat,
        lon: anyLon,
        altitude: option(anyDouble),
        accuracy: option(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
        heading: option(anyDouble),
        speed: option(anyDouble),
      }),
    ),
    capabilities: option(anyText),
    metadata: option(anyText),
    clockQuality: fc.constantFrom('ok' as const, 'corrected' as const, 'unknown' as const),
  })
  // Records of fast-check have no prototype.
  .map((fields) => detection({ ...fields, position: fields.position && { ...fields.position } }));

const anyBox = fc
  .tuple(anyLat, anyLat, anyLon, anyLon)
  .map(([a, b, west, east]) => ({ south: Math.min(a, b), west, north: Math.max(a, b), east }));

const anyFilter: fc.Arbitrary<DetectionFilter> = fc
  .record({
    box: anyBox,
    around: fc.record({ lat: anyLat, lon: anyLon, radius: fc.double({ min: 0, max: 2e7, noNaN: true }) }),
    from: fc.integer({ min: now - 86_400_000 * 40, max: now }).map((time) => time + 0.5),
    search: anyText,
    name: anyText,
    security: fc.constantFrom('open', 'wpa3', 'wpa'),
    minSignal: fc.double({ min: -200, max: 0, noNaN: true }),
    types: fc.constantFrom(['ble' as const], ['wifi' as const, 'cellular' as const]),
  })
  .chain((whole) => fc.subarray(Object.entries(whole), { maxLength: 2 }))
  .map((entries) => Object.fromEntries(entries));

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

/** Runs with a store in PostgreSQL and the model, which were given the same in groups. */
async function withBoth(
  groups: readonly (readonly ObservedDetection[])[],
  use: (store: Store, model: Store) => Promise<void>,
): Promise<void> {
  const place = await server.createDatabase();
  const store = await openPostgresStore(place, policy);
  const model = await openMemoryStore(policy);
  try {
    for (const detections of groups) {
      const group = { observations: [], rejected: [], detections };
      assert.deepEqual(await store.commit(group), await model.commit(group));
    }
    await use(store, model);
  } finally {
    await store.close();
    await model.close();
    await server.dropDatabase(place);
  }
}

async function listAll(detections: DetectionStore, filter: DetectionFilter, limit: number) {
  const items = [];
  for (let after: DetectionKey | undefined; ; ) {
    const page = await detections.list({ filter, limit, after });
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}

const plain = (answer: GridAnswer) =>
  JSON.stringify(answer, (_, value) => (value instanceof Float64Array ? [...value].map(String) : value));

async function namesakesOf(detections: DetectionStore, limit: number) {
  const found = [];
  for (let after: NamesakeQuery['after']; ; ) {
    const page = await detections.namesakes({ limit, after });
    found.push(...page.map(({ name, networks }) => [name, networks.map(({ identity }) => identity)]));
    if (page.length < limit) return found;
    after = page.at(-1)?.name;
  }
}

describe('detections in PostgreSQL', () => {
  it('come back bit for bit, and are found as the model finds them', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyDetection, { minLength: 1, maxLength: 40 }),
        fc.array(anyFilter, { minLength: 3, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat({ max: 24 }),
        (detections, filters, limit, zoom) =>
          withBoth([detections.slice(0, 7), detections.slice(7)], async (store, model) => {
            for (const filter of [{}, ...filters]) {
              const expected = await listAll(model.detections, filter, limit);
              assert.deepEqual(await listAll(store.detections, filter, limit), expected);
              const box = filter.box ?? world;
              for (const most of [2, 65_536]) {
                const query = { filter: { ...filter, box }, zoom, limit: most };
                assert.equal(
                  plain(await store.detections.grid(query)),
                  plain(await model.detections.grid(query)),
                );
              }
            }
            assert.deepEqual(
              await namesakesOf(store.detections, 2),
              await namesakesOf(model.detections, 1000),
            );
          }),
      ),
      { numRuns: 15 },
    ));

  it('are many of many networks in one commit, and in one answer', async () => {
    const count = 5_000;
    const many = Array.from({ length: count }, (_, at) => {
      const address = (at % 3_000).toString(16).toUpperCase().padStart(4, '0');
      return detection({
        identity: `00:1A:2B:3C:${address.slice(0, 2)}:${address.slice(2)}`,
        timestamp: now - (at % 977) * 1000,
        name: at % 7 === 0 ? `caf\u00e9 ${at % 50}` : `\0 ${at % 50}`,
        security: at % 3 === 0 ? 'open' : 'wpa2',
        signalDbm: -90 + (at % 60),
        position: {
          lat: 52 + (at % 100) / 1e3,
          lon: 13.4,
          altitude: null,
          accuracy: 5,
          heading: null,
          speed: null,
        },
      });
    });
    await withBoth([many, many.slice(0, 100)], async (store, model) => {
      const all = { filter: {}, limit: 10_000 };
      assert.deepEqual(await store.detections.list(all), await model.detections.list(all));
      const found = { filter: { search: 'CAF\u00c9 7' }, limit: 3 };
      const [page, expected] = [await store.detections.list(found), await model.detections.list(found)];
      assert.deepEqual(page, expected);
      assert.equal(page.items.length, 3);
      const places = async (detections: DetectionStore) =>
        (await detections.networks(all)).items.map(({ position, ...rest }) => rest);
      assert.deepEqual(await places(store.detections), await places(model.detections));
      const changes = { from: now - 86_400_000, to: now + 1, limit: 2_000 };
      assert.deepEqual(await store.detections.changes(changes), await model.detections.changes(changes));
      assert.deepEqual(await namesakesOf(store.detections, 20), await namesakesOf(model.detections, 1000));
    });
  });

  it('are found behind very many others that are newer', async () => {
    const count = 20_000;
    const many = Array.from({ length: count }, (_, at) => {
      const address = at.toString(16).toUpperCase().padStart(4, '0');
      const seldom = at % 100 === 0 && at > 19_000;
      return detection({
        identity: `00:1A:2B:3C:${address.slice(0, 2)}:${address.slice(2)}`,
        timestamp: now - Math.floor(at / 3) * 1000,
        name: seldom ? 'CAF\u00c9' : at % 2 === 0 ? 'caf\u00e8' : 'cafe',
      });
    });
    const groups = [many.slice(0, 8_000), many.slice(8_000, 14_000), many.slice(14_000)];
    await withBoth(groups, async (store, model) => {
      for (const limit of [2, 100]) {
        const page = { filter: { search: 'caf\u00e9' }, limit };
        const found = await store.detections.list(page);
        assert.deepEqual(found, await model.detections.list(page));
        assert.equal(found.items.length, Math.min(limit, 9));
        const networks = await store.detections.networks(page);
        assert.deepEqual(networks, await model.detections.networks(page));
        const next = { ...page, after: networks.next ?? undefined };
        assert.deepEqual(await store.detections.networks(next), await model.detections.networks(next));
      }
    });
  });

  it('are searched in the lower case of JavaScript, not of the database', async () => {
    const names = [
      'Kelvin',
      '\u212aelvin',
      '\u0130stanbul',
      'Istanbul',
      'i\u0307',
      '\u03a3\u03a3',
      '\u03c2',
      'Stra\u00dfe',
      'a\0K',
    ];
    const searches = [
      'k',
      'K',
      '\u212a',
      'ELVIN',
      'i',
      '\u0130',
      'i\u0307s',
      '\u03c3',
      '\u03c2',
      'SS',
      '\0',
      '\0k',
      "'",
      '',
    ];
    const position = { lat: 52.5, lon: 13.4, altitude: null, accuracy: null, heading: null, speed: null };
    const heard = names.map((name, at) => detection({ name, position, identity: `00:1A:2B:3C:4D:0${at}` }));
    await withBoth([heard], async (store, model) => {
      for (const search of searches) {
        const page = { filter: { search }, limit: 100 };
        assert.deepEqual(await store.detections.list(page), await model.detections.list(page));
        const grid = { filter: { search, box: world }, zoom: 10, limit: 10 };
        assert.equal(
          plain(await store.detections.grid(grid)),
          plain(await model.detections.grid(grid)),
          search,
        );
        const [found, expected] = [
          await store.detections.networkGrid(grid),
          await model.detections.networkGrid(grid),
        ];
        assert.equal(plain(found), plain(expected), search);
      }
    });
  });

  it('lie in the boxes that the model finds them in, on both sides of the antimeridian', async () => {
    const [places] = fc.sample(
      fc.array(fc.record({ lat: anyLat, lon: anyLon }), { minLength: 200, maxLength: 200 }),
      { numRuns: 1, seed: 7 },
    );
    const heard = (places ?? []).map(({ lat, lon }, at) =>
      detection({
        identity: `00:1A:2B:3C:4D:${(at % 99).toString().padStart(2, '0')}`,
        position: { lat, lon, altitude: null, accuracy: null, heading: null, speed: null },
      }),
    );
    await withBoth([heard], (store, model) =>
      fc.assert(
        fc.asyncProperty(anyBox, fc.nat({ max: 24 }), async (box, zoom) => {
          const page = { filter: { box }, limit: 1000 };
          assert.deepEqual(await store.detections.list(page), await model.detections.list(page));
          const grid = { filter: { box }, zoom, limit: 1000 };
          assert.equal(plain(await store.detections.grid(grid)), plain(await model.detections.grid(grid)));
        }),
        { numRuns: 60 },
      ),
    );
  });
});
