import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, formatPath } from '../../src/json/canonical-json.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import { arbitraryObject } from '../event/arbitrary-sync-event.ts';

function text(value: unknown, maxDepth = 32): string {
  const canonical = canonicalJson(value, maxDepth);
  assert.ok(canonical.ok);
  return canonical.text;
}

/** The same value with the keys of every object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).reverse();
  return parseJson(
    `{${members.map(([key, inner]) => `${JSON.stringify(key)}:${JSON.stringify(shuffled(inner))}`).join(',')}}`,
  );
}

test('the canonical text is the same value, whatever the order of keys', () => {
  fc.assert(
    fc.property(arbitraryObject, (value) => {
      const canonical = text(value);
      assert.deepEqual(parseJson(canonical), parseJson(JSON.stringify(value)));
      assert.equal(text(shuffled(value)), canonical);
      assert.equal(text(parseJson(canonical)), canonical);
      assert.equal(canonical.isWellFormed(), true);
    }),
    { numRuns: 1000 },
  );
});

test('keys stand in the order of their code units', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.oneof(fc.string({ unit: 'binary' }), fc.nat().map(String))), (keys) => {
      const record = Object.create(null) as Record<string, number>;
      for (const key of keys) record[key] = 0;
      const expected = [...keys].sort((a, b) => (a < b ? -1 : 1)).map((key) => `${JSON.stringify(key)}:0`);
      assert.equal(text(record), `{${expected.join(',')}}`);
    }),
  );
});

test('scalars are written as JSON.stringify writes them', () => {
  assert.equal(text([-0, 1e21, 0.1, 1e-7, true, false, null]), '[0,1e+21,0.1,1e-7,true,false,null]');
  assert.equal(text('\ud800"\n\u2028'), '"\\ud800\\"\\n\u2028"');
});

test('a key such as __proto__ is plain data', () => {
  const hostile = '{"__proto__":{"a":1},"constructor":2,"hasOwnProperty":3}';
  assert.equal(text(JSON.parse(hostile)), hostile);
});

test('what has no canonical text is named by its path', () => {
  const fault = (value: unknown, maxDepth = 32) => {
    const canonical = canonicalJson(value, maxDepth);
    return canonical.ok ? undefined : [canonical.reason, formatPath(canonical.path)];
  };
  assert.deepEqual(fault({ a: [{ b: Number.POSITIVE_INFINITY }] }), ['not_finite', 'a[0].b']);
  assert.deepEqual(fault({ a: { b: {} } }, 2), ['too_deep', 'a.b']);
  assert.equal(fault({ a: { b: 1 } }, 2), undefined);
  assert.deepEqual(fault({ a: undefined }), ['not_json', 'a']);
  assert.deepEqual(fault({}, 0), ['too_deep', '']);
});

test('hostile nesting is refused without harm', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  const canonical = canonicalJson(deep, 32);
  assert.equal(!canonical.ok && canonical.reason, 'too_deep');
});

test('a path in an error message is cut', () => {
  assert.equal(formatPath(['a', 0, 'b', 'c']), 'a[0].b.c');
  assert.equal(formatPath(['x'.repeat(1000)]).length, 201);
  assert.equal(formatPath(['\ud800']).isWellFormed(), true);
});
