import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createBucketing, parseBucket } from '../../../src/core/telemetry/buckets.ts';
import { fillColumn, fillCounts, fillModes, layOutBuckets } from '../../../src/core/telemetry/fill.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 1000);
const SECOND = 1e6;
const seconds = createBucketing(parseBucket('1s'));

/** Values of the seconds 0 to 19 that hold points; `NaN` is a bucket whose points give no value. */
const held = fc
  .uniqueArray(
    fc.tuple(
      fc.nat({ max: 19 }),
      fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(Number.NaN)),
    ),
    {
      selector: ([second]) => second,
      maxLength: 20,
    },
  )
  .map((list) => list.toSorted(([a], [b]) => a - b));

describe('fill', () => {
  test('never changes a bucket that holds points, and shows every bucket once, in order', () => {
    fc.assert(
      fc.property(
        held,
        fc.constantFrom(...fillModes),
        fc.nat(19),
        fc.nat(25),
        (list, mode, first, length) => {
          const starts = Float64Array.from(list, ([second]) => second * SECOND);
          const values = Float64Array.from(list, ([, value]) => value);
          const [from, to] = [first * SECOND + 5, (first + length) * SECOND + 5];
          const grid = layOutBuckets(starts, seconds, from, to, mode, 100);
          const inside = list.filter(([second]) => second >= first && second <= first + length && length > 0);
          const every = Array.from({ length: length === 0 ? 0 : length + 1 }, (_, i) => (first + i) * SECOND);
          assert.deepEqual(
            [...grid.starts],
            mode === 'none' ? inside.map(([second]) => second * SECOND) : every,
          );
          const filled = fillColumn(grid, values, mode);
          for (const [second, value] of inside)
            assert.equal(filled[grid.starts.indexOf(second * SECOND)], value);
          assert.deepEqual(
            [
              ...fillCounts(
                grid,
                Float64Array.from(starts, () => 7),
              ),
            ].filter((count) => count > 0).length,
            inside.length,
          );
        },
      ),
      { numRuns },
    );
  });

  test('gives an empty bucket what its neighbours with a value say, and never more than they do', () => {
    fc.assert(
      fc.property(held, fc.constantFrom('null', 'previous', 'linear' as const), (list, mode) => {
        const starts = Float64Array.from(list, ([second]) => second * SECOND);
        const values = Float64Array.from(list, ([, value]) => value);
        const grid = layOutBuckets(starts, seconds, 0, 20 * SECOND, mode as 'null', 20);
        const filled = fillColumn(grid, values, mode as 'null');
        const known = list.filter(([, value]) => !Number.isNaN(value));
        for (let second = 0; second < 20; second += 1) {
          if (list.some(([other]) => other === second)) continue;
          const left = known.findLast(([other]) => other < second)?.[1];
          const right = known.find(([other]) => other > second)?.[1];
          const value = filled[second]!;
          if (mode === 'previous') assert.equal(value, left ?? Number.NaN);
          else if (mode === 'null' || left === undefined || right === undefined)
            assert.equal(value, Number.NaN);
          else {
            const slack = 1e-15 * Math.max(Math.abs(left), Math.abs(right)) + 2 * Number.MIN_VALUE;
            assert.ok(value >= Math.min(left, right) - slack && value <= Math.max(left, right) + slack);
          }
        }
      }),
      { numRuns },
    );
  });

  test('draws a straight line through the starts, also where a day is shorter', () => {
    const days = createBucketing(parseBucket('1d'), 'Europe/Berlin');
    const first = Date.parse('2026-03-27T23:00:00Z') * 1000;
    const hours = (count: number) => first + count * 3600 * SECOND;
    const grid = layOutBuckets(Float64Array.of(first, hours(71)), days, first, hours(72), 'linear', 10);
    assert.deepEqual([...grid.starts], [first, hours(24), hours(47), hours(71)]);
    const filled = fillColumn(grid, Float64Array.of(0, 71), 'linear');
    for (const [at, value] of [0, 24, 47, 71].entries()) assert.ok(Math.abs(filled[at]! - value) < 1e-12);
    assert.deepEqual([...fillCounts(grid, Float64Array.of(3, 4))], [3, 0, 0, 4]);
  });

  test('refuses more buckets than an answer may have', () => {
    const lay = (limit: number) => layOutBuckets(new Float64Array(0), seconds, 0, 10 * SECOND, 'null', limit);
    assert.equal(lay(10).starts.length, 10);
    assert.throws(() => lay(9), { code: 'invalid_parameter', message: /More than 9 buckets/ });
  });
});
