import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyDetections, anyFilter } from '../../../src/conformance/detections/any-detections.ts';
import { isExpected, metresFromCircle } from '../../../src/conformance/detections/expected-detections.ts';
import { detection, here } from '../../../src/conformance/detections/make-detections.ts';
import type { DetectionColumns } from '../../../src/core/detections/detection-columns.ts';
import { greatCircle } from '../../../src/core/detections/great-circle.ts';
import { boundingBox, matchRows } from '../../../src/core/detections/match-detections.ts';
import { columnsOf } from './detection-sources.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

describe('matchRows', () => {
  test('finds the rows that a look at each detection finds', () => {
    let found = 0;
    fc.assert(
      fc.property(anyDetections, anyFilter, (list, filter) => {
        const { around } = filter;
        const onEdge = list.some(
          ({ position }) =>
            around !== undefined &&
            position !== null &&
            Math.abs(metresFromCircle(position.lat, position.lon, around)) < 0.1,
        );
        fc.pre(!onEdge);
        const rows = list.map((one, at) => ({ ...one, ordinal: at + 1 }));
        const expected = rows.flatMap((row, at) => (isExpected(row, filter) ? [at] : []));
        assert.deepEqual([...matchRows(columnsOf(rows), filter)], expected);
        if (expected.length > 0 && expected.length < rows.length) found += 1;
      }),
      { numRuns },
    );
    assert.ok(found > numRuns / 20, `hardly any filter found some and not all: ${found}`);
  });

  test('reads no column that cannot matter any more', () => {
    const read: string[] = [];
    const rows = [{ ...detection(), ordinal: 1 }];
    const columns = new Proxy(columnsOf(rows), {
      get(target, name) {
        read.push(String(name));
        return target[name as keyof DetectionColumns];
      },
    });
    assert.equal(matchRows(columns, { to: 0, search: 'x', types: ['ble'] }).length, 0);
    assert.deepEqual(read, ['count', 'timestamps']);
    read.length = 0;
    assert.equal(matchRows(columns, {}).length, 1);
    assert.deepEqual(read, ['count']);
  });
});

const anyPlace = fc.record({
  lat: fc.oneof(fc.constantFrom(-90, 90, 0), fc.double({ min: -90, max: 90, noNaN: true })),
  lon: fc.oneof(fc.constantFrom(-180, 180), fc.double({ min: -180, max: 180, noNaN: true })),
});

describe('a circle', () => {
  test('ends where its radius does', () => {
    const share = fc.double({ min: 0.999, max: 1.001, noNaN: true });
    const bearing = fc.double({ min: 0, max: 360, noNaN: true });
    const radius = fc.double({ min: 1000, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(anyPlace, radius, share, bearing, (middle, metres, part, towards) => {
        const around = { ...middle, radius: metres };
        const position = { ...here, ...travel(middle, towards, metres * part) };
        const beyond = metresFromCircle(position.lat, position.lon, around);
        fc.pre(Math.abs(beyond) > 0.1);
        const columns = columnsOf([{ ...detection({ position }), ordinal: 1 }]);
        assert.equal(matchRows(columns, { around }).length, beyond < 0 ? 1 : 0);
      }),
      { numRuns },
    );
  });
});

describe('greatCircle', () => {
  test('is the angle between two directions times the radius', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, (from, to) => {
        const expected = metresFromCircle(to.lat, to.lon, { ...from, radius: 0 });
        // Near antipodes, the haversine loses half of its digits.
        assert.ok(Math.abs(greatCircle(from.lat, from.lon, to.lat, to.lon) - expected) < 0.2);
      }),
      { numRuns },
    );
  });

  test('knows the way from Berlin to Paris', () => {
    assert.ok(Math.abs(greatCircle(52.52, 13.405, 48.8566, 2.3522) - 877_460) < 500);
  });
});

describe('boundingBox', () => {
  test('holds every place of its circle', () => {
    const radius = fc.oneof(fc.constantFrom(1, 100, 10_000), fc.double({ min: 0, max: 2e7, noNaN: true }));
    const part = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
    const bearing = fc.oneof(fc.constantFrom(0, 90, 180, 270), fc.double({ min: 0, max: 360, noNaN: true }));
    fc.assert(
      fc.property(anyPlace, radius, part, bearing, (middle, metres, share, towards) => {
        const { lat, lon } = travel(middle, towards, metres * share);
        // Rounding takes some of the edge out of the circle.
        if (greatCircle(middle.lat, middle.lon, lat, lon) > metres) return;
        const { south, west, north, east } = boundingBox({ ...middle, radius: metres });
        assert.ok(lat >= south && lat <= north, `${lat} in ${south} to ${north}`);
        assert.ok(west <= east ? lon >= west && lon <= east : lon >= west || lon <= east, `${lon}`);
      }),
      { numRuns: 5 * numRuns },
    );
  });

  test('is hardly larger than a circle away from the poles', () => {
    const { south, west, north, east } = boundingBox({ lat: 60, lon: 179.999, radius: 1000 });
    assert.ok(Math.abs(greatCircle(south, 0, north, 0) - 2000) < 0.1);
    assert.ok(west > east);
    assert.ok(Math.abs(greatCircle(60, west, 60, east) - 2000) < 0.1);
  });
});

/** Where one is after so many metres along a great circle that starts in a direction. */
function travel(from: { readonly lat: number; readonly lon: number }, bearing: number, metres: number) {
  const radians = Math.PI / 180;
  const angle = metres / 6_371_008.8;
  const [lat, towards] = [from.lat * radians, bearing * radians];
  const sine = Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(towards);
  const end = Math.asin(Math.max(-1, Math.min(1, sine)));
  const aside = Math.atan2(
    Math.sin(towards) * Math.sin(angle) * Math.cos(lat),
    Math.cos(angle) - Math.sin(lat) * Math.sin(end),
  );
  const lon = from.lon + aside / radians;
  return { lat: end / radians, lon: lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon };
}
