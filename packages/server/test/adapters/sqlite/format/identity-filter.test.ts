import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { IdentityFilter } from '../../../../src/adapters/store/sqlite/format/identity-filter.ts';
import { observation } from '../../../../src/conformance/make-events.ts';
import { identityHash } from '../../../../src/core/identity.ts';

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

  test('lets fewer than 2 of 100 foreign identities pass at the load that it was made for', () => {
    const identity = (number: number) => identityHash(observation({ eventId: `event-${number}` }));
    for (const size of [1000, 60_000]) {
      const filter = IdentityFilter.for(size);
      for (let own = 0; own < size; own++) {
        const { high, low } = identity(own);
        filter.add(high, low);
      }
      const trials = 20_000;
      let passed = 0;
      for (let foreign = 0; foreign < trials; foreign++) {
        const { high, low } = identity(size + foreign);
        if (filter.mayHold(high, low)) passed += 1;
      }
      assert.ok(passed / trials < 0.02, `${passed} of ${trials} passed a filter for ${size}`);
    }
  });

  test('an empty filter holds nothing', () => {
    const filter = IdentityFilter.for(1);
    assert.equal(filter.mayHold(0, 0), false);
    assert.equal(filter.mayHold(0xffff_ffff, 0xffff_ffff), false);
  });
});
