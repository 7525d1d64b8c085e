import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimal } from '../../src/export/decimal.ts';
import { timeText } from '../../src/export/time-text.ts';

test('a decimal has no exponent and is the same number', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.match(decimal(value), /^-?\d+(?:\.\d+)?$/);
      assert.equal(Number(decimal(value)) + 0, value + 0);
    }),
    { numRuns: 2000 },
  );
});

test('a time is what Date makes of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (ms) => {
      assert.equal(timeText(ms), new Date(ms).toISOString());
      assert.equal(timeText(ms + 1 <= 253_402_300_799_999 ? ms + 1 : ms).length, 24);
    }),
    { numRuns: 2000 },
  );
});
