import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  codeRanges,
  tileCode,
  tileOf,
  tileShift,
} from '../../../../src/adapters/store/postgres/detections/tile-code.ts';
import { tileNorth, tileX, tileY } from '../../../../src/core/detections/mercator.ts';

/** Edges of tiles and their neighbours among doubles are where a tile could be mistaken. */
const anyLat = fc.oneof(
  fc.double({ min: -90, max: 90, noNaN: true }),
  fc.constantFrom(-90, -85.06, -0, 0, 85.06, 90),
  fc
    .tuple(fc.nat({ max: 24 }), fc.nat({ max: 2 ** 24 }), fc.constantFrom(-1, 0, 1))
    .map(([zoom, y, step]) => {
      const edge = tileNorth(y % (2 ** zoom + 1), zoom);
      return edge + step * Math.abs(edge) * Number.EPSILON;
    }),
);
const anyLon = fc.oneof(
  fc.double({ min: -180, max: 180, noNaN: true }),
  fc.constantFrom(-180, -0, 0, 180),
  fc.tuple(fc.nat({ max: 24 }), fc.nat({ max: 2 ** 24 })).map(([zoom, x]) => {
    return ((x % (2 ** zoom + 1)) / 2 ** zoom) * 360 - 180;
  }),
);

describe('codes of tiles', () => {
  it('give by a shift the tile of any zoom', () => {
    fc.assert(
      fc.property(anyLat, anyLon, fc.nat({ max: 24 }), (lat, lon, zoom) => {
        const shifted = Number(BigInt(tileCode(lat, lon)) >> BigInt(tileShift(zoom)));
        assert.deepEqual(tileOf(shifted), { x: tileX(lon, zoom), y: tileY(lat, zoom) });
      }),
      { numRuns: 2000 },
    );
  });

  it('lie in the ranges of each box that holds their position', () => {
    fc.assert(
      fc.property(anyLat, anyLat, anyLat, anyLon, anyLon, anyLon, (a, b, c, west, east, lon) => {
        const [south, lat, north] = [a, b, c].sort((x, y) => x - y) as [number, number, number];
        fc.pre(west <= east ? lon >= west && lon <= east : lon >= west || lon <= east);
        const code = tileCode(lat, lon);
        const ranges = codeRanges({ south, west, north, east });
        assert.ok(ranges.some(({ from, to }) => from <= code && code <= to));
        for (const [at, range] of ranges.entries()) {
          assert.ok(range.from <= range.to && range.from > (ranges[at - 1]?.to ?? -1) + (at > 0 ? 1 : 0));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('cover a small box by few ranges, and little around it', () => {
    const ranges = codeRanges({ south: 52.51, west: 13.4, north: 52.53, east: 13.44 });
    assert.ok(ranges.length <= 16);
    const codes = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    const tiles = (tileX(13.44, 24) - tileX(13.4, 24) + 1) * (tileY(52.51, 24) - tileY(52.53, 24) + 1);
    assert.ok(codes < 6 * tiles, `${codes} codes for ${tiles} tiles`);
  });
});
