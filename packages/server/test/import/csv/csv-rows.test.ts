import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CsvRows } from '../../../src/import/csv/csv-rows.ts';

/** Fields of every row, with the bytes in pieces of one size. */
function rowsOf(text: string, size: number): string[][] {
  const rows = new CsvRows({ separator: 44, quotes: true });
  const found: string[][] = [];
  const take = () => {
    while (rows.next()) found.push(Array.from({ length: rows.count }, (_, at) => rows.field(at)));
  };
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) {
    rows.push(bytes.subarray(at, at + size));
    take();
  }
  rows.end();
  take();
  return found;
}

/** One field that is a number. */
function numberOf(text: string): number {
  const rows = new CsvRows({ separator: 44, quotes: true });
  rows.push(Buffer.from(`a,${text},b\n`));
  assert.ok(rows.next());
  return rows.number(1);
}

test('rows as RFC 4180 writes them come back, whatever the pieces and the line ends', () => {
  const field = fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', 'é', ' ') });
  const table = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 5 });
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 9 }), (rows, end, size) => {
      // A row of one empty field is a blank line.
      const kept = rows.map((row) => (row.length === 1 ? [...row, ''] : row));
      const text = kept.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(',') + end);
      assert.deepEqual(rowsOf(text.join(''), size), kept);
    }),
    { numRuns: 1000 },
  );
});

test('numbers are those that Number makes of the same digits', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 19 });
  fc.assert(
    fc.property(fc.constantFrom('', '-'), digits, fc.nat(20), (sign, all, place) => {
      const text = sign + (place < all.length ? `${all.slice(0, place)}.${all.slice(place)}` : all);
      assert.ok(Object.is(numberOf(text), Number(text)), text);
    }),
    { numRuns: 5000 },
  );
  for (const text of ['9007199254740993', '9999999999999999', '1e3', '+5', '1.', '"7"']) {
    assert.equal(numberOf(text), Number(text.replaceAll('"', '')), text);
  }
});

test('words for what is not finite, and what is no number', () => {
  assert.equal(numberOf('inf'), Number.POSITIVE_INFINITY);
  assert.equal(numberOf('-Infinity'), Number.NEGATIVE_INFINITY);
  for (const text of ['', ' ', '.', '-', '1.2.3', '0x10', 'nan', '1 2', '12a', '--1']) {
    assert.ok(Number.isNaN(numberOf(text)), text);
  }
});
