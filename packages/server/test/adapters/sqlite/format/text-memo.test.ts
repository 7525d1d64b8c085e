import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextMemo } from '../../../../src/adapters/store/sqlite/format/text-memo.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ unit: 'binary-ascii', minLength: 60, maxLength: 70 }),
);

test('texts are those of their bytes, whatever was read before', () => {
  const memo = new TextMemo();
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 20 }), (texts) => {
      const bytes = Buffer.from(`..${texts.join('')}..`);
      let at = 2;
      for (const text of texts) {
        const length = Buffer.byteLength(text);
        assert.equal(memo.read(bytes, at, length), text);
        assert.equal(memo.read(bytes, at, length), text);
        at += length;
      }
    }),
    { numRuns: 300 },
  );
});

test('many more texts than it keeps, most of which share a place with others, stay apart', () => {
  const memo = new TextMemo();
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 50_000; number++) {
      const text = `text ${number}`;
      const bytes = Buffer.from(text);
      assert.equal(memo.read(bytes, 0, bytes.length), text);
    }
  }
});
