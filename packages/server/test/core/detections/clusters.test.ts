import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { clusterCells } from '../../../src/core/detections/clusters.ts';
import { type GridAnswer, GridBuilder } from '../../../src/core/detections/grid.ts';
import { mercatorX, mercatorY, tileX, tileY } from '../../../src/core/detections/mercator.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const world = { south: -90, west: -180, north: 90, east: 180 };

interface Pile {
  readonly lat: number;
  readonly lon: number;
  readonly count: number;
}

/** Cells of a fine grid that hold so much each. */
function cellsOf(piles: readonly Pile[], zoom: number): GridAnswer {
  const builder = new GridBuilder({ box: world, zoom, limit: 65_536 });
  for (const { lat, lon, count } of piles) {
    builder.addCell(tileX(lon, zoom), tileY(lat, zoom), count, Number.NaN, lat, lon);
  }
  return builder.answer();
}

function pixelsApart(a: Omit<Pile, 'count'>, b: Omit<Pile, 'count'>, zoom: number): number {
  const size = 256 * 2 ** zoom;
  const aside = Math.abs(mercatorX(a.lon) - mercatorX(b.lon)) * size;
  return Math.hypot(Math.min(aside, size - aside), (mercatorY(a.lat) - mercatorY(b.lat)) * size);
}

/** Places near each other, on both sides of the antimeridian, and some anywhere. */
const anyPile: fc.Arbitrary<Pile> = fc.record({
  lat: fc.oneof(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -89, max: 89, noNaN: true })),
  lon: fc
    .oneof(fc.double({ min: 178, max: 182, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true }))
    .map((lon) => (lon > 180 ? lon - 360 : lon)),
  count: fc.integer({ min: 1, max: 5 }),
});
const anyView = fc.record({ zoom: fc.nat({ max: 10 }), radius: fc.integer({ min: 1, max: 200 }) });

describe('clusterCells', () => {
  test('keeps every detection in one cluster, and clusters as far apart as was asked', () => {
    let merged = 0;
    fc.assert(
      fc.property(fc.array(anyPile, { maxLength: 60, size: 'max' }), anyView, (piles, view) => {
        const cells = cellsOf(piles, view.zoom + 4);
        const clusters = clusterCells(cells, view);
        const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
        assert.equal(sum(clusters.map(({ count }) => count)), sum(piles.map(({ count }) => count)));
        for (const [at, one] of clusters.entries()) {
          assert.ok(one.lat >= -90 && one.lat <= 90 && one.lon >= -180 && one.lon <= 180);
          assert.ok(at === 0 || one.count <= (clusters[at - 1]?.count as number));
          for (const other of clusters.slice(at + 1)) {
            assert.ok(pixelsApart(one, other, view.zoom) >= view.radius * (1 - 1e-9));
          }
        }
        if (clusters.length > 1 && clusters.length < cells.x.length) merged += 1;
      }),
      { numRuns },
    );
    assert.ok(merged > numRuns / 10, `hardly any clusters were merged from some cells: ${merged}`);
  });

  test('merges what is near, weighs by count, and tells when it falls apart', () => {
    const zoom = 4;
    // A degree is 11.4 pixels at this zoom.
    const piles = [
      { lat: 0, lon: 10, count: 30 },
      { lat: 0, lon: 12, count: 10 },
      { lat: 0, lon: 40, count: 7 },
    ];
    const clusters = clusterCells(cellsOf(piles, 10), { zoom, radius: 60 });
    assert.deepEqual(
      clusters.map(({ count, lat, lon, splitsAt }) => [count, lat, Number(lon.toFixed(6)), splitsAt]),
      [
        // 22.8 pixels apart, hence 45.5 at zoom 5 and 91 at zoom 6.
        [40, 0, 10.5, 6],
        [7, 0, 40, null],
      ],
    );
  });

  test('knows that the antimeridian is no border', () => {
    const piles = [
      { lat: 5, lon: 179.5, count: 3 },
      { lat: 5, lon: -179.5, count: 5 },
    ];
    const [cluster, ...others] = clusterCells(cellsOf(piles, 8), { zoom: 3, radius: 40 });
    assert.deepEqual([cluster?.count, cluster?.lat, cluster?.lon, others], [8, 5, -179.875, []]);
    // 5.7 pixels apart, hence 45.5 at zoom 6.
    assert.equal(cluster?.splitsAt, 6);
  });
});
