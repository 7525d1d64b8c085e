import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IdentityFilter } from '../../../../src/adapters/store/sqlite/format/identity-filter.ts';
import { sequence } from '../../../../src/conformance/make-events.ts';

const anyWord = fc.oneof(
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff),
);
const anyIdentity = fc.record({ high: anyWord, low: anyWord });

describe('identity filter', () => {
  test('never denies an identity that was added, also not after it was kept and read again', () => {
    fc.assert(
      fc.property(fc.array(anyIdentity, { minLength: 1, maxLength: 200 }), (identities) => {
        const filter = IdentityFilter.for(identities.length);
        for (const { high, low } of identities) filter.add(high, low);
        const again = new IdentityFilter(Uint8Array.from(filter.bytes));
        for (const { high, low } of identities) {
          assert.ok(filter.mayHold(high, low));
          assert.ok(again.mayHold(high, low));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('lets fewer than 2 of 100 foreign identities pass when it is full, at any size', () => {
    const random = sequence(7);
    const word = (): number => Math.floor(random() * 2 ** 32);
    for (const size of [10, 1000, 131_072]) {
      const filter = IdentityFilter.for(size);
      for (let count = 0; count < size; count++) filter.add(word(), word());
      const trials = 50_000;
      let passed = 0;
      for (let trial = 0; trial < trials; trial++) if (filter.mayHold(word(), word())) passed += 1;
      assert.ok(passed / trials < 0.02, `${passed} of ${trials} passed a filter for ${size}`);
    }
  });

  test('an empty filter holds nothing', () => {
    const filter = IdentityFilter.for(1);
    assert.equal(filter.mayHold(0, 0), false);
    assert.equal(filter.mayHold(0xffff_ffff, 0xffff_ffff), false);
  });
});
