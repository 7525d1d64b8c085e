import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSeriesKey, explainSeries } from '@pisync/protocol';
import fc from 'fast-check';
import type { TrackPoint } from '../../src/import/import-item.ts';
import { trackTelemetry } from '../../src/import/track-telemetry.ts';

const optional = (least: number, most: number) =>
  fc.option(fc.double({ min: least, max: most, noNaN: true }), { nil: null });
const point: fc.Arbitrary<TrackPoint> = fc.record({
  deviceTime: fc.option(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), { nil: null }),
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
  altitude: optional(-1e6, 1e6),
  accuracy: optional(0, 1e6),
  heading: optional(0, 359),
  speed: optional(0, 1e3),
  track: fc.option(fc.string({ unit: 'binary', maxLength: 300 }), { nil: null }),
  segment: fc.nat(1000),
});

test('each value of each point is a point of telemetry of a series that can be', () => {
  fc.assert(
    fc.property(fc.array(point, { maxLength: 20 }), (points) => {
      const batch = trackTelemetry(points, 'unit-1');
      const timed = points.filter(({ deviceTime }) => deviceTime !== null);
      const values = timed.flatMap(({ lat, lon, altitude, accuracy, heading, speed }) =>
        [lat, lon, altitude, accuracy, heading, speed].filter((value) => value !== null),
      );
      assert.deepEqual([...batch.values], values);
      for (const { deviceId, key } of batch.series) {
        assert.equal(deviceId, 'unit-1');
        const { metric, tags } = decodeSeriesKey(key);
        assert.equal(explainSeries(metric, tags, key), undefined);
      }
      assert.ok(batch.times.every((time) => Number.isSafeInteger(time)));
    }),
  );
});

test('the tags tell track and segment', () => {
  const given = { deviceTime: 1000, lat: 1, lon: 2, altitude: null, accuracy: null, heading: null, speed: 3 };
  const { series, times } = trackTelemetry(
    [
      { ...given, track: 'Morning\nwalk', segment: 2 },
      { ...given, track: null, segment: 0 },
    ],
    'unit-1',
  );
  assert.deepEqual(series.map(({ key }) => decodeSeriesKey(key)).slice(2, 4), [
    {
      metric: 'gps_speed',
      tags: [
        ['segment', '2'],
        ['track', 'Morning walk'],
      ],
    },
    { metric: 'gps_lat', tags: [['segment', '0']] },
  ]);
  assert.equal(times[0], 1_000_000);
});
