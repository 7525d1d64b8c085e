import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XmlTokens } from '../../../src/import/xml/xml-tokens.ts';

/** What a document tells, pieces of `size` bytes at a time. */
function told(document: string | Uint8Array, size = 1_000_000): string[] {
  const seen: string[] = [];
  const tokens = new XmlTokens({
    open: (name, attributes, line) => seen.push(`${line} <${name} ${JSON.stringify({ ...attributes })}`),
    close: (name, text, line) => seen.push(`${line} >${name} ${text}`),
  });
  const bytes = Buffer.from(document);
  for (let at = 0; at < bytes.length; at += size) tokens.push(bytes.subarray(at, at + size));
  tokens.end();
  return seen;
}

const escaped = (text: string) => text.replace(/[<>&"\r]/g, (character) => `&#${character.charCodeAt(0)};`);

test('text and attributes survive, whatever the pieces the bytes come in', () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('<', '&', '"', "'", '>', ']]>', 'é', '\u{1F600}', ';'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
  });
  fc.assert(
    fc.property(text, text, fc.integer({ min: 1, max: 40 }), (inner, attribute, size) => {
      const [a, b] = [inner.toWellFormed().trim(), attribute.toWellFormed()];
      const seen = told(`<r><x a="${escaped(b)}">${escaped(a)}</x></r>`, size);
      assert.equal(seen[1]?.slice(seen[1].indexOf('{')), JSON.stringify({ a: b }));
      assert.equal(seen[2]?.replace(/^\d+ >x /, ''), a);
    }),
    { numRuns: 500 },
  );
});

test('any text at all is read to the end, in any pieces alike', () => {
  const parts = fc.array(
    fc.constantFrom(
      '<',
      '>',
      '</',
      '<a',
      ' b="',
      '"',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<!',
      '[',
      ']',
      '<?',
      '?>',
      '&',
      'x',
      '\n',
      'é',
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 9 }), (texts, size) => {
      assert.deepEqual(told(texts.join(''), size), told(texts.join('')));
    }),
    { numRuns: 2000 },
  );
});

test('no entity is expanded but those of XML', () => {
  const bomb =
    '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]><r>&b;&f;&lt;&#65;&#x42;&#0;</r>';
  assert.deepEqual(told(bomb), ['1 <r {}', '1 >r &b;&f;<AB&#0;']);
});

test('comments, instructions and CDATA; prefixes are left out; lines are counted', () => {
  const document = '<?xml version="1.0"?>\n<!-- <x> -->\n<g:r>\n<g:x g:k=\'1\'/><y><![CDATA[<&]]></y></g:r>';
  assert.deepEqual(told(document), ['3 <r {}', '4 <x {"k":"1"}', '4 >x ', '4 <y {}', '4 >y <&', '4 >r ']);
});

test('damage costs what it damages', () => {
  assert.deepEqual(told('<r><x>a < b & c</x></y><z>1</r>'), [
    '1 <r {}',
    '1 <x {}',
    '1 >x a < b & c',
    '1 <z {}',
    '1 >z 1',
    '1 >r ',
  ]);
});

test('hostile depth and length are cut off', () => {
  const deep = told(`${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}<b/>`);
  assert.equal(deep.length, 2 * 64 + 2);
  const long = told(`<r>${'x'.repeat(300_000)}</r>`, 1000);
  assert.ok((long[1]?.length ?? 0) <= 140_000);
  assert.deepEqual(told(`<r><${'x'.repeat(200_000)}></r>`, 1000).length, 2);
});

test('Latin-1 is read where it is declared', () => {
  const head = '<?xml version="1.0" encoding="ISO-8859-1"?><r>';
  assert.deepEqual(told(Buffer.from(`${head}é</r>`, 'latin1')), ['1 <r {}', '1 >r é']);
});
