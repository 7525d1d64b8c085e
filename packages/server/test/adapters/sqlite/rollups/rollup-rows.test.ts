import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeRollupBlock,
  encodeRollupBlock,
  MAX_ROLLUP_ROWS,
} from '../../../../src/adapters/store/sqlite/rollups/rollup-block.ts';
import { openRollups } from '../../../../src/adapters/store/sqlite/rollups/rollup-reader.ts';
import { AGGREGATE_LENGTH, aggregateField as field } from '../../../../src/core/telemetry/aggregate.ts';

const hour = 3600e6;
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

/** A row as it is summed up: the mean is that of sum and count. */
const anyRow = fc
  .record({
    series: fc.nat({ max: 6 }),
    start: fc.integer({ min: -2_000_000, max: 2_000_000 }),
    count: fc.integer({ min: 1, max: 2 ** 31 }),
    numbers: fc.array(finite, { minLength: 6, maxLength: 6 }),
    offsets: fc.array(fc.nat({ max: hour - 1 }), { minLength: 2, maxLength: 2 }),
  })
  .map(({ series, start, count, numbers, offsets }) => {
    const row = new Float64Array(AGGREGATE_LENGTH);
    const [sum, min, max, first, last, squares] = numbers.map((number) => number + 0);
    row[field.start] = start * hour;
    row[field.count] = count;
    row[field.sum] = sum as number;
    row[field.min] = min as number;
    row[field.max] = max as number;
    row[field.firstTime] = start * hour + Math.min(...offsets);
    row[field.first] = first as number;
    row[field.lastTime] = start * hour + Math.max(...offsets);
    row[field.last] = last as number;
    row[field.mean] = (sum as number) / count;
    row[field.squares] = squares as number;
    return { series, start, row };
  });
type Row = typeof anyRow extends fc.Arbitrary<infer T> ? T : never;

const anyRows = fc
  .uniqueArray(anyRow, { minLength: 1, maxLength: 60, selector: ({ series, start }) => `${series} ${start}` })
  .map((rows) => rows.sort((a, b) => a.series - b.series || a.start - b.start));

function blockOf(rows: readonly Row[]): Buffer {
  const all = new Float64Array(rows.length * AGGREGATE_LENGTH);
  for (const [at, { row }] of rows.entries()) all.set(row, at * AGGREGATE_LENGTH);
  const series = Int32Array.from(rows, (row) => row.series);
  return encodeRollupBlock({ count: rows.length, series, rows: all });
}

describe('rows of rollups', () => {
  test('come back from their block bit for bit, also a full one', () => {
    const check = (rows: readonly Row[]): void => {
      const found = decodeRollupBlock(blockOf(rows));
      assert.equal(found.count, rows.length);
      assert.deepEqual(
        [...found.series],
        rows.map(({ series }) => series),
      );
      assert.deepEqual(
        [...found.rows],
        rows.flatMap(({ row }) => [...row]),
      );
    };
    fc.assert(fc.property(anyRows, check));
    const one = fc.sample(anyRow, { numRuns: 1, seed: 7 })[0] as Row;
    check(Array.from({ length: MAX_ROLLUP_ROWS }, () => one));
  });

  test('are found by series and stretch, in whatever blocks they lie and order they are asked for', () => {
    fc.assert(
      fc.property(
        anyRows,
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(fc.nat({ max: 7 }), anyRow, anyRow), { minLength: 1, maxLength: 12 }),
        (rows, size, stretches) => {
          const db = new DatabaseSync(':memory:');
          db.exec('CREATE TABLE point_rollup (id INTEGER PRIMARY KEY, run, width, series, start, data)');
          assert.equal(openRollups(db, 5, 1), null);
          const put = db.prepare(
            'INSERT INTO point_rollup (run, width, series, start, data) VALUES (5, 1, ?, ?, ?)',
          );
          for (let at = 0; at < rows.length; at += size) {
            const { series, start } = rows[at] as Row;
            put.run(series, start, blockOf(rows.slice(at, at + size)));
          }
          const reader = openRollups(db, 5, 1);
          // At rows and beside them; some stretches are empty.
          for (const [series, from, to] of stretches) {
            const bounds = [(from.start % 97) * 20_000 * hour, to.start * hour + 1] as const;
            const wanted = rows.filter(
              (row) => row.series === series && row.start * hour >= bounds[0] && row.start * hour < bounds[1],
            );
            const found = reader?.read(series, ...bounds) ?? [];
            assert.deepEqual(
              [...found],
              wanted.flatMap(({ row }) => [...row]),
            );
            assert.equal(
              reader?.read(series, -Number.MAX_VALUE, Number.MAX_VALUE).length,
              rows.filter((row) => row.series === series).length * AGGREGATE_LENGTH,
            );
          }
          db.close();
        },
      ),
    );
  });
});
