import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BucketTable } from '../../../src/services/admission/bucket-table.ts';

const id = fc.oneof(fc.constantFrom('a', 'b', 'ab', 'ba', 'a-1', 'a-10'), fc.string({ maxLength: 6 }));
const sets = fc.array(fc.tuple(id, fc.nat({ max: 20 })), { maxLength: 40 });

function tableOf(entries: readonly (readonly [string, number])[], seed: number): BucketTable {
  const table = new BucketTable(seed);
  for (const [key, fullAt] of entries) table.set(key, fullAt);
  return table;
}

describe('a table of buckets', () => {
  test('holds what a map would hold', () => {
    fc.assert(
      fc.property(sets, id, fc.nat({ max: 0xffff_ffff }), (entries, other, seed) => {
        const table = tableOf(entries, seed);
        const model = new Map(entries);
        assert.equal(table.size, model.size);
        for (const key of [...model.keys(), other]) assert.equal(table.get(key), model.get(key));
      }),
    );
  });

  test('grows without losing any', () => {
    const entries = Array.from({ length: 20_000 }, (_, n): [string, number] => [`pi-${n}`, n]);
    const table = tableOf(entries, 7);
    assert.equal(table.size, entries.length);
    for (const [key, fullAt] of entries) assert.equal(table.get(key), fullAt);
    assert.equal(table.get('pi-20000'), undefined);
  });

  test('copies what is not full again and not in the other table, up to a limit', () => {
    fc.assert(
      fc.property(sets, sets, fc.nat({ max: 20 }), fc.nat({ max: 10 }), (from, except, now, limit) => {
        const target = new BucketTable(1);
        tableOf(from, 1).copyTo(target, tableOf(except, 1), now, limit);
        const others = new Map(except);
        const expected = [...new Map(from)].filter(([key, fullAt]) => fullAt > now && !others.has(key));
        assert.equal(target.size, Math.min(limit, expected.length));
        const copied = expected.filter(([key]) => target.get(key) !== undefined);
        assert.equal(copied.length, target.size);
        for (const [key, fullAt] of copied) assert.equal(target.get(key), fullAt);
      }),
    );
  });
});
