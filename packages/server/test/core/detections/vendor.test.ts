import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  readVendorTable,
  type VendorEntry,
  vendorOf,
  writeVendorTable,
} from '../../../src/core/detections/vendor.ts';

const digit = fc.constantFrom(...'0123456789ABCDEF');
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map((text) => text.toWellFormed());
/** Few different starts, so that longer prefixes lie inside shorter ones. */
const prefix = fc
  .tuple(
    fc.constantFrom('00AABB', '00AABC', '40AABB', 'FCFFFF'),
    fc.constantFrom('', '0', 'F', '012', '0FF', 'FFF'),
  )
  .map((parts) => parts.join(''));
const entries = fc.uniqueArray(fc.record({ prefix, name }), {
  selector: (entry) => entry.prefix,
  maxLength: 24,
});
const address = fc
  .tuple(prefix, fc.string({ unit: digit, minLength: 6, maxLength: 6 }))
  .map(([start, rest]) => (start + rest).slice(0, 12).replace(/(..)(?!$)/g, '$1:'));

function expected(list: readonly VendorEntry[], mac: string): string | null {
  const digits = mac.replaceAll(':', '');
  const fitting = list.filter((entry) => digits.startsWith(entry.prefix));
  return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0]?.name ?? null;
}

test('the owner is that of the longest prefix that fits', () => {
  fc.assert(
    fc.property(entries, fc.array(address, { maxLength: 20 }), (list, addresses) => {
      const table = readVendorTable(writeVendorTable(list));
      for (const mac of addresses) assert.equal(vendorOf(table, mac), expected(list, mac), mac);
    }),
  );
});

test('an address that a device made up has none, and neither has what is no address', () => {
  const table = readVendorTable(
    writeVendorTable([
      { prefix: '00AABB', name: 'Maker' },
      { prefix: '02AABB', name: 'Nobody' },
    ]),
  );
  assert.equal(vendorOf(table, '00:AA:BB:00:00:01'), 'Maker');
  for (const mac of ['02:AA:BB:00:00:01', '310-260-42081-7711', '', '00:AA:BB', 'ZZ:AA:BB:00:00:01']) {
    assert.equal(vendorOf(table, mac), null, mac);
  }
});

test('a prefix that comes twice, or is none, is not written', () => {
  const twice = { prefix: '00AABB', name: 'a' };
  assert.throws(() => writeVendorTable([twice, { ...twice, name: 'b' }]), TypeError);
  assert.throws(() => writeVendorTable([{ prefix: 'xxxxxx', name: 'a' }]), TypeError);
});
