import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PointBatchBuilder } from '../../src/telemetry/point-batch-builder.ts';
import type { Row } from './reference-line-decoder.ts';
import { rowsOfBatch } from './rows-of-batch.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000) / 4;

const row: fc.Arbitrary<Row> = fc
  .record({
    deviceId: fc.constantFrom('a', 'b', 'ab'),
    key: fc.constantFrom('m', 'bm', 'n'),
    time: fc.maxSafeInteger(),
    value: fc.oneof(fc.double({ noNaN: true }), fc.boolean(), fc.string()),
  })
  .map(({ value, ...rest }) =>
    typeof value === 'boolean'
      ? { ...rest, kind: 1, value: value ? 1 : 0 }
      : { ...rest, kind: typeof value === 'number' ? 0 : 2, value },
  );

/** Groups of rows; those that are not kept are taken back after they were added. */
const groups = fc.array(fc.record({ rows: fc.array(row, { maxLength: 30 }), kept: fc.boolean() }), {
  maxLength: 6,
});

function add(builder: PointBatchBuilder, { deviceId, key, time, kind, value }: Row): void {
  const series = builder.seriesIndex(deviceId, key);
  if (typeof value === 'string') builder.addText(series, time, value);
  else if (kind === 1) builder.addBoolean(series, time, value === 1);
  else builder.addNumber(series, time, value);
}

test('a batch holds what was added and not taken back, whatever the builder made before', () => {
  const builder = new PointBatchBuilder(16);
  fc.assert(
    fc.property(groups, (all) => {
      for (const { rows, kept } of all) {
        const mark = builder.mark();
        for (const each of rows) add(builder, each);
        if (!kept) builder.rollback(mark);
      }
      const expected = all.filter(({ kept }) => kept).flatMap(({ rows }) => rows);
      assert.equal(builder.count, expected.length);
      assert.deepEqual(rowsOfBatch(builder.finish()), expected);
      assert.equal(builder.count + builder.seriesCount, 0);
    }),
    { numRuns },
  );
});

test('a batch is not changed by the next one', () => {
  const builder = new PointBatchBuilder();
  builder.addText(builder.seriesIndex('a', 'm'), 1, 'one');
  const first = builder.finish();
  builder.addNumber(builder.seriesIndex('b', 'n'), 2, 3);
  builder.finish();
  assert.deepEqual(rowsOfBatch(first), [{ deviceId: 'a', key: 'm', time: 1, kind: 2, value: 'one' }]);
});

test('series that were added without a look-up are found by one', () => {
  const builder = new PointBatchBuilder();
  const name = { deviceId: 'a', key: 'm' };
  assert.equal(builder.seriesIndex('a', 'k'), 0);
  assert.equal(builder.addSeries(name), 1);
  assert.equal(builder.seriesIndex('a', 'm'), 1);
  assert.equal(builder.seriesIndex('b', 'm'), 2);
  assert.equal(builder.seriesAt(1), name);
  assert.equal(builder.seriesAt(3), undefined);
});
