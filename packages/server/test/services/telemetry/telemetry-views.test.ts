import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatPointTime } from '../../../src/services/telemetry/telemetry-views.ts';

/** Milliseconds whose microseconds are safe integers. */
const limit = 9e12;

describe('times of points', () => {
  test('are written as RFC 3339 in UTC, with microseconds where there are some', () => {
    const anyMs = fc.oneof(
      fc.integer({ min: -limit, max: limit }),
      fc.integer({ min: -7_200_000, max: 7_200_000 }),
    );
    const anyTimes = fc.array(fc.tuple(anyMs, fc.constantFrom(0, 0, 1, 70, 999)), { maxLength: 20 });
    fc.assert(
      fc.property(anyTimes, (times) => {
        for (const [ms, micros] of times) {
          const plain = new Date(ms).toISOString();
          const expected = micros === 0 ? plain : `${plain.slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
          assert.equal(formatPointTime(ms * 1000 + micros), expected);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
