import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TileRows } from '../../../src/core/detections/map/tile-rows.ts';
import {
  maxMercatorLat,
  mercatorX,
  mercatorY,
  tileNorth,
  tileX,
  tileY,
} from '../../../src/core/detections/mercator.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const anyZoom = fc.integer({ min: 0, max: 24 });
const anyLat = fc.double({ min: -90, max: 90, noNaN: true });
const anyLon = fc.double({ min: -180, max: 180, noNaN: true });

/** The number that follows, in the direction of the sign. */
function next(value: number, sign: 1 | -1): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) + BigInt(value > 0 ? sign : -sign);
  return new Float64Array(bits.buffer)[0] as number;
}

describe('mercator', () => {
  test('knows tiles that are published', () => {
    // https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames: the Brandenburg Gate, and the example of the formula.
    assert.deepEqual([tileX(13.37771496361961, 17), tileY(52.51628011262304, 17)], [70_406, 42_987]);
    assert.deepEqual([tileX(139.7006793, 18), tileY(35.6590699, 18)], [232_798, 103_246]);
    assert.deepEqual([tileX(-180, 3), tileX(180, 3), tileY(90, 3), tileY(-90, 3)], [0, 7, 0, 7]);
    assert.equal(tileNorth(0, 5), maxMercatorLat);
    assert.equal(tileNorth(32, 5), -maxMercatorLat);
    assert.deepEqual([mercatorX(0), mercatorY(0)], [0.5, 0.5]);
    assert.ok(mercatorY(90) < 1e-12 && mercatorY(-90) > 1 - 1e-12);
  });

  test('puts a place between the edges of its tile', () => {
    fc.assert(
      fc.property(anyLat, anyLon, anyZoom, (lat, lon, zoom) => {
        const [x, y] = [tileX(lon, zoom), tileY(lat, zoom)];
        const inside = Math.max(-maxMercatorLat, Math.min(maxMercatorLat, lat));
        assert.ok(inside <= tileNorth(y, zoom) && inside >= tileNorth(y + 1, zoom));
        assert.ok(x <= mercatorX(lon) * 2 ** zoom && x + 1 >= mercatorX(lon) * 2 ** zoom);
      }),
      { numRuns },
    );
  });

  test('gives the northern edge of a tile to it, and the next latitude to the north to the next tile', () => {
    fc.assert(
      fc.property(anyZoom, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (zoom, part) => {
        const y = Math.floor(part * 2 ** zoom);
        const edge = tileNorth(y, zoom);
        fc.pre(edge !== 0);
        assert.equal(tileY(edge, zoom), y);
        assert.equal(tileY(next(edge, 1), zoom), Math.max(0, y - 1));
        assert.equal(tileY(next(edge, -1), zoom), y);
      }),
      { numRuns },
    );
  });
});

describe('TileRows', () => {
  test('finds the tile that tileY finds, at edges, too', () => {
    fc.assert(
      fc.property(anyLat, anyLat, anyZoom, fc.array(anyLat, { maxLength: 50 }), (a, b, zoom, lats) => {
        const [south, north] = [Math.min(a, b), Math.max(a, b)];
        const rows = new TileRows(south, north, zoom);
        const edges = lats.flatMap((lat) => {
          const edge = tileNorth(tileY(lat, zoom), zoom);
          return edge === 0 ? [edge] : [edge, next(edge, 1), next(edge, -1)];
        });
        const spread = lats.map((lat) => south + ((lat + 90) / 180) * (north - south));
        for (const lat of [...spread, ...edges, south, north]) {
          if (lat < south || lat > north) continue;
          assert.equal(rows.of(lat), tileY(lat, zoom), `${lat} at zoom ${zoom}`);
        }
      }),
      { numRuns },
    );
  });
});
