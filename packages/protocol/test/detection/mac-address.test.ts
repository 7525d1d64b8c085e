import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMacAddress } from '../../src/detection/mac-address.ts';

const anyBytes = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .filter((bytes) => bytes.some((byte) => byte !== 0) && bytes.some((byte) => byte !== 255));

/** Digits in either case, as a stream of coins says. */
function inAnyCase(text: string, coins: Iterator<boolean>): string {
  return [...text].map((digit) => (coins.next().value ? digit.toUpperCase() : digit)).join('');
}

test('an address is the same one in whatever way it is written', () => {
  fc.assert(
    fc.property(anyBytes, fc.infiniteStream(fc.boolean()), (bytes, coins) => {
      const pairs = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
      const canonical = pairs.join(':').toUpperCase();
      const digits = pairs.join('');
      const cisco = `${digits.slice(0, 4)}.${digits.slice(4, 8)}.${digits.slice(8)}`;
      for (const spelling of [pairs.join(':'), pairs.join('-'), digits, cisco]) {
        assert.equal(parseMacAddress(spelling), canonical);
        assert.equal(parseMacAddress(inAnyCase(spelling, coins)), canonical);
      }
    }),
  );
});

test('what is no address of one radio is none', () => {
  const address = '00:1a:2b:3c:4d:5e';
  for (const text of ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', 'FF:ff:FF:ff:FF:ff', '', address.slice(1)]) {
    assert.equal(parseMacAddress(text), undefined, text);
  }
  fc.assert(
    fc.property(fc.nat(16), fc.constantFrom('g', 'G', ' ', '-', ':', '`', '@', '/', 'é'), (at, wrong) => {
      fc.pre(address[at] !== wrong);
      assert.equal(parseMacAddress(`${address.slice(0, at)}${wrong}${address.slice(at + 1)}`), undefined);
    }),
  );
});
