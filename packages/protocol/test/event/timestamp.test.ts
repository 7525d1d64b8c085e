import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  explainTimestamp,
  formatTimestamp,
  maxTimestamp,
  minTimestamp,
  parseTimestamp,
} from '../../src/event/timestamp.ts';

const instant = fc.oneof(
  fc.integer({ min: minTimestamp, max: maxTimestamp }),
  fc.integer({ min: 1_500_000_000_000, max: 1_900_000_000_000 }),
  fc.constantFrom(minTimestamp, maxTimestamp, 0, -1),
);

function two(value: number): string {
  return String(value).padStart(2, '0');
}

test('timestamps are written and read back unchanged', () => {
  fc.assert(
    fc.property(instant, (ms) => {
      assert.equal(parseTimestamp(formatTimestamp(ms)), ms);
      assert.equal(parseTimestamp(ms), ms);
      assert.match(formatTimestamp(ms), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }),
    { numRuns: 2000 },
  );
});

test('timestamps with an offset and any fraction agree with Date', () => {
  const zone = fc.tuple(fc.constantFrom('+', '-'), fc.nat(23), fc.nat(59));
  const fraction = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 12 });
  fc.assert(
    fc.property(
      instant,
      zone,
      fraction,
      fc.constantFrom('T', 't'),
      (ms, [sign, hours, minutes], digits, t) => {
        const wall = formatTimestamp(ms).slice(0, 19).replace('T', t);
        const written = `${wall}${digits === '' ? '' : `.${digits}`}${sign}${two(hours)}:${two(minutes)}`;
        const forDate = `${wall.toUpperCase()}.${digits.padEnd(3, '0').slice(0, 3)}Z`;
        const shift = (sign === '+' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
        const expected = Date.parse(forDate) + shift;
        const inRange = expected >= minTimestamp && expected <= maxTimestamp;
        assert.equal(parseTimestamp(written), inRange ? expected : Number.NaN);
      },
    ),
    { numRuns: 2000 },
  );
});

test('a date that does not exist is refused', () => {
  const part = (max: number) => fc.integer({ min: 0, max });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9999 }),
      part(13),
      part(32),
      part(25),
      part(61),
      part(61),
      (year, month, day, hour, minute, second) => {
        const time = `${two(hour)}:${two(minute)}:${two(second)}`;
        const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${time}Z`;
        // Date rolls what does not exist over into the next month: then it does not come back as it went in.
        const date = new Date(0);
        date.setUTCFullYear(year, month - 1, day);
        date.setUTCHours(hour, minute, second);
        const exists = date.toISOString() === text.replace('Z', '.000Z');
        assert.equal(parseTimestamp(text), exists ? date.getTime() : Number.NaN);
      },
    ),
    { numRuns: 5000 },
  );
});

test('text that is not strict RFC 3339 is refused', () => {
  const wrong = [
    [
      '',
      '2026-11-20',
      '2026-11-20T08:30:00',
      '2026-11-20 08:30:00Z',
      '2026-11-20T08:30Z',
      '20261120T083000Z',
    ],
    ['2023-02-30T00:00:00Z', '2023-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-04-31T00:00:00Z'],
    ['2026-11-20T24:00:00Z', '2026-11-20T08:60:00Z', '2026-11-20T08:30:60Z', '2016-12-31T23:59:60Z'],
    [
      '2026-11-20T08:30:00.Z',
      '2026-11-20T08:30:00,5Z',
      '2026-11-20T08:30:00+24:00',
      '2026-11-20T08:30:00+02:60',
    ],
    ['2026-11-20T08:30:00+02', '2026-11-20T08:30:00+0200', '2026-11-20T08:30:00ZZ', '2026-11-20T08:30:00Z '],
    [' 2026-11-20T08:30:00Z', '+002026-11-20T08:30:00Z', '2026-11-2٠T08:30:00Z', '2026-1a-20T08:30:00Z'],
    [
      '0000-01-01T00:00:00+00:01',
      '9999-12-31T23:59:59-00:01',
      '1795163400000',
      'now',
      '2026-11-20T08:30:00.5',
    ],
  ].flat();
  for (const text of wrong) assert.equal(parseTimestamp(text), Number.NaN, text);
});

test('numbers are epoch milliseconds of the years 0 to 9999, cut to whole ones', () => {
  assert.equal(parseTimestamp(1_795_163_400_000.9), 1_795_163_400_000);
  assert.equal(parseTimestamp(-0.5), -1);
  assert.equal(Object.is(parseTimestamp(-0), 0), true);
  for (const value of [maxTimestamp + 1, minTimestamp - 1, Number.POSITIVE_INFINITY, Number.NaN, 1e300]) {
    assert.equal(parseTimestamp(value), Number.NaN);
  }
  for (const value of [null, undefined, true, {}, [], ['2026-11-20T08:30:00Z']]) {
    assert.equal(parseTimestamp(value), Number.NaN);
  }
});

test('a refused timestamp is explained', () => {
  assert.match(explainTimestamp('2023-02-30T00:00:00Z'), /does not exist/);
  assert.match(explainTimestamp('2026-11-20T08:30:00'), /has no zone; add Z/);
  assert.match(explainTimestamp('1795163400000'), /without quotes/);
  assert.match(explainTimestamp(1e300), /outside the years 0 to 9999/);
  assert.match(explainTimestamp(true), /neither text nor a number/);
  assert.match(explainTimestamp('yesterday'), /is "yesterday"; send RFC 3339/);
});
