import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecordBatchReader, type Table, tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { ARROW_BATCH_ROWS } from '../../../src/http/reply/arrow-stream.ts';
import { arrowPoints } from '../../../src/http/routes/telemetry/arrow-points.ts';
import type { PointColumns } from '../../../src/ports/telemetry-store.ts';

type Value = number | boolean | string;
type Point = readonly [time: number, value: Value];

const anyTime = fc.oneof(
  fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, -1, 2 ** 32, 2 ** 32 - 1, -(2 ** 32), Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
);
const anyValues: readonly fc.Arbitrary<Value>[] = [
  fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0)),
  fc.boolean(),
  fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '=1', 'é\u{1f600}')),
];

function columnsOf(points: readonly Point[]): PointColumns {
  const texts: string[] = [];
  return {
    count: points.length,
    times: Float64Array.from(points, ([time]) => time),
    values: Float64Array.from(points, ([, value]) =>
      typeof value === 'string' ? texts.push(value) - 1 : Number(value),
    ),
    kinds: Uint8Array.from(points, ([, value]) => ['number', 'boolean', 'string'].indexOf(typeof value)),
    texts,
  };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}

async function written(slices: readonly (readonly Point[])[], kinds: number): Promise<Buffer> {
  const series = { device_id: 'pi-1', metric: 't', tags: { site: 'ä' } };
  const stream = arrowPoints({ series, kinds, slices: each(slices.map(columnsOf)) }, () => false);
  return Buffer.concat(await Array.fromAsync(stream));
}

/** Points as the columns of a table tell them. */
function readBack(bytes: Buffer): Point[] {
  const table = tableFromIPC(bytes);
  const times = rawTimes(table);
  const columns = table.schema.names.slice(1).map((name) => table.getChild(String(name)));
  return Array.from({ length: table.numRows }, (_, row) => {
    const found = columns.map((column) => column?.get(row)).filter((value) => value !== null);
    assert.equal(found.length, 1, 'one column of each row has a value');
    return [Number(times[row]), found[0] as Value];
  });
}

/** The library shows moments in milliseconds; the integers below them are what was written. */
function rawTimes(table: Table): bigint[] {
  return table.batches.flatMap(({ data, numRows }) => [
    ...((data.children[0]?.values ?? []) as BigInt64Array).subarray(0, numRows),
  ]);
}

describe('points as an Arrow stream', () => {
  test('come back as they were, of one kind or of several, in any slices', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([0, 1, 2], { minLength: 1 }).chain((kinds) => {
          const value = fc.oneof(...kinds.map((kind) => anyValues[kind] as fc.Arbitrary<Value>));
          const slice = fc.array(fc.tuple(anyTime, value), { maxLength: 20 });
          return fc.tuple(fc.constant(kinds), fc.array(slice, { maxLength: 4 }));
        }),
        async ([kinds, slices]) => {
          const mask = kinds.reduce((sum, kind) => sum + 2 ** kind, 0);
          const found = readBack(await written(slices, mask));
          const expected = slices.flat();
          assert.equal(found.length, expected.length);
          for (const [row, [time, value]] of expected.entries()) {
            assert.equal(found[row]?.[0], time);
            assert.ok(Object.is(found[row]?.[1], value), `${String(found[row]?.[1])} for ${String(value)}`);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('say what they are, also where there are none', async () => {
    const one = RecordBatchReader.from(await written([], 1)).open();
    assert.deepEqual(
      one.schema.fields.map((field) => `${field.name} ${field.type} ${field.nullable}`),
      ['timestamp Timestamp<MICROSECOND, UTC> false', 'value Float64 false'],
    );
    assert.deepEqual(
      [...one.schema.metadata],
      [
        ['device_id', 'pi-1'],
        ['metric', 't'],
        ['tags', '{"site":"ä"}'],
      ],
    );
    const several = RecordBatchReader.from(await written([], 7)).open();
    assert.deepEqual(
      several.schema.fields.map((field) => `${field.name} ${field.type} ${field.nullable}`),
      [
        'timestamp Timestamp<MICROSECOND, UTC> false',
        'number Float64 true',
        'boolean Bool true',
        'text Utf8 true',
      ],
    );
  });

  test('go out in batches that a reader can hold', async () => {
    const points = Array.from({ length: 2 * ARROW_BATCH_ROWS + 5 }, (_, at): Point => [at, at / 8]);
    const table = tableFromIPC(await written([points.slice(0, 100_000), points.slice(100_000)], 1));
    assert.deepEqual(
      table.batches.map((batch) => batch.numRows),
      [ARROW_BATCH_ROWS, 100_000 - ARROW_BATCH_ROWS, points.length - 100_000],
    );
    assert.equal(table.getChild('value')?.get(points.length - 1), (points.length - 1) / 8);
  });

  test('give their memory back when they have left, and not before', async () => {
    const columns = columnsOf(Array.from({ length: 70_000 }, (_, at): Point => [at, at / 8]));
    const series = { device_id: 'pi-1', metric: 't', tags: {} };
    for (const sent of [false, true]) {
      const slice = columnsOf(Array.from({ length: columns.count }, (_, at): Point => [at, at / 8]));
      const pieces: Buffer[] = [];
      for await (const piece of arrowPoints({ series, kinds: 1, slices: each([slice]) }, () => sent))
        pieces.push(Buffer.from(piece));
      assert.equal(slice.times.length, sent ? 0 : columns.count);
      assert.equal(slice.values.length, sent ? 0 : columns.count);
      const table = tableFromIPC(Buffer.concat(pieces));
      assert.deepEqual(table.getChild('value')?.toArray(), columns.values);
    }
  });

  test('end in an error where a point is of a kind that the schema does not have', async () => {
    await assert.rejects(written([[[0, 1]], [[1, 'text']]], 1), { code: 'store_unavailable' });
  });
});
