import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boxRule, decimal, polygonRule } from '../../../src/http/routes/detections/place-parameters.ts';

const rule = boxRule('A box.');
const lat = fc.integer({ min: -90, max: 90 });
const lon = fc.integer({ min: -180, max: 180 });

function holds(text: string, point: { lat: number; lon: number }): boolean {
  const read = rule.read(text);
  assert.ok('value' in read && read.value !== undefined, text);
  const { west, south, east, north } = read.value;
  assert.ok(Math.abs(west) <= 180 && Math.abs(east) <= 180, text);
  if (point.lat < south || point.lat > north) return false;
  return west <= east ? point.lon >= west && point.lon <= east : point.lon >= west || point.lon <= east;
}

test('a box holds what a map shows that was turned around the world', () => {
  const view = fc.record({
    west: fc.integer({ min: -540, max: 540 }),
    width: fc.oneof(fc.integer({ min: 0, max: 1080 }), fc.constantFrom(0, 359, 360, 361)),
  });
  fc.assert(
    fc.property(view, lat, lat, lat, lon, ({ west, width }, a, b, pointLat, pointLon) => {
      const east = west + width;
      fc.pre(east <= 540);
      const [south, north] = [Math.min(a, b), Math.max(a, b)];
      const shown = [-720, -360, 0, 360, 720].some(
        (turn) => pointLon + turn >= west && pointLon + turn <= east,
      );
      const expected = shown && pointLat >= south && pointLat <= north;
      const text = `${west},${south},${east},${north}`;
      // The antimeridian has two names, and a position is kept under the one that it was sent with.
      fc.pre(Math.abs(pointLon) !== 180);
      assert.equal(holds(text, { lat: pointLat, lon: pointLon }), expected, text);
    }),
    { numRuns: 2000 },
  );
});

test('west greater than east crosses the antimeridian', () => {
  fc.assert(
    fc.property(lon, lon, lon, (west, east, pointLon) => {
      fc.pre(west > east);
      const expected = pointLon >= west || pointLon <= east;
      assert.equal(holds(`${west},-90,${east},90`, { lat: 0, lon: pointLon }), expected);
    }),
  );
});

test('any text is read or explained, never thrown', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('1', '-', '.', ',', ' ', '+', 'e', '9') }),
  );
  const rules = [rule, polygonRule, decimal({ min: -1, max: 1, fallback: undefined }, '')];
  fc.assert(
    fc.property(text, fc.constantFrom(...rules), (given, { read }) => {
      const found = read(given);
      if ('allowed' in found) assert.ok(found.allowed.length > 10);
      else assert.notEqual(found.value, undefined);
    }),
    { numRuns: 2000 },
  );
});
