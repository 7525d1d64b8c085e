import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { referenceTotals } from '../../src/conformance/model/reference-device.ts';
import { HOUR_MS, HourlyTotals, WindowTotals } from '../../src/core/totals.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

const event = fc.record({
  timestamp: fc.oneof(
    fc.integer({ min: -3 * HOUR_MS, max: 5 * HOUR_MS }),
    fc.constantFrom(-1, 0, HOUR_MS - 1, HOUR_MS, -HOUR_MS),
  ),
  totalFilesSynced: fc.nat({ max: 3 }),
  totalErrors: fc.nat({ max: 2 }),
  bytesSynced: fc.option(fc.nat({ max: 2 ** 40 })),
  internetSpeed: fc.option(fc.nat({ max: 4000 }).map((quarters) => quarters / 4)),
  syncDurationMs: fc.option(fc.nat()),
});
const events = fc.array(event, { maxLength: 40, size: 'max' });
const bound = fc.oneof(
  fc.integer({ min: -4, max: 6 }).map((hour) => hour * HOUR_MS),
  fc.integer({ min: -4 * HOUR_MS, max: 6 * HOUR_MS }),
);

describe('HourlyTotals', () => {
  test('sums each hour of corrected time as a naive sum does, in any order of arrival', () => {
    fc.assert(
      fc.property(events, bound, bound, (all, from, to) => {
        const totals = new HourlyTotals();
        for (const one of all) totals.add(one);
        const expected = [];
        for (let hour = -4 * HOUR_MS; hour < 7 * HOUR_MS; hour += HOUR_MS) {
          const inside = all.filter((one) => one.timestamp >= hour && one.timestamp < hour + HOUR_MS);
          if (inside.length > 0 && hour >= from && hour < to)
            expected.push({ hour, ...referenceTotals(inside) });
        }
        assert.deepEqual(totals.between(from, to), expected);
        assert.deepEqual(totals.total(), referenceTotals(all));
      }),
      { numRuns },
    );
  });

  test('stops at 2^53 - 1, so that huge counts give one sum in every order', () => {
    const huge = fc.constantFrom(0, 1, 2, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER);
    const counts = fc.record({ totalFilesSynced: huge, totalErrors: huge, bytesSynced: huge });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 6 }), (all) => {
        const sumOf = (list: typeof all) => {
          const totals = new HourlyTotals();
          for (const one of list) totals.add({ ...one, timestamp: 0 });
          return totals.total();
        };
        const exact = all.reduce((sum, one) => sum + BigInt(one.totalFilesSynced), 0n);
        const cap = BigInt(Number.MAX_SAFE_INTEGER);
        assert.equal(BigInt(sumOf(all).files), exact < cap ? exact : cap);
        assert.deepEqual(sumOf(all), sumOf(all.toReversed()));
      }),
      { numRuns },
    );
  });

  test('survives being written as rows, and goes on from there', () => {
    fc.assert(
      fc.property(events, events, (before, after) => {
        const whole = new HourlyTotals();
        for (const one of [...before, ...after]) whole.add(one);
        const first = new HourlyTotals();
        for (const one of before) first.add(one);
        const rows = first.toRows();
        const second = HourlyTotals.fromRows(rows);
        for (const one of after) second.add(one);
        assert.deepEqual(second.between(-Infinity, Infinity), whole.between(-Infinity, Infinity));
        assert.deepEqual(first.toRows(), rows, 'the copy is independent');
      }),
      { numRuns },
    );
  });
});

describe('WindowTotals', () => {
  test('sums as a naive sum does and averages only what was measured', () => {
    const mean = (values: readonly (number | null)[]): number | null => {
      const measured = values.filter((value) => value !== null);
      return measured.length === 0 ? null : measured.reduce((sum, value) => sum + value, 0) / measured.length;
    };
    fc.assert(
      fc.property(events, (all) => {
        const totals = new WindowTotals();
        for (const one of all) totals.add(one);
        assert.deepEqual(totals.result(), {
          ...referenceTotals(all),
          averageSpeed: mean(all.map((one) => one.internetSpeed)),
          averageDurationMs: mean(all.map((one) => one.syncDurationMs)),
        });
      }),
      { numRuns },
    );
  });
});
