import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { settleTimes } from '../../../src/core/telemetry/point-clock.ts';

const receivedAt = Date.UTC(2026, 10, 20, 8, 30);
const received = receivedAt * 1000;
const day = 86_400_000;
const minute = 60_000_000;
const clock = { receivedAt, maxBacklogMs: 400 * day };
const earliest = received - clock.maxBacklogMs * 1000;

const anyTime = fc.oneof(
  fc.integer({ min: -10, max: 10 }).map((step) => received + step * 20_000_000),
  fc.integer({ min: 0, max: 30 }).map((second) => second * 1_000_000),
  fc.integer({ min: 1, max: 50 }).map((days) => received + days * day * 1000),
  fc.constantFrom(earliest, earliest - 1, received + 2 * minute, received + 2 * minute + 1),
);

describe('times of points', () => {
  test('are all believable afterwards, those that were stay, and no two become one', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyTime, { minLength: 1, maxLength: 30 }), (given) => {
        const times = Float64Array.from(given);
        const changed = settleTimes(times, given.keys(), clock);
        const good = given.filter((time) => time >= earliest && time <= received + 2 * minute);
        assert.equal(changed, given.length - good.length);
        for (const [at, time] of times.entries()) {
          assert.ok(time >= earliest && time <= received + 2 * minute);
          if (good.includes(given[at] as number)) assert.equal(time, given[at]);
        }
        for (const group of [
          given.filter((time) => time > received + 2 * minute),
          given.filter((time) => time < earliest),
        ]) {
          const places = group.map((time) => given.indexOf(time));
          assert.equal(new Set(places.map((place) => times[place])).size, group.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('that are too far ahead or behind keep their distances, the newest counts as just taken', () => {
    const times = Float64Array.from([
      60e6,
      received + 10 * minute,
      90e6,
      received - 5,
      received + 9 * minute,
    ]);
    assert.equal(settleTimes(times, times.keys(), clock), 4);
    assert.deepEqual([...times], [received - 30e6, received, received, received - 5, received - minute]);
  });

  test('of other places are not touched', () => {
    const times = Float64Array.from([1, 2, 3]);
    assert.equal(settleTimes(times, [1], clock), 1);
    assert.deepEqual([...times], [1, received, 3]);
  });
});
