import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CLOCK_TOLERANCE_MS, correctClock } from '../../src/core/clock.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

const day = 86_400_000;
const now = Date.UTC(2026, 10, 20, 8, 30);

/** Any date of years 0 to 9999, those near the present most often. */
const anyTime = fc.oneof(
  fc.integer({ min: now - 500 * day, max: now + 500 * day }),
  fc.integer({ min: now - 3 * CLOCK_TOLERANCE_MS, max: now + 3 * CLOCK_TOLERANCE_MS }),
  fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
  fc.constantFrom(0, now, now - CLOCK_TOLERANCE_MS, now + CLOCK_TOLERANCE_MS, now + CLOCK_TOLERANCE_MS + 1),
);
const receipt = fc.oneof(fc.constant(now), fc.integer({ min: now, max: now + 900 * day }));
const backlog = fc.constantFrom(0, day, 400 * day);
const large = fc
  .integer({ min: CLOCK_TOLERANCE_MS + 1, max: 20_000 * day })
  .chain((size) => fc.constantFrom(size, -size));

describe('correctClock', () => {
  test('is never later than the receipt and never older than the backlog', () => {
    fc.assert(
      fc.property(fc.option(anyTime), fc.option(anyTime), receipt, backlog, (time, sent, received, max) => {
        const { timestamp } = correctClock(time, sent, received, max);
        assert.ok(Number.isSafeInteger(timestamp));
        assert.ok(timestamp <= received);
        assert.ok(timestamp >= received - max);
      }),
      { numRuns },
    );
  });

  test('gives the receipt wherever the time is unknown, and unknown wherever no time was sent', () => {
    let unknowns = 0;
    fc.assert(
      fc.property(fc.option(anyTime), fc.option(anyTime), receipt, backlog, (time, sent, received, max) => {
        const { timestamp, clockQuality } = correctClock(time, sent, received, max);
        if (clockQuality === 'unknown') unknowns += 1;
        if (clockQuality === 'unknown') assert.equal(timestamp, received);
        if (time === null) assert.equal(clockQuality, 'unknown');
      }),
      { numRuns },
    );
    assert.ok(unknowns > 0);
  });

  test('finds the true time of a device whose clock is off by any constant', () => {
    fc.assert(
      fc.property(large, fc.nat({ max: 400 * day }), receipt, (offset, age, received) => {
        const truth = received - age;
        assert.deepEqual(correctClock(truth + offset, received + offset, received, 400 * day), {
          timestamp: truth,
          clockQuality: 'corrected',
        });
      }),
      { numRuns },
    );
  });

  test('keeps the distance between two events of one attempt', () => {
    const ages = fc.tuple(fc.nat({ max: 300 * day }), fc.nat({ max: 300 * day }));
    fc.assert(
      fc.property(large, ages, fc.nat({ max: day }), receipt, (offset, [one, two], latency, received) => {
        const sent = received - latency + offset;
        fc.pre(Math.abs(received - sent) > CLOCK_TOLERANCE_MS);
        const times = [one, two].map((age) => correctClock(sent - age, sent, received, 400 * day).timestamp);
        assert.equal((times[1] as number) - (times[0] as number), one - two);
      }),
      { numRuns },
    );
  });

  test('leaves a right clock alone: drift up to two minutes is not corrected', () => {
    const drift = fc.integer({ min: -CLOCK_TOLERANCE_MS, max: CLOCK_TOLERANCE_MS });
    fc.assert(
      fc.property(drift, fc.nat({ max: 399 * day }), receipt, (offset, age, received) => {
        const time = received + offset - age;
        assert.deepEqual(correctClock(time, received + offset, received, 400 * day), {
          timestamp: Math.min(time, received),
          clockQuality: 'ok',
        });
      }),
      { numRuns },
    );
  });

  test('takes a time without sent_at as it is where nothing contradicts it', () => {
    const ok = (timestamp: number) => ({ timestamp, clockQuality: 'ok' });
    const unknown = { timestamp: now, clockQuality: 'unknown' };
    assert.deepEqual(correctClock(now - 399 * day, null, now, 400 * day), ok(now - 399 * day));
    assert.deepEqual(correctClock(now - 400 * day, null, now, 400 * day), ok(now - 400 * day));
    assert.deepEqual(correctClock(now - 400 * day - 1, null, now, 400 * day), unknown);
    assert.deepEqual(correctClock(now + CLOCK_TOLERANCE_MS, null, now, 400 * day), ok(now));
    assert.deepEqual(correctClock(now + CLOCK_TOLERANCE_MS + 1, null, now, 400 * day), unknown);
    assert.deepEqual(correctClock(0, null, now, 400 * day), unknown);
  });

  test('corrects a clock that started in 1970, and does not invent a time for events from before it was set', () => {
    assert.deepEqual(correctClock(3_000, 60_000, now, 400 * day), {
      timestamp: now - 57_000,
      clockQuality: 'corrected',
    });
    assert.deepEqual(correctClock(3_000, now - 500, now, 400 * day), {
      timestamp: now,
      clockQuality: 'unknown',
    });
  });

  test('corrects from one millisecond over two minutes', () => {
    const drift = (ms: number) => correctClock(now - day, now - ms, now, 400 * day);
    assert.deepEqual(drift(CLOCK_TOLERANCE_MS), { timestamp: now - day, clockQuality: 'ok' });
    assert.deepEqual(drift(CLOCK_TOLERANCE_MS + 1), {
      timestamp: now - day + CLOCK_TOLERANCE_MS + 1,
      clockQuality: 'corrected',
    });
  });
});
