import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeCursor, encodeCursor, type KeyPart, type ListIdentity } from '../../src/core/paging.ts';

const filterValue = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(undefined));
const identities: fc.Arbitrary<ListIdentity> = fc.record({
  list: fc.constantFrom('history', 'devices', 'quarantine'),
  filters: fc.dictionary(fc.string(), filterValue, { maxKeys: 4 }),
});
const keys: fc.Arbitrary<KeyPart[]> = fc.array(fc.oneof(fc.maxSafeInteger(), fc.string({ maxLength: 100 })), {
  maxLength: 4,
});

const shapeOf = (key: readonly KeyPart[]): ('number' | 'string')[] =>
  key.map((part) => (typeof part === 'number' ? 'number' : 'string'));

describe('a cursor', () => {
  test('gives back its key, and is safe in a URL', () => {
    fc.assert(
      fc.property(identities, keys, (identity, key) => {
        const cursor = encodeCursor(identity, key);
        assert.equal(encodeURIComponent(cursor), cursor);
        assert.deepEqual(decodeCursor(identity, cursor, shapeOf(key)), key);
      }),
    );
  });

  test('does not depend on the order of filters, nor on those that are not set', () => {
    const one = { list: 'devices', filters: { a: 1, b: 'x', c: undefined } };
    const other = { list: 'devices', filters: { b: 'x', a: 1 } };
    assert.deepEqual(decodeCursor(other, encodeCursor(one, [7]), ['number']), [7]);
  });

  test('is refused where the list or a filter differs', () => {
    fc.assert(
      fc.property(
        identities,
        fc.string({ minLength: 1 }),
        fc.integer(),
        keys,
        (identity, name, value, key) => {
          fc.pre(identity.filters[name] !== value);
          const cursor = encodeCursor(identity, key);
          const changed = { list: identity.list, filters: { ...identity.filters, [name]: value } };
          assert.equal(decodeCursor(changed, cursor, shapeOf(key)), 'other_list');
          assert.equal(decodeCursor({ ...identity, list: 'others' }, cursor, shapeOf(key)), 'other_list');
        },
      ),
    );
  });

  test('that is anything else is malformed, and never throws', () => {
    const identity = { list: 'devices', filters: {} };
    const forged = fc.json().map((json) => Buffer.from(json).toString('base64url'));
    fc.assert(
      fc.property(fc.oneof(fc.string(), forged, fc.base64String()), (text) => {
        assert.equal(typeof decodeCursor(identity, text, ['number', 'string']), 'string');
      }),
    );
    assert.equal(decodeCursor(identity, encodeCursor(identity, ['x']), ['number']), 'malformed');
    assert.equal(decodeCursor(identity, encodeCursor(identity, [1, 2]), ['number']), 'malformed');
    assert.equal(decodeCursor(identity, 'A'.repeat(5000), ['number']), 'malformed');
  });
});
