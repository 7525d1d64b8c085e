import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judge, type Row } from '../harness/scenario.ts';
import { median, medianRatio, slowdown } from '../harness/statistics.ts';
import { DueQueue } from '../load/due-queue.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';

test('a quantile of the histogram is within 2 % of the exact one', () => {
  const latencies = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), {
    minLength: 1,
    maxLength: 500,
  });
  fc.assert(
    fc.property(latencies, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const histogram = new LatencyHistogram();
      for (const value of values) histogram.record(value);
      const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
      const measured = histogram.quantile(share);
      assert.ok(Math.abs(measured - exact) <= 0.002 + exact * 0.02, `${measured} for ${exact}`);
      assert.equal(histogram.max, Math.max(...values));
    }),
  );
});

test('the due queue gives entries in the order of time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { maxLength: 200 }), (times) => {
      const queue = new DueQueue();
      times.forEach((time, index) => {
        queue.add(time, index);
      });
      const taken: number[] = [];
      while (queue.size > 0) {
        const earliest = queue.next;
        const index = queue.take()!;
        assert.equal(times[index], earliest);
        taken.push(earliest);
      }
      assert.deepEqual(
        taken,
        times.toSorted((a, b) => a - b),
      );
      assert.equal(queue.take(), undefined);
    }),
  );
});

test('median and ratio', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(medianRatio([10, 30, 20], [10, 10, 10]), 2);
});

test('a growth is judged by its steps after the first and by its last ones', () => {
  const { from, to, percent } = slowdown([10, 100, 90, 110, 50, 80, 60, 70]);
  assert.deepEqual([from, to, Math.round(percent)], [100, 70, 30]);
  assert.equal(slowdown([10, 100, 100, 100, 120, 120, 120]).percent, 0);
});

test('a row is judged by its better direction', () => {
  const row = (value: number, better: 'higher' | 'lower'): Row => {
    const [atLeast, aim] = better === 'higher' ? [5, 10] : [10, 5];
    return { id: 'x', label: 'x', value, unit: '', goal: { better, atLeast, aim }, note: '' };
  };
  assert.deepEqual(
    [4, 5, 10].map((value) => judge(row(value, 'higher'))),
    ['missed', 'at least', 'aim'],
  );
  assert.deepEqual(
    [11, 10, 5].map((value) => judge(row(value, 'lower'))),
    ['missed', 'at least', 'aim'],
  );
});
