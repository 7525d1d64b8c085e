import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type JsonDocument, parseJsonDocument } from '../../src/json/json-document.ts';
import { parseJson } from '../../src/json/parse-json.ts';

const encoder = new TextEncoder();

function parse(text: string, maxDepth = 32): JsonDocument {
  return parseJsonDocument(encoder.encode(text), { maxDepth });
}

function refused(text: string, maxDepth = 32): [string, string | null] {
  const document = parse(text, maxDepth);
  assert.ok(!document.ok, text.slice(0, 50));
  return [document.code, document.field];
}

test('a document is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(3), (text, indent) => {
      const pretty = JSON.stringify(parseJson(text), null, indent);
      const document = parse(`\r\n\t ${pretty} \n`, 100);
      assert.deepEqual(document, { ok: true, value: parseJson(pretty) });
    }),
    { numRuns: 1000 },
  );
});

test('noise is refused or parsed as JSON.parse does, never thrown', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 1ae\n\0é') });
  fc.assert(
    fc.property(fc.oneof(noise, fc.string({ unit: 'binary' })), (text) => {
      let expected: boolean;
      try {
        JSON.parse(text.toWellFormed());
        expected = true;
      } catch {
        expected = false;
      }
      const document = parse(text);
      if (document.ok) assert.equal(expected, true);
      else if (expected) assert.equal(document.code, 'duplicate_field');
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(
      fc.uint8Array(),
      (bytes) => typeof parseJsonDocument(bytes, { maxDepth: 2 }).ok === 'boolean',
    ),
  );
});

test('an empty body, bad syntax and bad UTF-8 have their own codes', () => {
  for (const text of ['', '  \r\n', '\ufeff', '\ufeff '])
    assert.deepEqual(refused(text), ['empty_body', null]);
  for (const text of [
    '{',
    '{"a":1,}',
    '{"a":1}}',
    '1 2',
    ']',
    ',',
    '\ufeff\ufeff{}',
    "{'a':1}",
    '\u00a0{}',
  ]) {
    assert.deepEqual(refused(text), ['invalid_json', null]);
  }
  const invalid = parseJsonDocument(Uint8Array.of(0x22, 0xc3, 0x28, 0x22), { maxDepth: 2 });
  assert.match(invalid.ok ? '' : invalid.detail, /not valid UTF-8/);
});

test('a byte order mark is taken', () => {
  assert.deepEqual(parse('\ufeff{"a":1}'), { ok: true, value: { a: 1 } });
});

test('nesting is limited exactly, and hostile nesting costs nothing', () => {
  assert.equal(parse('[[[]]]', 3).ok, true);
  assert.deepEqual(refused('[[[[]]]]', 3), ['item_too_deep', null]);
  assert.deepEqual(refused(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`), ['item_too_deep', null]);
  assert.deepEqual(refused('['.repeat(1_000_000)), ['item_too_deep', null]);
});

test('a key given twice is named, and the value is at hand to say whose it was', () => {
  const document = parse('{"device_id":"a","observations":[{"seq":1},{"seq":1,"seq":2}]}');
  assert.ok(!document.ok);
  assert.deepEqual([document.code, document.field], ['duplicate_field', 'observations[1].seq']);
  assert.equal((document.value as Record<string, unknown>)['device_id'], 'a');
});
