import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import {
  decodeIdentityPart,
  encodeIdentityPart,
  identityPartOf,
  identityParts,
  placesOf,
  sortIdentities,
} from '../../../../src/adapters/store/sqlite/sealed-detections/identity-index.ts';
import { sequence } from './sealed-rows.ts';

const word = fc.oneof(
  fc.nat(5),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.constantFrom(2 ** 31, 2 ** 32 - 1),
);

describe('index of identities', () => {
  test('any entries survive, sorted, and every one is found', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { maxLength: 200 }), (entries) => {
        const hashes = Uint32Array.from(entries, ([hash]) => hash);
        const places = Uint32Array.from(entries, ([, place]) => place);
        const read = decodeIdentityPart(encodeIdentityPart(sortIdentities({ hashes, places }), 3));
        for (const [hash] of entries) {
          const expected = entries.filter(([other]) => other === hash).map(([, place]) => place);
          assert.deepEqual([...placesOf(read, hash)], expected);
        }
        assert.deepEqual([...placesOf(read, 12_345_678)], []);
      }),
    );
  });

  test('a part of very many survives', () => {
    const next = sequence(3);
    const hashes = Uint32Array.from({ length: 20_000 }, () => Math.floor(next() * 2 ** 32));
    const sorted = sortIdentities({ hashes, places: Uint32Array.from(hashes.keys()) });
    const read = decodeIdentityPart(encodeIdentityPart(sorted, 1));
    assert.deepEqual(read, sorted);
    assert.deepEqual(read.hashes, hashes.slice().sort());
  });

  test('parts divide all hashes in their order', () => {
    assert.deepEqual([1, 4096, 4097, 2 ** 20].map(identityParts), [1, 1, 2, 256]);
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 2 ** 20 }), (a, b, identities) => {
        const parts = identityParts(identities);
        const [first, second] = [
          identityPartOf(Math.min(a, b), parts),
          identityPartOf(Math.max(a, b), parts),
        ];
        assert.ok(first >= 0 && first <= second && second < parts);
      }),
    );
  });

  test('damaged bytes are reported as damage', () => {
    const hashes = Uint32Array.from({ length: 50 }, (_none, index) => index * 80_000_000);
    const part = encodeIdentityPart({ hashes, places: hashes }, 1);
    const damaged = (error: unknown): boolean =>
      error instanceof PisyncError && error.code === 'store_damaged';
    for (let at = 0; at < part.length; at++) {
      const wrong = part.slice();
      wrong[at]! ^= 1 << (at % 8);
      assert.throws(() => decodeIdentityPart(wrong), damaged);
      assert.throws(() => decodeIdentityPart(part.subarray(0, at)), damaged);
    }
  });
});
