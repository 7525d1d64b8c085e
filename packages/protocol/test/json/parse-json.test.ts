import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../src/json/canonical-json.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import { arbitraryObject } from '../event/arbitrary-sync-event.ts';

/** The members of an object by a reading that knows no object: an array of names and values. */
function members(record: object): [string, unknown][] {
  return Object.entries(record);
}

// Few characters, so that raw texts of keys begin alike; the bug that is worked around needs that.
const awkwardKey = fc.string({
  unit: fc.constantFrom('\\', '"', '\n', 'n', 'u', '\ud800', '\u0000', '0', '-', '=', '1', ':', ' '),
  maxLength: 3,
});

/** A key as a sender may write it: any character as an escape or plainly. */
function written(key: string, escapes: readonly boolean[]): string {
  let text = '"';
  for (let at = 0; at < key.length; at += 1) {
    const unit = key[at] as string;
    text +=
      (escapes[at % escapes.length] ?? false)
        ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
        : JSON.stringify(unit).slice(1, -1);
  }
  return `${text}"`;
}

test('every key comes back as it was sent, whatever was parsed before', () => {
  const object = fc.uniqueArray(awkwardKey, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(object, { minLength: 2, maxLength: 6 }),
      fc.array(fc.boolean()),
      (objects, escapes) => {
        for (const keys of objects) {
          const text = `{${keys.map((key, at) => `${written(key, escapes)}: [${at}]`).join(' , ')}}`;
          const parsed = parseJson(text) as object;
          const sorted = (entries: [string, unknown][]) => entries.sort(([a], [b]) => (a < b ? -1 : 1));
          assert.deepEqual(sorted(members(parsed)), sorted(keys.map((key, at) => [key, [at]])));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a text without escaped keys is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(arbitraryObject, fc.constantFrom('', '{"a\\n":1}', '{"\\u0061":[{}]}'), (value, text) => {
      const canonical = canonicalJson(value, 32);
      assert.ok(canonical.ok);
      const again = canonicalJson(parseJson(canonical.text), 32);
      assert.ok(again.ok);
      assert.equal(again.text, canonical.text);
      if (text !== '') assert.deepEqual(parseJson(text), JSON.parse(text));
    }),
  );
});

test('order, the last of two equal keys, and keys such as __proto__ are as JSON.parse has them', () => {
  for (const text of [
    '{"b\\n":1,"2":2,"a":3,"\\u0031":4}',
    '{"\\u0061":1,"a":2,"\\u0061":3}',
    '[{"a\\t":{"b\\t":[{"c\\t":1}]}},"x\\n",{"-":1,"=0061":2,"\\u002d":3}]',
  ]) {
    assert.equal(JSON.stringify(parseJson(text)), JSON.stringify(JSON.parse(text)));
  }
  const hostile = parseJson('{"\\u005f_proto__":{"a":1}}') as object;
  assert.deepEqual(Object.keys(hostile), ['__proto__']);
  assert.equal(Object.getPrototypeOf(hostile), Object.prototype);
});

test('what is not JSON is refused with the message of JSON.parse', () => {
  for (const text of [
    '',
    '{"\\q":1}',
    '{"a\\n":1',
    '{"a\\n":}',
    '{"a\\',
    '"\\u12',
    '{"\\n":1} x',
    '"a\\n" :1',
    '{"a\nb\\n":1}',
  ]) {
    let expected: unknown;
    try {
      JSON.parse(text);
    } catch (error) {
      expected = error;
    }
    assert.ok(expected instanceof SyntaxError, text);
    assert.throws(() => parseJson(text), { name: 'SyntaxError', message: expected.message });
  }
});

test('hostile texts take no longer than their length', () => {
  const deep = 100_000;
  assert.ok(parseJson(`${'{"\\n":'.repeat(deep)}1${'}'.repeat(deep)}`));
  assert.equal(parseJson(`"${'\\\\'.repeat(deep)}"`), '\\'.repeat(deep));
  assert.throws(() => parseJson('"\\'.repeat(deep)), SyntaxError);
});
