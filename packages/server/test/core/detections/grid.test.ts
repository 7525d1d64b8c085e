import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryDetections } from '../../../src/adapters/store/memory/memory-detections.ts';
import { anyBox, anyDetections } from '../../../src/conformance/detections/any-detections.ts';
import { detection, here } from '../../../src/conformance/detections/make-detections.ts';
import type { StoredDetection } from '../../../src/core/detections/detection-columns.ts';
import { GridBuilder } from '../../../src/core/detections/grid.ts';
import { tileX, tileY } from '../../../src/core/detections/mercator.ts';
import { sourcesOf } from './detection-sources.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const numbers = { has: () => false, heldByOther: () => false, note() {}, conflict() {} };
const world = { south: -90, west: -180, north: 90, east: 180 };

describe('GridBuilder', () => {
  test('gives the same cells bit for bit as plain code does, whatever the order', async () => {
    let incomplete = 0;
    const anyCase = fc.record({
      box: anyBox,
      zoom: fc.oneof(fc.nat({ max: 4 }), fc.nat({ max: 24 })),
      limit: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(65_536)),
      minSignal: fc.option(fc.constantFrom(-80, -61), { nil: undefined }),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(anyDetections, anyCase, async (list, { box, zoom, limit, minSignal, seed }) => {
        const model = new MemoryDetections(() => {});
        model.commit(list, numbers);
        const filter = { box, minSignal };
        const builder = new GridBuilder({ box, zoom, limit });
        const order = model.all.toSorted((a, b) => ((a.ordinal * seed) % 61) - ((b.ordinal * seed) % 61));
        for (const { columns } of sourcesOf(order, 7)) builder.add(columns, filter);
        const answer = builder.answer();
        assert.deepEqual(answer, await model.grid({ filter, zoom, limit }));
        if (!answer.complete) incomplete += 1;
      }),
      { numRuns },
    );
    assert.ok(incomplete > numRuns / 40, `hardly any grid left out a cell: ${incomplete}`);
  });

  test('counts very many cells of a view that is too large to hold', async () => {
    const places = Array.from({ length: 20_000 }, (_, at) => ({
      lat: ((at * 7919) % 17_001) / 100 - 85,
      lon: ((at * 104_729) % 35_999) / 100 - 180,
    }));
    const list = places.map((place, at) =>
      detection({
        eventId: `d-${at % 19_000}`,
        deviceId: `pi-${at >= 19_000}`,
        position: { ...here, ...place },
      }),
    );
    const model = new MemoryDetections(() => {});
    model.commit(list, numbers);
    for (const limit of [65_536, 5000]) {
      const query = { filter: { box: world }, zoom: 18, limit };
      const builder = new GridBuilder({ box: world, zoom: 18, limit });
      for (const { columns } of sourcesOf(model.all, 4096)) builder.add(columns, {});
      const answer = builder.answer();
      assert.equal(answer.x.length, Math.min(limit, 20_000));
      assert.deepEqual(answer, await model.grid(query));
    }
  });

  test('takes cells that were counted elsewhere, and leaves out those beyond the view', () => {
    const box = { south: -40, west: 170, north: -10, east: -170 };
    const zoom = 6;
    const [x, y] = [tileX(-175, zoom), tileY(-20, zoom)];
    const stored: StoredDetection = {
      ...detection({ signalDbm: -50, position: { ...here, lat: -20, lon: -175 } }),
      ordinal: 1,
    };
    const builder = new GridBuilder({ box, zoom, limit: 10 });
    builder.addCell(x, y, 3, Number.NaN, -20.5, -174.5);
    for (const { columns } of sourcesOf([stored], 1)) builder.add(columns, {});
    builder.addCell(tileX(175, zoom), y, 2, -70, -21, 175);
    builder.addCell(tileX(0, zoom), y, 1, -10, -20, 0);
    builder.addCell(x, tileY(50, zoom), 1, -10, 50, -175);
    builder.addCell(x, tileY(-60, zoom), 1, -10, -60, -175);
    assert.deepEqual(builder.answer(), {
      x: Uint32Array.of(x, tileX(175, zoom)),
      y: Uint32Array.of(y, y),
      counts: Float64Array.of(4, 2),
      strongest: Float64Array.of(-50, -70),
      lats: Float64Array.of((-20.5 * 3 - 20) / 4, -21),
      lons: Float64Array.of((-174.5 * 3 - 175) / 4, 175),
      complete: true,
    });
  });
});
