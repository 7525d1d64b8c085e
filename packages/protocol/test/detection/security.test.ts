import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalSecurity, securityNames, securityOf } from '../../src/detection/security.ts';

const cases: readonly (readonly [string, string | null])[] = [
  ['[WPA2-PSK-CCMP][ESS]', 'wpa2'],
  ['[WPA-PSK-CCMP+TKIP][WPA2-PSK-CCMP+TKIP][ESS][WPS]', 'wpa,wpa2'],
  ['[RSN-PSK-CCMP][ESS]', 'wpa2'],
  ['[RSN-SAE-CCMP][ESS][MFPR][MFPC]', 'wpa3'],
  ['[WPA2-PSK+SAE-CCMP][ESS]', 'wpa2,wpa3'],
  ['[RSN-PSK+SAE-CCMP][ESS]', 'wpa2,wpa3'],
  ['[RSN-OWE-CCMP][ESS]', 'owe'],
  ['[RSN-EAP_SUITE_B_192-GCMP][ESS]', 'wpa3,eap'],
  ['[WPA2-EAP-CCMP][ESS]', 'wpa2,eap'],
  ['[WEP][ESS]', 'wep'],
  ['[ESS]', 'open'],
  ['[ESS][WPS]', 'open'],
  ['[IBSS]', 'open'],
  ['WPA+PSK WPA+AES-CCM', 'wpa'],
  ['WEP,WPA,TKIP,PSK', 'wpa'],
  ['WPA2 WPA3', 'wpa2,wpa3'],
  ['WEP40', 'wep'],
  ['OPN', 'open'],
  ['Open', 'open'],
  ['None', 'open'],
  ['WPA2 CCMP MGT', 'wpa2,eap'],
  ['', null],
  ['Misc [BLE]', null],
  ['Unknown', null],
];

test('what scanners write', () => {
  for (const [text, names] of cases) assert.equal(securityOf(text), names, text);
});

test('a list of the names is itself, in their order', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...securityNames], { minLength: 1 }), (names) => {
      const inOrder = securityNames.filter((name) => names.includes(name)).join(',');
      assert.equal(canonicalSecurity(names.join(',')), inOrder);
    }),
  );
  assert.equal(canonicalSecurity('wpa2,wpa9'), undefined);
});

test('any text is read, and its answer holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'[]WPA23-SECORNO +,é') }), (text) => {
      const names = securityOf(text);
      assert.equal(securityOf(text), names);
      if (names !== null) assert.equal(canonicalSecurity(names), names);
    }),
  );
});
