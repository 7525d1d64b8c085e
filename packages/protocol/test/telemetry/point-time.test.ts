import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maxTimestamp, minTimestamp, parseTimestamp } from '../../src/event/timestamp.ts';
import { maxPointTime, minPointTime } from '../../src/telemetry/point-batch.ts';
import { parsePointTime } from '../../src/telemetry/point-time.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
/** Microseconds of the years 1970 to 2100: what a double of milliseconds tells apart. */
const recent = fc.integer({ min: 0, max: 4_102_444_800_000_000 });

test('a text keeps its microseconds, whatever follows them', () => {
  const zone = fc.constantFrom('Z', '+00:00', '+05:30', '-11:59');
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(
      fc.integer({ min: -9e9, max: 9e9 - 1 }),
      fc.option(digits),
      zone,
      (second, fraction, offset) => {
        const text = `${new Date(second * 1000).toISOString().slice(0, 19)}${fraction === null ? '' : `.${fraction}`}${offset}`;
        const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? ['', '+', '0', '0'];
        const shift = (Number(hours) * 60 + Number(minutes)) * 60_000_000 * (sign === '-' ? -1 : 1);
        const micros = Number((fraction ?? '').slice(0, 6).padEnd(6, '0'));
        assert.equal(parsePointTime(text), second * 1e6 + micros - shift);
      },
    ),
    { numRuns },
  );
});

test('a number of milliseconds gives its microsecond back', () => {
  fc.assert(
    fc.property(recent, (micros) => {
      assert.equal(parsePointTime(micros / 1000), micros);
      assert.equal(parsePointTime(Number((micros / 1000).toFixed(3))), micros);
    }),
    { numRuns },
  );
  assert.equal(parsePointTime(-0.001), -1);
  assert.equal(parsePointTime(-0.0015), -2);
  assert.equal(parsePointTime(0.0019), 1);
  assert.equal(parsePointTime(1_763_800_000_000.75), 1_763_800_000_000_750);
});

test('is a time exactly where a timestamp is one, within the times of a point', () => {
  const wild = fc.oneof(
    fc.double(),
    fc.integer({ min: minTimestamp - 5, max: maxTimestamp + 5 }),
    fc.string(),
    fc.anything(),
  );
  fc.assert(
    fc.property(wild, (value) => {
      const ms = parseTimestamp(value);
      const time = parsePointTime(value);
      assert.equal(Number.isNaN(time), Number.isNaN(ms));
      if (Number.isNaN(ms)) return;
      assert.ok(Number.isSafeInteger(time));
      assert.equal(
        Math.floor(time / 1000),
        Math.max(Math.floor(minPointTime / 1000), Math.min(Math.floor(maxPointTime / 1000), ms)),
      );
    }),
    { numRuns },
  );
  assert.equal(parsePointTime('0001-01-01T00:00:00Z'), minPointTime);
  assert.equal(parsePointTime('9999-12-31T23:59:59Z'), maxPointTime);
});
