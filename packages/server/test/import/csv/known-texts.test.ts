import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CsvRows } from '../../../src/import/csv/csv-rows.ts';

/** Bytes that are texts, parts of texts or none, and such whose characters are the bytes of another text. */
const bytes = fc.oneof(
  fc
    .constantFrom('a', 'b', 'ab', 'aba', 'abab', 'ababa', 'é', 'Ã©', 'é'.repeat(2), '\u{1F600}')
    .map(Buffer.from),
  fc
    .constantFrom([0xe9], [0xc3], [0xc3, 0xa9], [0xa9, 0xc3], [0x61, 0xe9], [0xff, 0xfe, 0x61])
    .map(Buffer.from),
  fc
    .uint8Array({ maxLength: 9 })
    .map((some) => Buffer.from(some.filter((byte) => ![10, 13, 34, 44].includes(byte)))),
  fc
    .tuple(fc.constantFrom(60, 63, 64, 65, 80), fc.nat(3))
    .map(([length, end]) => Buffer.from(`${'x'.repeat(length)}${end}`)),
);

test('a field is the text of its bytes, whatever stood in the fields before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(bytes, bytes), { minLength: 1, maxLength: 60 }), (wanted) => {
      const rows = new CsvRows({ separator: 44, quotes: true });
      const comma = Buffer.from(',');
      const line = ([a, b]: [Buffer, Buffer]) => Buffer.concat([a, comma, b, comma, Buffer.from('.\n')]);
      rows.push(Buffer.concat(wanted.map(line)));
      for (const [a, b] of wanted) {
        assert.ok(rows.next());
        assert.deepEqual([rows.field(0), rows.field(1)], [a.toString(), b.toString()]);
      }
    }),
    { numRuns: 1000 },
  );
});

test('more texts than are kept, each again and again', () => {
  const rows = new CsvRows({ separator: 44, quotes: true });
  for (let round = 0; round < 3; round += 1) {
    const long = (at: number) => (at % 2 === 0 ? 'x'.repeat(70) : '');
    const names = Array.from({ length: 20_000 }, (_, at) => `net-${(at * 7919) % 20_000}${long(at)}`);
    rows.push(Buffer.from(names.map((name) => `${name},x\n`).join('')));
    for (const name of names) {
      assert.ok(rows.next());
      assert.equal(rows.field(0), name);
    }
  }
});
