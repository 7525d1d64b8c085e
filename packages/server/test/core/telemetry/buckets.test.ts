import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { alignDown, createBucketing, parseBucket } from '../../../src/core/telemetry/buckets.ts';
import { zoneOffsets } from '../../../src/core/telemetry/zone-offsets.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 300);

const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const at = (text: string) => Date.parse(text) * 1000;
const show = (time: number) => new Date(time / 1000).toISOString();

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns', // set its clock back at 00:01, over midnight
  'America/Sao_Paulo', // had days without midnight
  'America/Havana', // sets its clock back at 01:00, so that midnight is shown twice
  'America/Caracas', // moved by half an hour
  'Africa/Casablanca', // two changes around each Ramadan
  'Africa/Monrovia', // -00:44:30 until 1972
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Asia/Beirut',
  'Australia/Lord_Howe', // half an hour of summer time
  'Pacific/Apia', // left out 30 December 2011
  'Pacific/Chatham',
  'Pacific/Kwajalein', // left out 21 August 1993
];

/** The wall clock by the calendar fields of Intl, as if it were UTC: slow, and nothing of what is tested. */
class WallClock {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    const two = '2-digit';
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    });
  }

  show(time: number): number {
    const found = this.#format.format(Math.floor(time / SECOND) * 1000).match(/\d+/g) as string[];
    const [month, day, year, hour, minute, second] = found.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return (
      Date.UTC(year, month - 1, day, hour, minute, second) * 1000 +
      (time - Math.floor(time / SECOND) * SECOND)
    );
  }
}

const clocks = new Map(zones.map((zone) => [zone, new WallClock(zone)]));
const wall = (zone: string, time: number) => (clocks.get(zone) as WallClock).show(time);

/** Beginning of the local day, week, month or group of hours that lies `steps` after the one that holds a local time. */
function localBegin(width: string, local: number, steps: number): number {
  const date = new Date(Math.floor(local / 1000));
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  if (width === '1mo') return Date.UTC(year, month + steps, 1) * 1000;
  if (width === '1w') return Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7) + 7 * steps) * 1000;
  if (width === '1d') return Date.UTC(year, month, day + steps) * 1000;
  const hours = Number(width.slice(0, -1));
  return Date.UTC(year, month, day, Math.floor(date.getUTCHours() / hours) * hours + hours * steps) * 1000;
}

/** The first second at which the clock shows a local time or later, found by looking at every minute. */
function firstShown(zone: string, local: number): number {
  let time = local - 15 * HOUR;
  while (wall(zone, time) < local) time += MINUTE;
  for (let second = time - MINUTE + SECOND; second < time; second += SECOND) {
    if (wall(zone, second) >= local) return second;
  }
  return time;
}

/** Times of years 1970 to 2037 in microseconds, the hours around changes of a zone's clock most often. */
function times(zone: string): fc.Arbitrary<number> {
  const any = fc.integer({ min: 0, max: at('2037-12-31T00:00:00Z') });
  const changes: number[] = [];
  const offsets = zoneOffsets(zone);
  for (let time = 0; time < at('2037-12-31T00:00:00Z'); ) {
    const { until, offset } = offsets.spanAt(time);
    if (!Number.isFinite(until)) break;
    if (offsets.spanAt(until).offset !== offset) changes.push(until);
    time = until;
  }
  if (changes.length === 0) return any;
  const near = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -26 * HOUR, max: 26 * HOUR }))
    .map(([change, away]) => change + away);
  const exact = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -4, max: 4 }), fc.integer({ min: -1, max: 1 }))
    .map(([change, halfHours, away]) => change + halfHours * 30 * MINUTE + away);
  return fc.oneof(any, near, exact);
}

const zoneAndTime = fc.constantFrom(...zones).chain((zone) => fc.tuple(fc.constant(zone), times(zone)));
const clockWidths = ['1s', '10s', '90s', '5m', '15m', '20m', '30m', '1h'];
const calendarWidths = ['2h', '6h', '12h', '1d', '1w', '1mo'];

describe('parseBucket', () => {
  test('reads every width that divides an hour or a day', () => {
    assert.deepEqual(parseBucket('10s'), { unit: 'clock', width: 10 * SECOND });
    assert.deepEqual(parseBucket('90s'), { unit: 'clock', width: 90 * SECOND });
    assert.deepEqual(parseBucket('60m'), parseBucket('1h'));
    assert.deepEqual(parseBucket('6h'), { unit: 'hours', width: 6 * HOUR });
    assert.deepEqual(parseBucket('1d'), { unit: 'day', width: DAY });
    assert.equal(parseBucket('1w').unit, 'week');
    assert.equal(parseBucket('1mo').unit, 'month');
  });

  test('refuses others, and says what is allowed', () => {
    const refused = (text: string, detail: RegExp) =>
      assert.throws(() => parseBucket(text), { code: 'invalid_parameter', field: 'bucket', message: detail });
    for (const text of [
      '',
      '5',
      'm',
      '0s',
      '-5m',
      '1.5h',
      '5 m',
      '1ms',
      '1y',
      '1M',
      ' 1h',
      '1e3s',
      '9999999s',
    ])
      refused(text, /a number and a unit/);
    for (const text of ['2d', '7d', '2w', '3mo']) refused(text, /only 1d, 1w and 1mo/);
    for (const text of ['7s', '7m', '45m', '90m', '5h', '48h', '3601s']) refused(text, /must divide/);
    for (const text of ['24h', '1440m']) refused(text, /asked for as 1d/);
  });

  test('an unknown zone is refused with the nearest name', () => {
    assert.throws(() => createBucketing(parseBucket('1d'), 'Europe/Berln'), {
      code: 'invalid_parameter',
      message: /Europe\/Berlin/,
    });
  });
});

describe('buckets of up to an hour', () => {
  test('hold the time, are no longer than the width, and follow each other', () => {
    fc.assert(
      fc.property(zoneAndTime, fc.constantFrom(...clockWidths), ([zone, time], text) => {
        const { width } = parseBucket(text);
        const bucketing = createBucketing(parseBucket(text), zone);
        const start = bucketing.bucketStart(time);
        const next = bucketing.nextBucket(start);
        assert.ok(start <= time && time < next && next - start <= width);
        assert.equal(bucketing.bucketStart(start), start);
        assert.equal(bucketing.bucketStart(next - 1), start);
        assert.equal(bucketing.bucketStart(next), next);
      }),
      { numRuns: numRuns * 10 },
    );
  });

  test('begin and end on the grid of the wall clock, or where a change shifts the grid', () => {
    let cut = 0;
    fc.assert(
      fc.property(zoneAndTime, fc.constantFrom(...clockWidths), ([zone, time], text) => {
        const { width } = parseBucket(text);
        const bucketing = createBucketing(parseBucket(text), zone);
        const start = bucketing.bucketStart(time);
        const next = bucketing.nextBucket(start);
        for (const boundary of [start, next]) {
          const before = wall(zone, boundary - 1) + 1;
          const onGrid = wall(zone, boundary) % width === 0 && before % width === 0;
          const shifted = (wall(zone, boundary) - before) % width !== 0;
          assert.ok(onGrid || shifted, `${zone} ${text} ${show(boundary)}`);
          if (!onGrid) cut += 1;
        }
        // Within a bucket the clock runs on the same grid: no boundary is left out.
        const whole = wall(zone, start) % width === 0 && (wall(zone, next - 1) + 1) % width === 0;
        assert.ok(!whole || next - start === width, `${zone} ${text} ${show(start)}`);
      }),
      { numRuns: numRuns * 5 },
    );
    assert.ok(cut > 0);
  });

  test('an hour that the clock shows twice is two buckets; the half hour of Lord Howe is cut', () => {
    const berlin = createBucketing(parseBucket('1h'), 'Europe/Berlin');
    assert.equal(berlin.nextBucket(at('2026-10-25T00:00:00Z')), at('2026-10-25T01:00:00Z'));
    const kolkata = createBucketing(parseBucket('1h'), 'Asia/Kolkata');
    assert.equal(kolkata.bucketStart(at('2026-10-25T00:10:00Z')), at('2026-10-24T23:30:00Z'));
    const howe = createBucketing(parseBucket('1h'), 'Australia/Lord_Howe');
    assert.equal(howe.bucketStart(at('2026-10-03T15:40:00Z')), at('2026-10-03T15:30:00Z'));
    assert.equal(howe.nextBucket(at('2026-10-03T15:30:00Z')), at('2026-10-03T16:00:00Z'));
  });
});

describe('buckets by the calendar', () => {
  test('begin when the clock first shows their beginning, by a search through every minute', () => {
    fc.assert(
      fc.property(zoneAndTime, fc.constantFrom(...calendarWidths), ([zone, time], text) => {
        let steps = 0;
        const local = wall(zone, time);
        let start = firstShown(zone, localBegin(text, local, 0));
        let next = firstShown(zone, localBegin(text, local, 1));
        while (next <= time) {
          steps += 1;
          start = next;
          next = firstShown(zone, localBegin(text, local, steps + 1));
        }
        const bucketing = createBucketing(parseBucket(text), zone);
        assert.equal(show(bucketing.bucketStart(time)), show(start), `${zone} ${text} ${show(time)}`);
        assert.equal(show(bucketing.nextBucket(start)), show(next), `${zone} ${text} ${show(time)}`);
      }),
      { numRuns },
    );
  });

  test('follow each other without a gap', () => {
    fc.assert(
      fc.property(zoneAndTime, fc.constantFrom(...calendarWidths), ([zone, time], text) => {
        const bucketing = createBucketing(parseBucket(text), zone);
        const start = bucketing.bucketStart(time);
        const next = bucketing.nextBucket(start);
        assert.ok(start <= time && time < next);
        // Asked for again without what the first look-up left behind.
        const fresh = () => createBucketing(parseBucket(text), zone);
        assert.equal(fresh().bucketStart(start), start);
        assert.equal(fresh().bucketStart(next - 1), start);
        assert.equal(fresh().bucketStart(next), next);
        assert.equal(fresh().nextBucket(start), next);
      }),
      { numRuns: numRuns * 5 },
    );
  });

  const lengths = (zone: string, text: string, from: string, count: number) => {
    const bucketing = createBucketing(parseBucket(text), zone);
    let start = bucketing.bucketStart(at(from));
    return Array.from({ length: count }, () => {
      const next = bucketing.nextBucket(start);
      const hours = (next - start) / HOUR;
      start = next;
      return hours;
    });
  };

  test('days have 23 and 25 hours where clocks change; a week and a month with one, too', () => {
    assert.deepEqual(lengths('Europe/Berlin', '1d', '2026-03-28T12:00:00Z', 3), [24, 23, 24]);
    assert.deepEqual(lengths('Europe/Berlin', '1d', '2026-10-24T12:00:00Z', 3), [24, 25, 24]);
    assert.deepEqual(lengths('Europe/Berlin', '1w', '2026-03-25T12:00:00Z', 2), [167, 168]);
    assert.deepEqual(lengths('Europe/Berlin', '1mo', '2026-03-25T12:00:00Z', 2), [743, 720]);
    assert.deepEqual(lengths('Europe/Berlin', '6h', '2026-03-29T00:00:00Z', 2), [5, 6]);
    assert.deepEqual(lengths('UTC', '1mo', '2024-02-25T12:00:00Z', 2), [696, 744]);
  });

  test('a day without midnight begins at its first moment; a date left out is no bucket', () => {
    const beirut = createBucketing(parseBucket('1d'), 'Asia/Beirut');
    assert.equal(show(beirut.bucketStart(at('2026-03-29T12:00:00Z'))), '2026-03-28T22:00:00.000Z');
    assert.equal(wall('Asia/Beirut', at('2026-03-28T22:00:00Z')), at('2026-03-29T01:00:00Z'));
    assert.deepEqual(lengths('Pacific/Apia', '1d', '2011-12-29T12:00:00Z', 3), [24, 24, 24]);
    const apia = createBucketing(parseBucket('1d'), 'Pacific/Apia');
    const skipped = apia.bucketStart(at('2011-12-30T12:00:00Z'));
    assert.equal(wall('Pacific/Apia', skipped), at('2011-12-31T00:00:00Z'));
  });

  test('a day begins where its midnight is shown first, though the clock goes back over it', () => {
    const zone = 'America/St_Johns';
    assert.equal(wall(zone, at('2010-11-07T02:30:30Z')), at('2010-11-07T00:00:30Z'));
    assert.equal(wall(zone, at('2010-11-07T02:31:00Z')), at('2010-11-06T23:01:00Z'));
    for (const text of ['1d', '12h']) {
      // A fresh one for each: the bucket that was found last would be told again.
      const startOf = (time: number) => createBucketing(parseBucket(text), zone).bucketStart(time);
      for (const time of ['2010-11-07T02:30:00Z', '2010-11-07T02:50:00Z', '2010-11-07T04:00:00Z'])
        assert.equal(show(startOf(at(time))), '2010-11-07T02:30:00.000Z');
      assert.equal(show(startOf(at('2010-11-07T02:30:00Z') - 1)).slice(0, 10), '2010-11-06');
    }
  });

  test('weeks begin on Monday, before the epoch as well', () => {
    const weeks = createBucketing(parseBucket('1w'));
    assert.equal(show(weeks.bucketStart(0)), '1969-12-29T00:00:00.000Z');
    assert.equal(show(weeks.bucketStart(at('2026-11-22T23:59:59Z'))), '2026-11-16T00:00:00.000Z');
    const months = createBucketing(parseBucket('1mo'), 'America/New_York');
    assert.equal(show(months.bucketStart(-1)), '1969-12-01T05:00:00.000Z');
  });
});

describe('alignDown', () => {
  test('is exact for every time that a double holds', () => {
    const widths = fc.constantFrom(...[1, 10, 90, 3600, 86_400].map((seconds) => seconds * SECOND));
    const limit = Number.MAX_SAFE_INTEGER - DAY;
    const time = fc.oneof(
      fc.integer({ min: -limit, max: limit }),
      fc.integer({ min: -9_000_000_000, max: 9_000_000_000 }).map((seconds) => seconds * SECOND - 1),
    );
    fc.assert(
      fc.property(time, widths, (value, width) => {
        const rest = ((BigInt(value) % BigInt(width)) + BigInt(width)) % BigInt(width);
        assert.equal(alignDown(value, width, 0), Number(BigInt(value) - rest) + 0);
      }),
      { numRuns: numRuns * 20 },
    );
  });
});

describe('zoneOffsets', () => {
  test('agrees with the wall clock to the second', () => {
    fc.assert(
      fc.property(zoneAndTime, ([zone, time]) => {
        const span = zoneOffsets(zone).spanAt(time);
        assert.ok(span.from <= time && time < span.until);
        assert.equal(time + span.offset, wall(zone, time), `${zone} ${show(time)}`);
      }),
      { numRuns: numRuns * 10 },
    );
  });

  test('knows a zone by all of its names once', () => {
    assert.equal(zoneOffsets('Asia/Calcutta'), zoneOffsets('Asia/Kolkata'));
    assert.equal(zoneOffsets('Etc/UTC').spanAt(0).until, Number.POSITIVE_INFINITY);
  });
});
