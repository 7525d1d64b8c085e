import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { explainDeviceId, isDeviceId } from '../../src/event/device-id.ts';

const reference = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;
const nearMiss = fc.string({ unit: fc.constantFrom(...'aZ09._:@-/\\ \n\0é%$\u{1F600}'), maxLength: 6 });

test('device ids are exactly those of the rule', () => {
  const long = fc.integer({ min: 120, max: 140 }).map((length) => 'x'.repeat(length));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), nearMiss, long), (text) => {
      assert.equal(isDeviceId(text), reference.test(text) && !text.includes('\n'));
    }),
    { numRuns: 2000 },
  );
});

test('device ids of every single character are judged by the rule', () => {
  for (let code = 0; code < 0x300; code += 1) {
    const character = String.fromCharCode(code);
    assert.equal(isDeviceId(character), /^[A-Za-z0-9]$/.test(character), `first U+${code.toString(16)}`);
    assert.equal(
      isDeviceId(`a${character}`),
      /^[A-Za-z0-9._:@-]$/.test(character),
      `later U+${code.toString(16)}`,
    );
  }
});

test('a refused device id is explained', () => {
  assert.match(explainDeviceId(''), /is empty; send 1 to 128/);
  assert.match(explainDeviceId('x'.repeat(10_000)), /has 10000 characters/);
  assert.match(explainDeviceId('a/../b'), /has U\+002F as character 2/);
  assert.match(explainDeviceId('-a'), /has U\+002D as character 1/);
  assert.match(explainDeviceId('a\ud800'), /has U\+D800 as character 2/);
});
