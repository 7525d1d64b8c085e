import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryNetworks } from '../../../src/adapters/store/memory/memory-networks.ts';
import { anySightings } from '../../../src/conformance/detections/any-networks.ts';
import { assertNetworks } from '../../../src/conformance/detections/compare-networks.ts';
import { detection, here } from '../../../src/conformance/detections/make-detections.ts';
import { shuffled } from '../../../src/conformance/make-events.ts';
import type { StoredDetection } from '../../../src/core/detections/detection-columns.ts';
import { greatCircle } from '../../../src/core/detections/great-circle.ts';
import {
  emptyNetwork,
  estimatePosition,
  foldDetection,
  type NetworkRow,
  positionWeight,
  shownVariants,
  toNetworkRecord,
} from '../../../src/core/detections/networks/network-fold.ts';

function folded(detections: readonly StoredDetection[]): NetworkRow {
  const row = emptyNetwork('wifi', '00:1A:2B:3C:4D:5E');
  for (const one of detections) foldDetection(row, one);
  return row;
}

function heardAt(
  ...places: readonly (readonly [lat: number, lon: number, signal?: number | null, accuracy?: number])[]
) {
  const sightings = places.map(([lat, lon, signalDbm = null, accuracy = 10], at) => ({
    ...detection({ position: { ...here, lat, lon, accuracy }, signalDbm }),
    ordinal: at + 1,
  }));
  return estimatePosition(folded(sightings));
}

/** One network's detections. */
const anyOfOne = anySightings.map((list) =>
  list.map((one, at) => ({ ...one, type: 'wifi' as const, identity: '00:1A:2B:3C:4D:5E', ordinal: at + 1 })),
);

describe('the summary of a network', () => {
  test('is what its detections say, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyOfOne.filter((list) => list.length > 0),
        fc.nat(),
        async (list, seed) => {
          const model = await new MemoryNetworks(list, () => undefined).network(list[0] as StoredDetection);
          assert.ok(model !== undefined);
          const row = folded(shuffled(list, seed));
          assertNetworks(
            [toNetworkRecord(row)],
            [{ ...model, variants: undefined } as never].map(withoutVariants),
          );
          assert.deepEqual(shownVariants(row.variants), model.variants);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('tells the variants seen last of very many', () => {
    const times = Array.from({ length: 150 }, (_, at) => (at * 37) % 150);
    const list = times.map((timestamp, at) => ({
      ...detection({ name: `n${timestamp}`, timestamp }),
      ordinal: at + 1,
    }));
    list.push({ ...detection({ name: 'n3', timestamp: 1000 }), ordinal: 151 });
    assert.deepEqual(
      shownVariants(folded(list).variants).map(({ firstSeenAt }) => firstSeenAt),
      [3, ...Array.from({ length: 99 }, (_, at) => at + 51)],
    );
  });
});

function withoutVariants({
  variants: _,
  ...record
}: ReturnType<typeof toNetworkRecord> & { variants?: unknown }) {
  return record;
}

describe('the estimated position', () => {
  test('is the place where all detections were made', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.array(fc.option(fc.double({ min: -200, max: 0, noNaN: true })), { minLength: 1, maxLength: 20 }),
        (lat, lon, signals) => {
          const found = heardAt(...signals.map((signal) => [lat, lon, signal] as const));
          assert.ok(found !== null && greatCircle(lat, lon, found.lat, found.lon) < 0.02);
        },
      ),
    );
  });

  test('lies between the places, on either side of the antimeridian and around a pole', () => {
    assert.deepEqual(heardAt([10, 20], [10, 20.002]), { lat: 10, lon: 20.001 });
    assert.deepEqual(heardAt([0, 179.99], [0, -179.97]), { lat: 0, lon: -179.99 });
    assert.deepEqual(heardAt([0, 180], [0, -180]), { lat: 0, lon: 180 });
    assert.deepEqual(heardAt([0, -180]), { lat: 0, lon: 180 });
    assert.deepEqual(heardAt([89.99, 0], [89.99, 90], [89.99, 180], [89.99, -90]), { lat: 90, lon: 0 });
  });

  test('is nowhere without positions, and where they are opposite to each other', () => {
    assert.equal(estimatePosition(folded([{ ...detection({ position: null }), ordinal: 1 }])), null);
    assert.equal(heardAt([10, 20, -50], [-10, -160, -50]), null);
  });

  test('is drawn ten times as strongly by 20 dB more, within what a radio can say', () => {
    assert.ok(Math.abs((heardAt([0, 1, -50], [0, 1.0011, -70])?.lon ?? 0) - 1.0001) < 2e-7);
    assert.ok(Math.abs(positionWeight(-50, 10) / positionWeight(-70, 10) - 10) < 1e-9);
    assert.equal(positionWeight(0, 10), positionWeight(-30, 10));
    assert.equal(positionWeight(-200, 10), positionWeight(-100, 10));
    assert.equal(positionWeight(null, 10), positionWeight(-90, 10));
    assert.equal(positionWeight(-60, null), positionWeight(-60, 10));
  });

  test('all but ignores positions that are not exact, unless there is no other', () => {
    assert.ok(Math.abs((heardAt([0, 1, -60, 10], [0, 2, -60, 101])?.lon ?? 0) - 1) < 1e-6);
    assert.ok((heardAt([0, 1, -60, 10], [0, 2, -60, 30])?.lon ?? 0) > 1.1);
    assert.deepEqual(heardAt([5, 6, -60, 1e308]), { lat: 5, lon: 6 });
    assert.ok(positionWeight(-200, Number.MAX_VALUE) > 0);
  });
});
