import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { largestTriangle, minMax, partEdges, pickColumn } from '../../../src/core/telemetry/downsample.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 1000);

const value = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE),
);
/** Points with gaps and equal times between them, at times of today. */
const columns = fc
  .array(fc.tuple(fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 1e9 })), value), { maxLength: 200 })
  .map((list) => {
    let time = 1.7e15;
    return {
      times: Float64Array.from(list, ([step]) => (time += step)),
      values: Float64Array.from(list, ([, each]) => each),
    };
  });

function assertPlaces(places: Uint32Array, length: number): void {
  for (let i = 1; i < places.length; i += 1) assert.ok(places[i]! > places[i - 1]!);
  if (length === 0) return;
  assert.equal(places[0], 0);
  assert.equal(places.at(-1), length - 1);
}

/** As the thesis states it, by exact whole numbers. */
function slowLargestTriangle(times: readonly bigint[], values: readonly bigint[], points: number): number[] {
  const length = times.length;
  const begin = (part: number) => 1 + Math.floor(part * ((length - 2) / (points - 2)));
  const chosen = [0];
  for (let part = 0; part < points - 2; part += 1) {
    const after = part === points - 3 ? [length - 1] : [];
    if (after.length === 0) for (let i = begin(part + 1); i < begin(part + 2); i += 1) after.push(i);
    const count = BigInt(after.length);
    const sum = (column: readonly bigint[]) => after.reduce((total, i) => total + column[i]!, 0n);
    const a = chosen.at(-1)!;
    let best = -1;
    let largest = -1n;
    for (let i = begin(part); i < begin(part + 1); i += 1) {
      const area =
        (sum(times) - count * times[a]!) * (values[i]! - values[a]!) -
        (times[i]! - times[a]!) * (sum(values) - count * values[a]!);
      const size = area < 0n ? -area : area;
      if (size > largest) {
        largest = size;
        best = i;
      }
    }
    chosen.push(best);
  }
  return [...chosen, length - 1];
}

describe('largestTriangle', () => {
  test('keeps first and last, and gives as many points as were asked for, whatever the values', () => {
    fc.assert(
      fc.property(columns, fc.integer({ min: 3, max: 60 }), ({ times, values }, points) => {
        const places = largestTriangle(times, values, points);
        assertPlaces(places, times.length);
        assert.equal(places.length, Math.min(points, times.length));
      }),
      { numRuns },
    );
  });

  test('chooses what exact arithmetic chooses', () => {
    // Few enough that two areas of different size differ by more than rounding does.
    const list = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: -1000, max: 1000 })),
      {
        minLength: 5,
        maxLength: 120,
      },
    );
    let differing = 0;
    let runs = 0;
    fc.assert(
      fc.property(list, fc.integer({ min: 3, max: 40 }), (steps, points) => {
        fc.pre(points < steps.length);
        let time = 1_700_000_000_000_000;
        const times = Float64Array.from(steps, ([step]) => (time += step));
        const values = Float64Array.from(steps, ([, each]) => each);
        const slow = slowLargestTriangle([...times].map(BigInt), [...values].map(BigInt), points);
        runs += 1;
        // Areas that are equal in truth are told apart by rounding: then another of the largest is chosen.
        if (slow.join() !== [...largestTriangle(times, values, points)].join()) differing += 1;
      }),
      { numRuns },
    );
    assert.ok(differing <= runs / 50, `${differing} of ${runs}`);
  });

  test('keeps a lone spike, and one of the largest doubles', () => {
    for (const height of [5, Number.MAX_VALUE, -Number.MAX_VALUE]) {
      const times = Float64Array.from({ length: 10_000 }, (_, i) => 1.7e15 + i * 1e6);
      const values = new Float64Array(10_000).fill(1);
      values[6543] = height;
      assert.ok(pickColumn(values, largestTriangle(times, values, 100)).includes(height));
    }
  });

  test('refuses fewer points than three', () => {
    for (const points of [2, 0, -1, 3.5, Number.NaN])
      assert.throws(() => largestTriangle(new Float64Array(9), new Float64Array(9), points), TypeError);
  });
});

describe('minMax', () => {
  test('keeps first and last, and the lowest and highest of every part, in no more points than asked for', () => {
    let several = 0;
    fc.assert(
      fc.property(columns, fc.integer({ min: 4, max: 60 }), ({ times, values }, points) => {
        const places = minMax(times, values, points);
        assertPlaces(places, times.length);
        assert.ok(places.length <= Math.max(points, 0));
        if (times.length <= points) {
          assert.equal(places.length, times.length);
          return;
        }
        const edges = partEdges(times[0]!, times.at(-1)!, points);
        assert.equal(edges.length, Math.floor((points - 2) / 2));
        const partOf = (time: number) => edges.findIndex((edge) => time < edge);
        const kept = [...places].map((place) => ({ part: partOf(times[place]!), value: values[place]! }));
        for (const time of times) assert.ok(partOf(time) >= 0);
        for (let part = 0; part < edges.length; part += 1) {
          const all = [...values].filter((_, i) => partOf(times[i]!) === part);
          if (all.length === 0) continue;
          if (all.length > 2) several += 1;
          const chosen = kept.filter((point) => point.part === part).map((point) => point.value);
          // -0 and 0 are equally low.
          assert.equal(Math.min(...chosen) + 0, Math.min(...all) + 0);
          assert.equal(Math.max(...chosen) + 0, Math.max(...all) + 0);
        }
      }),
      { numRuns },
    );
    assert.ok(several > 0);
  });

  test('keeps all where there are no more than asked for', () => {
    const four = Float64Array.of(1, 2, 3, 4);
    assert.deepEqual(minMax(four, four, 4), Uint32Array.of(0, 1, 2, 3));
    assert.deepEqual(largestTriangle(four, four, 1000), Uint32Array.of(0, 1, 2, 3));
    assert.equal(minMax(new Float64Array(0), new Float64Array(0), 4).length, 0);
  });

  test('refuses fewer points than four', () => {
    assert.throws(() => minMax(new Float64Array(9), new Float64Array(9), 3), TypeError);
  });
});
