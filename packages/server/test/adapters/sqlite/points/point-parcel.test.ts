import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ParcelView,
  packPoints,
  readSeriesBytes,
  seriesBytes,
} from '../../../../src/adapters/store/sqlite/points/point-parcel.ts';
import { pointBatch } from '../../../../src/conformance/telemetry/make-points.ts';

const anyPoints = fc.array(
  fc.record({
    deviceId: fc.stringMatching(/^[a-z0-9][a-z0-9._:@-]{0,127}$/),
    key: fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }).map((text) => text.toWellFormed()),
    time: fc.maxSafeInteger(),
    value: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    ),
  }),
  { maxLength: 30 },
);

const fewSeries = fc.record({
  deviceId: fc.constantFrom('a', 'b'),
  key: fc.constantFrom('t', 'u'),
  time: fc.maxSafeInteger(),
  value: fc.integer(),
});

describe('a parcel of points', () => {
  test('any batch survives, bit for bit', () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const batch = pointBatch(points);
        const parcel = new ParcelView(packPoints(batch));
        assert.equal(parcel.count, batch.count);
        assert.deepEqual(parcel.times, batch.times);
        assert.deepEqual(parcel.values, batch.values);
        assert.deepEqual([...parcel.seriesOf], [...batch.seriesOf]);
        assert.deepEqual([...(parcel.kinds ?? new Uint8Array(batch.count))], [...batch.kinds]);
        assert.deepEqual(parcel.texts, batch.texts);
        const names = batch.series.map((_, at) =>
          readSeriesBytes(parcel.bytes.subarray(parcel.names[at], parcel.names[at + 1])),
        );
        assert.deepEqual(names, batch.series);
        for (const [at, { deviceId, key }] of batch.series.entries()) {
          const own = parcel.bytes.subarray(parcel.names[at], parcel.names[at + 1]);
          assert.deepEqual(Buffer.from(seriesBytes(deviceId, key)), Buffer.from(own));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('what is left after any are dropped is as if these had never come', () => {
    const anyDropped = fc.array(fc.boolean(), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fewSeries, { maxLength: 30 }), anyDropped, (points, dropped) => {
        const parcel = new ParcelView(packPoints(pointBatch(points)));
        const left = points.filter((_, at) => dropped[at] !== true);
        for (const at of points.keys()) if (dropped[at] === true) parcel.drop(at, at + 1);
        const expected = new ParcelView(packPoints(pointBatch(left)));
        const kept = parcel.kept();
        assert.equal(kept.count, left.length);
        assert.deepEqual(kept.times, expected.times);
        assert.deepEqual(kept.values, expected.values);
        assert.deepEqual([...kept.seriesOf], [...expected.seriesOf]);
        const names = [...kept.names].map((name) =>
          readSeriesBytes(parcel.bytes.subarray(parcel.names[name], parcel.names[name + 1])),
        );
        assert.deepEqual(names, pointBatch(left).series);
      }),
      { numRuns: 500 },
    );
  });

  test('bytes of another version are refused', () => {
    const bytes = packPoints(pointBatch([{ deviceId: 'a', key: 't', time: 0, value: 1 }]));
    bytes[0] = 2;
    assert.throws(() => new ParcelView(bytes), RangeError);
  });
});
