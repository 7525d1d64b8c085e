import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { packagedVendors } from '../../../src/adapters/vendors/packaged-vendors.ts';

const file = new URL('../../../src/adapters/vendors/vendors.bin', import.meta.url);

test('the packaged list knows who made well-known radios, and nothing of made-up addresses', () => {
  const vendor = packagedVendors();
  assert.match(vendor('B8:27:EB:12:34:56') ?? '', /^Raspberry Pi/);
  assert.match(vendor('00:00:0C:12:34:56') ?? '', /^Cisco/);
  assert.equal(vendor('DA:A1:19:12:34:56'), null);
});

test('it says what the package says that it was made from', () => {
  const owners = createRequire(import.meta.url)('oui-data') as Record<string, string>;
  const vendor = packagedVendors();
  const prefixes = Object.keys(owners).filter((_, at) => at % 97 === 0);
  for (const prefix of prefixes) {
    const mac = prefix.padEnd(12, '5').replace(/(..)(?!$)/g, '$1:');
    const digits = mac.replaceAll(':', '');
    const name = [9, 7, 6]
      .map((length) => owners[digits.slice(0, length)])
      .find((text) => text !== undefined);
    const first = (name?.split('\n')[0] ?? '').trim().slice(0, 120);
    const local = (Number.parseInt(prefix.slice(0, 2), 16) & 2) === 2;
    const none = local || first === 'Private' || first === 'IEEE Registration Authority';
    assert.equal(vendor(mac), none ? null : first, prefix);
  }
});

test('it is small and names its source', () => {
  assert.ok(statSync(file).size < 700_000);
  assert.match(
    readFileSync(file, 'latin1').slice(0, 200),
    /^PiSync vendors 1; IEEE .* oui-data \d.*made 20\d\d-\d\d-\d\d\n/,
  );
});
