import assert from 'node:assert/strict';
import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import type { DetectionFilter, GridAnswer, StoredDetection } from '../../ports/detection-store.ts';
import { now } from '../make-events.ts';
import { type StoreSuite, usualPolicy } from '../suite-recorder.ts';
import { anyBox, anyDetections, anyFilter } from './any-detections.ts';
import { isExpected, metresFromCircle } from './expected-detections.ts';
import { commitDetections, detection, here, listDetections } from './make-detections.ts';

/** Registers what must hold for questions with conditions: lists and grids. */
export function detectionFilterTests(suite: StoreSuite): void {
  filterTests(suite);
  gridTests(suite);
  propertyTests(suite);
}

function filterTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const place = (lat: number, lon: number) => ({ position: { ...here, lat, lon } });
  const given: Readonly<Record<string, Partial<ObservedDetection>>> = {
    usual: {},
    loud: { signalDbm: -30, timestamp: now - 1000 },
    faint: { signalDbm: -95, ...place(52.53, 13.405) },
    silent: { signalDbm: null, ...place(52.52, 13.5) },
    open: { security: 'open', name: 'Café', ...place(48.1, 11.6) },
    mixed: { security: 'wpa2,wpa3', name: null, timestamp: now - 5000 },
    ble: { type: 'ble', security: null, identity: '02:00:00:00:00:01', deviceId: 'pi-2', position: null },
    cell: { type: 'cellular', security: null, identity: '310-260-42081-7711', ...place(-17, -179.9) },
    fiji: { name: 'Library west', ...place(-17, 179.9) },
  };
  const names = Object.keys(given);
  const all = names.join(' ');
  const without = (...left: readonly string[]) => names.filter((name) => !left.includes(name)).join(' ');
  const berlin = { south: 52.51, west: 13.4, north: 52.53, east: 13.45 };
  const cases: readonly (readonly [string, DetectionFilter, string])[] = [
    ['nothing', {}, all],
    ['box', { box: berlin }, 'usual loud faint mixed'],
    ['box over the antimeridian', { box: { south: -20, west: 179, north: 0, east: -179 } }, 'cell fiji'],
    ['radius', { around: { lat: 52.52, lon: 13.405, radius: 1000 } }, 'usual loud mixed'],
    ['larger radius', { around: { lat: 52.52, lon: 13.405, radius: 1200 } }, 'usual loud faint mixed'],
    ['radius over the antimeridian', { around: { lat: -17, lon: 180, radius: 11_000 } }, 'cell fiji'],
    ['from', { from: now - 1000 }, without('mixed')],
    ['to', { to: now - 1000 }, 'mixed'],
    ['one type', { types: ['ble'] }, 'ble'],
    ['types', { types: ['ble', 'cellular', 'bluetooth'] }, 'ble cell'],
    ['no types', { types: [] }, ''],
    ['security', { security: 'wpa3' }, 'mixed'],
    ['security of a list', { security: 'wpa2' }, without('open', 'ble', 'cell')],
    ['weakest signal', { minSignal: -61 }, without('faint', 'silent')],
    ['strongest signal', { maxSignal: -62 }, 'faint'],
    ['devices', { deviceIds: ['pi-2', 'nobody'] }, 'ble'],
    ['identity', { identity: '310-260-42081-7711' }, 'cell'],
    ['name', { name: 'Library' }, without('open', 'mixed', 'fiji')],
    ['part of a name', { search: 'LIBRARY W' }, 'fiji'],
    ['part of a name with accents', { search: 'fÉ' }, 'open'],
    ['all of it', { box: berlin, types: ['wifi'], minSignal: -70, search: 'lib', from: now }, 'usual'],
  ];

  suite.test('finds detections by each condition, and by many', async (opened) => {
    const detections = names.map((name) => detection({ eventId: name, ...given[name] }));
    await commitDetections(opened.store, ...detections.slice(0, 5));
    await settle?.(opened.store);
    await commitDetections(opened.store, ...detections.slice(5));
    for (const settled of [false, true]) {
      if (settled) await settle?.(opened.store);
      for (const [title, filter, expected] of cases) {
        const found = await listDetections(opened.store, filter);
        const shown = names.filter((name) => found.some(({ eventId }) => eventId === name)).join(' ');
        assert.equal(shown, expected, `${title}, settled: ${settled}`);
        assert.equal(found.length, shown.split(' ').filter(Boolean).length);
      }
    }
  });
}

/** Cells as rows of plain numbers, for comparing. */
function plainCells({ x, y, counts, strongest, lats, lons }: GridAnswer): readonly (readonly unknown[])[] {
  return Array.from(x, (_, at) => [x[at], y[at], counts[at], strongest[at], lats[at], lons[at]]);
}

const world = { south: -90, west: -180, north: 90, east: 180 };

function gridTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const at = (lat: number, lon: number, signalDbm: number | null, eventId: string) =>
    detection({ eventId, signalDbm, position: { ...here, lat, lon } });

  suite.test(
    'counts detections by map tile, with the strongest signal and the mean position',
    async (opened) => {
      const given = [
        at(10, 20, -70, 'a'),
        at(20, 30, -50, 'b'),
        at(-10, 20, null, 'c'),
        at(89, -180, -90, 'd'),
      ];
      await commitDetections(opened.store, ...given, detection({ position: null }));
      const read = async (limit: number) => {
        const query = { filter: { box: world }, zoom: 1, limit };
        const answer = await opened.store.detections.grid(query);
        return { cells: plainCells(answer), complete: answer.complete };
      };
      const cells = [
        [0, 0, 1, -90, 89, -180],
        [1, 0, 2, -50, 15, 25],
        [1, 1, 1, Number.NaN, -10, 20],
      ];
      for (const settled of [false, true]) {
        if (settled) await settle?.(opened.store);
        assert.deepEqual(await read(3), { cells, complete: true });
        assert.deepEqual(await read(2), { cells: cells.slice(0, 2), complete: false });
        assert.deepEqual(await read(1), { cells: [cells[1]], complete: false });
      }
    },
  );

  suite.test('leaves out of a grid what is outside of the box or fails a condition', async (opened) => {
    await commitDetections(
      opened.store,
      at(10, 20, -70, 'a'),
      at(10.1, 20, -50, 'b'),
      at(10, 20.1, -40, 'c'),
    );
    const box = { south: 10, west: 20, north: 10.05, east: 20.2 };
    const count = async (filter: DetectionFilter) => {
      const query = { filter: { ...filter, box }, zoom: 24, limit: 65_536 };
      const { counts } = await opened.store.detections.grid(query);
      return counts.reduce((sum, each) => sum + each, 0);
    };
    assert.deepEqual(
      [await count({}), await count({ minSignal: -60 }), await count({ name: 'x' })],
      [2, 1, 0],
    );
  });
}

/** True where rounding could put a place on either side of the circle's edge. */
function isOnEdge({ position }: ObservedDetection, { around }: DetectionFilter): boolean {
  if (around === undefined || position === null) return false;
  return Math.abs(metresFromCircle(position.lat, position.lon, around)) < 0.1;
}

function expectedList(given: readonly ObservedDetection[], filter: DetectionFilter): StoredDetection[] {
  return given
    .map((one, at) => ({ ...one, ordinal: at + 1 }))
    .filter((one) => isExpected(one, filter))
    .sort((a, b) => b.timestamp - a.timestamp || b.ordinal - a.ordinal);
}

function propertyTests(suite: StoreSuite): void {
  const { settle, numRuns = 60 } = suite.options;

  suite.test('answers any filter as a look at each detection does, settled or not', () =>
    fc.assert(
      fc.asyncProperty(
        anyDetections,
        fc.array(anyFilter, { minLength: 1, maxLength: 4 }),
        fc.array(anyBox, { maxLength: 2 }),
        fc.nat({ max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat({ max: 24 }),
        (given, filters, boxes, cut, limit, zoom) =>
          suite.withStore(async ({ store }) => {
            fc.pre(filters.every((filter) => !given.some((one) => isOnEdge(one, filter))));
            await commitDetections(store, ...given.slice(0, cut));
            await settle?.(store);
            await commitDetections(store, ...given.slice(cut));
            for (const settled of [false, true]) {
              if (settled) await settle?.(store);
              for (const filter of filters) {
                assert.deepEqual(await listDetections(store, filter, limit), expectedList(given, filter));
              }
              for (const box of boxes) {
                const filter = { ...filters[0], box };
                const { counts, complete } = await store.detections.grid({ filter, zoom, limit: 65_536 });
                const sum = counts.reduce((total, count) => total + count, 0);
                assert.deepEqual([sum, complete], [expectedList(given, filter).length, true]);
              }
            }
          }, usualPolicy),
      ),
      { numRuns },
    ),
  );
}
