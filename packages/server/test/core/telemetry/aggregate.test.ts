import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  AGGREGATE_LENGTH,
  type AggregateName,
  aggregateColumns,
  aggregateNames,
  BucketAggregates,
} from '../../../src/core/telemetry/aggregate.ts';
import { createBucketing, parseBucket } from '../../../src/core/telemetry/buckets.ts';
import { QuantileSketch } from '../../../src/core/telemetry/quantile-sketch.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 500);

interface Point {
  readonly time: number;
  readonly value: number;
}

const origin = Date.UTC(2026, 2, 28, 20) * 1000;
const minutes = (count: number) => createBucketing(parseBucket(`${count}m`));

/** Close to each other, so that buckets hold several points and points of different series share a time. */
const time = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((steps) => origin + steps * 15_000_000),
  fc.integer({ min: 0, max: 12 * 3_600_000_000 }).map((after) => origin + after),
);
const value = fc.oneof(
  fc.integer({ min: -500, max: 500 }).map((count) => count / 8),
  fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  fc.constantFrom(0, -0, 1, 1e9, 1e9 + 1e-3),
);
const points = (max: number) => fc.array(fc.record({ time, value }), { maxLength: max });

function aggregate(list: readonly Point[], bucketing = minutes(1), withQuantiles = false): BucketAggregates {
  const into = new BucketAggregates(withQuantiles);
  addTo(into, list, bucketing);
  return into;
}

function addTo(into: BucketAggregates, list: readonly Point[], bucketing = minutes(1)): void {
  const ordered = list.toSorted((a, b) => a.time - b.time);
  const times = Float64Array.from(ordered, (point) => point.time);
  const values = Float64Array.from(ordered, (point) => point.value);
  aggregateColumns(times, values, 0, times.length, bucketing, into);
}

/** The points of each bucket, by its start. */
function grouped(list: readonly Point[], bucketing = minutes(1)): Map<number, Point[]> {
  const buckets = new Map<number, Point[]>();
  for (const point of list.toSorted((a, b) => a.time - b.time || a.value - b.value)) {
    const start = bucketing.bucketStart(point.time);
    buckets.set(start, [...(buckets.get(start) ?? []), point]);
  }
  return buckets;
}

/** Compares everything that two of them tell: exactly, sums and what derives from them within their bounds. */
function assertSame(
  actual: BucketAggregates,
  expected: BucketAggregates,
  list: readonly Point[],
  by = minutes(1),
) {
  assert.deepEqual(actual.starts(), expected.starts());
  const buckets = grouped(list, by);
  for (let i = 0; i < expected.length; i += 1) {
    const magnitudes = (buckets.get(expected.start(i)) ?? []).map((point) => Math.abs(point.value));
    const sum = magnitudes.reduce((total, magnitude) => total + magnitude, 0);
    const bounds: Partial<Record<AggregateName, number>> = {
      sum: 2 ** -51 * magnitudes.length * sum,
      avg: 2 ** -50 * sum,
      stddev: 2 ** -48 * magnitudes.length * Math.max(...magnitudes) + 1e-150,
    };
    for (const name of aggregateNames) {
      if (name.startsWith('p') && !expected.withQuantiles) continue;
      const [one, other] = [actual.value(i, name), expected.value(i, name)];
      const bound = bounds[name];
      if (bound === undefined || Number.isNaN(other)) assert.equal(one, other, name);
      else assert.ok(Math.abs(one - other) <= bound, `${name}: ${one}, ${other}`);
    }
    assert.deepEqual(actual.sketch(i)?.toBytes(), expected.sketch(i)?.toBytes());
  }
}

describe('aggregateColumns', () => {
  test('tells of each bucket what its points give one by one', () => {
    const eighths = fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((count) => count / 8);
    const list = fc.array(fc.record({ time, value: eighths }), { maxLength: 200 });
    fc.assert(
      fc.property(list, fc.constantFrom('10s', '1m', '1h', '1d'), (all, width) => {
        const bucketing = createBucketing(parseBucket(width), 'Europe/Berlin');
        const told = aggregate(all, bucketing);
        const buckets = grouped(all, bucketing);
        assert.deepEqual([...told.starts()], [...buckets.keys()]);
        [...buckets.values()].forEach((held, i) => {
          const values = held.map((point) => point.value);
          // Eighths of this size add up without rounding.
          const sum = values.reduce((total, each) => total + each, 0) + 0;
          const squares = values.reduce((total, each) => total + (each - sum / values.length) ** 2, 0);
          assert.equal(told.value(i, 'count'), values.length);
          assert.equal(told.value(i, 'sum'), sum);
          assert.equal(told.value(i, 'avg'), sum / values.length);
          assert.equal(told.value(i, 'min'), Math.min(...values) + 0);
          assert.equal(told.value(i, 'max'), Math.max(...values) + 0);
          assert.equal(told.value(i, 'first'), values[0]! + 0);
          assert.equal(told.value(i, 'last'), values.at(-1)! + 0);
          const stddev = Math.sqrt(squares / (values.length - 1));
          if (values.length === 1) assert.equal(told.value(i, 'stddev'), Number.NaN);
          else assert.ok(Math.abs(told.value(i, 'stddev') - stddev) <= 1e-12 * (stddev + Math.abs(sum)));
        });
      }),
      { numRuns },
    );
  });

  test('takes the named part of its columns, and goes on where it ended', () => {
    fc.assert(
      fc.property(points(100), fc.nat(100), fc.nat(100), (list, one, other) => {
        const ordered = list.toSorted((a, b) => a.time - b.time);
        const [from, to] = [Math.min(one, other, list.length), Math.min(Math.max(one, other), list.length)];
        const times = Float64Array.from(ordered, (point) => point.time);
        const values = Float64Array.from(ordered, (point) => point.value);
        const part = new BucketAggregates(true);
        aggregateColumns(times, values, from, to, minutes(5), part);
        assertSame(part, aggregate(ordered.slice(from, to), minutes(5), true), ordered, minutes(5));
        aggregateColumns(times, values, to, list.length, minutes(5), part);
        assertSame(part, aggregate(ordered.slice(from), minutes(5), true), ordered, minutes(5));
      }),
      { numRuns },
    );
  });

  test('tells the deviation of numbers that are large beside it, in a bucket of many', () => {
    const list = Array.from({ length: 10_000 }, (_, i) => ({
      time: origin + i,
      value: (i * i) % 10_007 < 3000 ? 1e9 + 0.001 : 1e9,
    }));
    const share = list.filter((point) => point.value > 1e9).length / list.length;
    // 1e9 + 0.001 is not a double: the two numbers are this far apart.
    const apart = 1e9 + 0.001 - 1e9;
    const stddev = Math.sqrt((10_000 * apart ** 2 * share * (1 - share)) / 9_999);
    const told = aggregate(list, minutes(1)).value(0, 'stddev');
    assert.ok(Math.abs(told - stddev) < 1e-7 * stddev, `${told}, ${stddev}`);
    const equal = aggregate(list.map(({ time: at }) => ({ time: at, value: 0.1 })));
    assert.equal(equal.value(0, 'stddev'), 0);
    assert.equal(equal.value(0, 'avg'), 0.1);
  });

  test('tells nothing where a sum is beyond the range of a double, and the rest as ever', () => {
    const told = aggregate([1e308, 1.5e308, -5].map((each, i) => ({ time: origin + i, value: each })));
    for (const name of ['sum', 'stddev'] as const) assert.equal(told.value(0, name), Number.NaN);
    assert.deepEqual([told.value(0, 'count'), told.value(0, 'min'), told.value(0, 'max')], [3, -5, 1.5e308]);
  });
});

describe('BucketAggregates', () => {
  test('built from parts in any order are what one pass gives, quantiles included', () => {
    fc.assert(
      fc.property(fc.array(points(40), { minLength: 1, maxLength: 6 }), fc.boolean(), (parts, sketches) => {
        const all = parts.flat();
        const once = aggregate(all, minutes(1), sketches);
        const added = new BucketAggregates(sketches);
        for (const part of parts) addTo(added, part);
        assertSame(added, once, all);
        const merged = new BucketAggregates(sketches);
        for (const part of parts.toReversed()) merged.merge(aggregate(part, minutes(1), sketches));
        assertSame(merged, once, all);
      }),
      { numRuns },
    );
  });

  test('built from adjacent parts of one column are what one pass gives', () => {
    fc.assert(
      fc.property(points(120), fc.array(fc.nat(120), { maxLength: 5 }), (list, cuts) => {
        const ordered = list.toSorted((a, b) => a.time - b.time);
        const places = [0, ...cuts.toSorted((a, b) => a - b), list.length];
        const merged = new BucketAggregates();
        for (let i = 1; i < places.length; i += 1)
          merged.merge(aggregate(ordered.slice(places[i - 1], places[i])));
        assertSame(merged, aggregate(list), list);
      }),
      { numRuns },
    );
  });

  test('gathered in wider buckets are what one pass over those gives', () => {
    const days = createBucketing(parseBucket('1d'), 'Europe/Berlin');
    fc.assert(
      fc.property(points(120), points(20), (list, before) => {
        const hours = aggregate(list, createBucketing(parseBucket('1h'), 'Europe/Berlin'), true);
        const gathered = aggregate(before, days, true);
        gathered.merge(hours, days);
        assertSame(gathered, aggregate([...list, ...before], days, true), [...list, ...before], days);
      }),
      { numRuns },
    );
  });

  test('come back from their rows, and take more afterwards', () => {
    fc.assert(
      fc.property(points(60), points(60), (list, more) => {
        const kept = aggregate(list, minutes(1), true);
        const sketches = Array.from({ length: kept.length }, (_, i) =>
          QuantileSketch.fromBytes((kept.sketch(i) as QuantileSketch).toBytes()),
        );
        const rows = kept.toRows();
        assert.equal(rows.length, kept.length * AGGREGATE_LENGTH);
        const back = BucketAggregates.fromRows(rows, sketches);
        assertSame(back, kept, list);
        addTo(back, more);
        assertSame(back, aggregate([...list, ...more], minutes(1), true), [...list, ...more]);
        assert.deepEqual(kept.toRows(), rows);
      }),
      { numRuns },
    );
  });

  test('do not change what is merged into another', () => {
    const one = aggregate([{ time: origin, value: 1 }], minutes(1), true);
    const other = new BucketAggregates(true);
    other.merge(one);
    other.merge(one);
    assert.equal(other.value(0, 'count'), 2);
    assert.equal(one.value(0, 'count'), 1);
    assert.equal(one.sketch(0)?.count, 1);
  });

  test('have no quantiles without sketches, and none of only one side', () => {
    const plain = aggregate([{ time: origin, value: 1 }]);
    assert.throws(() => plain.value(0, 'p50'), TypeError);
    assert.throws(() => plain.merge(new BucketAggregates(true)), TypeError);
    assert.throws(() => new BucketAggregates(true).merge(plain), TypeError);
  });
});
