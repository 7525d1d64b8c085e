import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  crossings,
  type Geofence,
  type LonLat,
  type TrackStep,
} from '../../../src/core/detections/geofence.ts';
import { greatCircle } from '../../../src/core/detections/great-circle.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

type Place = readonly [lon: number, lat: number, accuracy?: number];

function track(...places: readonly Place[]): TrackStep[] {
  return places.map(([lon, lat, accuracy], at) => ({ timestamp: at, lat, lon, accuracy: accuracy ?? null }));
}

const shown = (fence: Geofence, ...places: readonly Place[]) =>
  [...crossings(fence, track(...places))].map(
    ({ kind, timestamp, since }) => `${kind} ${since}-${timestamp}`,
  );

const square = (west: number, south: number, east: number, north: number): LonLat[] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
];

describe('crossings', () => {
  const circle = { lat: 0, lon: 0, radius: 1000 };
  const metre = 1 / greatCircle(0, 0, 0, 1);

  test('tells when a track went in and out, and between which positions', () => {
    const places: Place[] = [2000, 1500, 900, 0, -900, -1100, -2000, 0].map((x) => [x * metre, 0]);
    assert.deepEqual(shown(circle, ...places), ['enter 1-2', 'leave 4-5', 'enter 6-7']);
    assert.deepEqual(shown(circle, [0, 0], [1, 0]), ['enter null-0', 'leave 0-1']);
    assert.deepEqual(shown(circle, [1, 0], [2, 0]), []);
    assert.deepEqual(shown(circle), []);
    const [enter] = crossings(circle, track([1, 0], [0.001, 0.002]));
    assert.deepEqual([enter?.lat, enter?.lon], [0.002, 0.001]);
  });

  test('a position within its own accuracy of the border changes nothing', () => {
    const wavering = [2000, 990, 1010, 995, 1005, 985].map((x): Place => [x * metre, 0, 20]);
    assert.deepEqual(shown(circle, ...wavering), []);
    assert.deepEqual(shown(circle, ...wavering, [970 * metre, 0, 20], [1015 * metre, 0, 20]), ['enter 0-6']);
    const exact = wavering.map(([x, y]): Place => [x, y]);
    assert.equal(shown(circle, ...exact).length, 5);
  });

  test('knows polygons with holes, closed or not', () => {
    const rings = [square(0, 0, 10, 10), square(4, 4, 6, 6)];
    const places: Place[] = [
      [-1, 5],
      [1, 5],
      [5, 5],
      [7, 5],
      [11, 5],
      [5, 11],
      [5, 9.999],
    ];
    const expected = ['enter 0-1', 'leave 1-2', 'enter 2-3', 'leave 3-4', 'enter 5-6'];
    assert.deepEqual(shown({ rings }, ...places), expected);
    const closed = rings.map((ring) => [...ring, ring[0] as LonLat]);
    assert.deepEqual(shown({ rings: closed }, ...places), expected);
    const near: Place[] = [
      [5, 11],
      [5, 10 - 15 * metre, 20],
      [5, 4 - 15 * metre, 20],
      [5, 4 - 25 * metre, 20],
    ];
    assert.deepEqual(shown({ rings }, ...near), ['enter 0-3']);
  });

  test('knows polygons that cross the antimeridian, whichever way their longitudes are written', () => {
    const places: Place[] = [
      [175, 0],
      [179, 0],
      [180, 0],
      [-180, 0],
      [-179, 0],
      [-175, 0],
      [0, 0],
      [179, 0],
    ];
    for (const ring of [square(178, -1, -178, 1), square(-182, -1, -178, 1), square(178, -1, 182, 1)]) {
      assert.deepEqual(shown({ rings: [ring] }, ...places), ['enter 0-1', 'leave 4-5', 'enter 6-7']);
    }
  });

  test('refuses what has no inside', () => {
    const around: LonLat[] = [
      [0, 80],
      [120, 80],
      [-120, 80],
    ];
    const fences: Geofence[] = [
      { rings: [] },
      { rings: [[]] },
      {
        rings: [
          [
            [0, 0],
            [1, 1],
            [0, 0],
          ],
        ],
      },
      { rings: [around] },
      { ...circle, radius: 0 },
    ];
    for (const fence of fences) {
      assert.throws(() => [...crossings(fence, [])], { code: 'invalid_parameter' }, JSON.stringify(fence));
    }
  });

  test('takes turns, and agrees with the square that it was given, wherever that lies', () => {
    const anyLon = fc.integer({ min: -180, max: 179 });
    const anyPlaces = fc.array(
      fc.tuple(fc.double({ min: -30, max: 30, noNaN: true }), fc.double({ min: -30, max: 30, noNaN: true })),
      { maxLength: 30 },
    );
    let entered = 0;
    fc.assert(
      fc.property(anyLon, fc.integer({ min: 1, max: 20 }), anyPlaces, (middle, half, offsets) => {
        const around = (lon: number) => ((((lon + 180) % 360) + 360) % 360) - 180;
        const ring = square(-half, -half, half, half).map(
          ([lon, lat]): LonLat => [around(middle + lon), lat],
        );
        const places = offsets.map(([lon, lat]): Place => [around(middle + lon), lat]);
        // Rounding decides about what lies on the border.
        fc.pre(offsets.flat().every((offset) => Math.abs(Math.abs(offset) - half) > 1e-9));
        const expected: string[] = [];
        let since: number | null = null;
        let inside = false;
        for (const [at, [lon, lat]] of offsets.entries()) {
          const isInside = Math.abs(lon) < half && Math.abs(lat) < half;
          if (isInside !== inside) expected.push(`${isInside ? 'enter' : 'leave'} ${since}-${at}`);
          inside = isInside;
          since = at;
        }
        assert.deepEqual(shown({ rings: [ring] }, ...places), expected);
        entered += expected.length;
      }),
      { numRuns },
    );
    assert.ok(entered > numRuns, `hardly any track crossed its border: ${entered}`);
  });
});
