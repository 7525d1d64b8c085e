import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readBigint, writeBigint } from '../../../../src/adapters/store/postgres/wire/binary-bigint.ts';
import {
  readMicroseconds,
  readMilliseconds,
  writeMicroseconds,
  writeMilliseconds,
} from '../../../../src/adapters/store/postgres/wire/binary-time.ts';
import { microsecondsLiteral } from '../../../../src/adapters/store/postgres/wire/literals.ts';

/** Of 2000-01-01, where the server counts from. */
const EPOCH_MS = 946_684_800_000;

/** A number within bounds, often at the end of a word or of a range. */
function near(least: number, most: number, ...places: readonly number[]): fc.Arbitrary<number> {
  const words = fc
    .tuple(fc.integer({ min: -(2 ** 21), max: 2 ** 21 }), fc.constantFrom(...places), fc.integer())
    .map(([high, place, off]) => high * 2 ** 32 + place + (off % 3));
  return fc
    .oneof(fc.integer({ min: least, max: most }), words, fc.constantFrom(least, most, 0, -1, 1, EPOCH_MS))
    .filter((value) => value >= least && value <= most);
}

const safe = near(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0, EPOCH_MS * 1000);

/** What a `Date` can hold. */
const LAST_DATE = 8_640_000_000_000_000;
const dates = near(-LAST_DATE, LAST_DATE, 0, EPOCH_MS);

test('times in microseconds are exact for every safe integer', () => {
  fc.assert(
    fc.property(safe, (time) => {
      const view = new DataView(new ArrayBuffer(8));
      writeMicroseconds(view, 0, time);
      assert.equal(view.getBigInt64(0), BigInt(time) - BigInt(EPOCH_MS) * 1000n);
      assert.equal(readMicroseconds(view, 0), time);
      const literal = microsecondsLiteral(time);
      const [, ms, micros] = /^timestamptz '(.{23})(\d{3})Z'$/.exec(literal) as unknown as string[];
      assert.equal(BigInt(Date.parse(`${ms}Z`)) * 1000n + BigInt(micros as string), BigInt(time));
    }),
    { numRuns: 1_000 },
  );
});

test('times in milliseconds are exact for every date', () => {
  fc.assert(
    fc.property(dates, (time) => {
      const view = new DataView(new ArrayBuffer(8));
      writeMilliseconds(view, 0, time);
      assert.equal(view.getBigInt64(0), (BigInt(time) - BigInt(EPOCH_MS)) * 1000n);
      assert.equal(readMilliseconds(view, 0), time);
    }),
    { numRuns: 1_000 },
  );
});

test('a time between two milliseconds is read as the nearer one', () => {
  fc.assert(
    fc.property(dates, fc.integer({ min: -499, max: 499 }), (time, off) => {
      const view = new DataView(new ArrayBuffer(8));
      view.setBigInt64(0, (BigInt(time) - BigInt(EPOCH_MS)) * 1000n + BigInt(off));
      assert.equal(readMilliseconds(view, 0), time);
    }),
  );
});

test('numbers are exact for every safe integer', () => {
  fc.assert(
    fc.property(safe, (value) => {
      const view = new DataView(new ArrayBuffer(8));
      writeBigint(view, 0, value);
      assert.equal(view.getBigInt64(0), BigInt(value));
      assert.equal(readBigint(view, 0), value);
    }),
    { numRuns: 1_000 },
  );
});
