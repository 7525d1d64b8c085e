import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countKeys, findDuplicateKey } from '../../src/json/duplicate-keys.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import { ValueScan } from '../../src/json/value-scan.ts';

/** JSON text of objects that may repeat keys, with what a strict reader should say of it. */
interface Sample {
  readonly text: string;
  readonly repeats: boolean;
}

const key = fc.constantFrom('a', 'b', '__proto__', 'x:y', 'q"', '\\', 'é', '1');
const { sample } = fc.letrec<{ sample: Sample; list: Sample; record: Sample; leaf: Sample }>((tie) => ({
  sample: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie('leaf'), tie('list'), tie('record')),
  leaf: fc
    .constantFrom('1', '"a:b,{}[]"', 'null', '"\\"x\\\\"', '{}', '[]')
    .map((text) => ({ text, repeats: false })),
  list: fc.array(tie('sample'), { maxLength: 3 }).map((items) => ({
    text: `[${items.map((item) => item.text).join(' ,')}]`,
    repeats: items.some((item) => item.repeats),
  })),
  record: fc.array(fc.tuple(key, tie('sample')), { maxLength: 4 }).map((members) => ({
    text: `{${members.map(([name, item]) => `${JSON.stringify(name)} : ${item.text}`).join(',')}}`,
    repeats:
      members.some(([, item]) => item.repeats) ||
      new Set(members.map(([name]) => name)).size < members.length,
  })),
}));

test('a key is found to be given twice exactly where it is', () => {
  let repeating = 0;
  fc.assert(
    fc.property(sample, ({ text, repeats }) => {
      const scan = new ValueScan(32);
      const bytes = new TextEncoder().encode(text);
      assert.equal(scan.advance(bytes, 0, bytes.length), bytes.length);
      assert.equal(scan.open, false);
      assert.equal(countKeys(parseJson(text)) !== scan.colons, repeats, 'colons and keys differ');
      assert.equal(findDuplicateKey(text) !== undefined, repeats, 'the search finds a key');
      if (repeats) repeating += 1;
    }),
    { numRuns: 3000 },
  );
  assert.ok(repeating > 100, `${repeating} samples repeated a key`);
});

test('a key that is given twice is named by its whole path', () => {
  assert.equal(findDuplicateKey('{"a":1,"b":{"a":1},"a":2}'), 'a');
  assert.equal(findDuplicateKey('{"o":[{"seq":1},{"seq":1,"seq":2}]}'), 'o[1].seq');
  assert.equal(findDuplicateKey('[[],[1,{"x":{"k":"k","\\u006b":0}}]]'), '[1][1].x.k');
  assert.equal(findDuplicateKey('{"__proto__":1,"__proto__":2}'), '__proto__');
  assert.equal(findDuplicateKey('{"a":"\\"a\\":1,\\"a\\":1","b":["a","a"]}'), undefined);
});
