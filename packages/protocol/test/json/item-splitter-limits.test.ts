import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ItemSplitter, type SplitEnd, type SplitOptions } from '../../src/json/item-splitter.ts';

const encoder = new TextEncoder();

function split(body: string | Uint8Array, options: Partial<SplitOptions> = {}): SplitEnd {
  const all = { format: 'array', maxItems: 100, maxItemBytes: 1000, maxDepth: 5, ...options } as const;
  const splitter = new ItemSplitter(all);
  const items = splitter.push(typeof body === 'string' ? encoder.encode(body) : body);
  const end = splitter.end();
  return { items: [...items, ...end.items], broken: end.broken };
}

/** Each item as its value or the code of its problem. */
function outline(
  body: string | Uint8Array,
  options: Partial<SplitOptions> = {},
): [unknown[], string | undefined] {
  const { items, broken } = split(body, options);
  return [items.map((item) => item.problem?.code ?? item.value), broken?.code];
}

test('one malformed item leaves its neighbours alone', () => {
  const bad = 'item_invalid_json';
  for (const item of [
    '{"a":}',
    '{a:1}',
    'nul',
    '{"a":1]',
    '{"a":[1}',
    '{"a":1}x',
    '}',
    "'a'",
    '\\',
    '',
    '{"a":1}{"b":2}',
  ]) {
    assert.deepEqual(outline(`[1,${item},{"b":2}]`), [[1, bad, { b: 2 }], undefined], item);
  }
  assert.deepEqual(outline('[1,]'), [[1, bad], undefined]);
});

test('a key given twice rejects its item only', () => {
  const { items } = split('[{"a":1},{"device_id":"d","m":{"x":1,"x":2}},{"a":2}]');
  assert.deepEqual(items[1]?.problem, {
    code: 'duplicate_field',
    field: 'm.x',
    detail: 'm.x is given twice; send it once',
    deviceId: 'd',
  });
  assert.deepEqual([items[0]?.value, items[2]?.value], [{ a: 1 }, { a: 2 }]);
});

test('nesting over the limit rejects its item only', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const options = { maxItemBytes: 65_536 };
  assert.deepEqual(outline(`[1,${deep},2]`, options), [[1, 'item_too_deep', 2], undefined]);
  assert.deepEqual(outline(`1\n${deep}\n2`, { ...options, format: 'ndjson' }), [
    [1, 'item_too_deep', 2],
    undefined,
  ]);
  assert.deepEqual(outline('[[[[[[]]]]]]')[0], [[[[[[]]]]]]);
  assert.deepEqual(outline('[[[[[[[]]]]]]]')[0], ['item_too_deep']);
});

test('an item over the size limit is rejected and its first 64 KiB are kept', () => {
  const long = JSON.stringify('x'.repeat(200_000));
  for (const format of ['array', 'ndjson'] as const) {
    const body = format === 'array' ? `[1,${long},2]` : `1\n${long}\n2\n`;
    const { items, broken } = split(body, { format });
    assert.equal(broken, null);
    assert.deepEqual(
      items.map((item) => item.problem?.code ?? item.value),
      [1, 'item_too_large', 2],
    );
    assert.deepEqual([items[1]?.text, items[1]?.truncated], [long.slice(0, 65_536), true]);
  }
});

test('the size limit is exact', () => {
  for (const format of ['array', 'ndjson'] as const) {
    const body = (length: number) => {
      const item = JSON.stringify('x'.repeat(length - 2));
      return format === 'array' ? `[${item}]` : `${item}\n`;
    };
    assert.equal(split(body(1000), { format }).items[0]?.problem, undefined);
    assert.equal(split(body(1001), { format }).items[0]?.problem?.code, 'item_too_large');
  }
});

test('memory does not grow with an endless item', () => {
  const splitter = new ItemSplitter({ format: 'array', maxItems: 10, maxItemBytes: 65_536, maxDepth: 5 });
  const chunk = new Uint8Array(65_536).fill(120);
  splitter.push(encoder.encode('["'));
  globalThis.gc?.();
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 2000; count += 1) splitter.push(chunk);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 8_000_000, `grew by ${grown} bytes for an item of 131 MB`);
  const { items, broken } = splitter.end();
  assert.deepEqual(
    [items[0]?.problem?.code, items[0]?.text.length, broken?.code],
    ['item_too_large', 65_536, 'invalid_json'],
  );
});

test('items up to the limit are delivered, one more breaks the body', () => {
  assert.deepEqual(outline('[1,2,3]', { maxItems: 3 }), [[1, 2, 3], undefined]);
  assert.deepEqual(outline('[1,2,3,4,5]', { maxItems: 3 }), [[1, 2, 3], 'too_many_items']);
  assert.deepEqual(outline('1\n2\n3\n\n', { maxItems: 3, format: 'ndjson' }), [[1, 2, 3], undefined]);
  assert.deepEqual(outline('1\n2\n3\n4', { maxItems: 3, format: 'ndjson' }), [[1, 2, 3], 'too_many_items']);
  assert.equal(split('[1,2,3, 4]', { maxItems: 3 }).broken?.at, 8);
  assert.equal(split('1\n2\n3\n4\n', { maxItems: 3, format: 'ndjson' }).broken?.at, 6);
});

test('a broken body is ignored from there on', () => {
  const splitter = new ItemSplitter({ format: 'array', maxItems: 1, maxItemBytes: 100, maxDepth: 5 });
  assert.equal(splitter.broken === null, true);
  assert.equal(splitter.push(encoder.encode('[1,2')).length, 1);
  assert.equal(splitter.broken?.code, 'too_many_items');
  assert.deepEqual(splitter.push(encoder.encode(',3]')), []);
  assert.deepEqual(splitter.end(), { items: [], broken: splitter.broken });
});

test('a truncated body keeps its items; the tail is rejected', () => {
  const { items, broken } = split('[{"a":1},{"b":');
  assert.deepEqual(items[0]?.value, { a: 1 });
  assert.deepEqual([items[1]?.text, items[1]?.problem?.detail], ['{"b":', 'the body ends within this item']);
  assert.deepEqual(broken, {
    code: 'invalid_json',
    detail: 'the body ends before the array is closed',
    at: 14,
  });
  assert.deepEqual(outline('[{"a":1}'), [[{ a: 1 }], 'invalid_json']);
  assert.deepEqual(outline('[{"a":1},'), [[{ a: 1 }], 'invalid_json']);
  assert.deepEqual(outline('[12'), [['item_invalid_json'], 'invalid_json']);
  assert.deepEqual(outline('['), [[], 'invalid_json']);
  assert.deepEqual(outline('1\n{"a":', { format: 'ndjson' }), [[1, 'item_invalid_json'], 'invalid_json']);
  assert.deepEqual(outline('1\nnul', { format: 'ndjson' }), [[1, 'item_invalid_json'], undefined]);
  assert.deepEqual(outline('{"a":{\n"b":1', { format: 'auto' }), [['item_invalid_json'], 'invalid_json']);
});

test('a body that is not what it should be is broken at once', () => {
  for (const format of ['array', 'ndjson', 'auto'] as const) {
    for (const empty of ['', ' \n', '\ufeff', '\ufeff\r\n']) {
      assert.deepEqual(outline(empty, { format }), [[], 'empty_body'], JSON.stringify([format, empty]));
    }
  }
  assert.deepEqual(outline('{"a":1}'), [[], 'invalid_json']);
  assert.deepEqual(outline('17', { format: 'auto' }), [[], 'invalid_json']);
  assert.deepEqual(outline('[] x'), [[], 'invalid_json']);
  assert.deepEqual(outline('[1]]'), [[1], 'invalid_json']);
  assert.deepEqual(outline('[] \r\n\t'), [[], undefined]);
});

test('invalid UTF-8 rejects its item only', () => {
  const body = Uint8Array.from([...encoder.encode('[1,"'), 0xff, 0xc3, ...encoder.encode('",2]')]);
  const { items } = split(body);
  assert.deepEqual(
    items.map((item) => item.problem?.code ?? item.value),
    [1, 'item_invalid_json', 2],
  );
  assert.equal(items[1]?.problem?.detail, 'the item is not valid UTF-8');
  assert.equal(items[1]?.text, '"\ufffd\ufffd"');
  const inner = Uint8Array.from([...encoder.encode('[1,'), 0xef, 0xbb, 0xbf, ...encoder.encode('{},2]')]);
  assert.deepEqual(outline(inner)[0], [1, 'item_invalid_json', 2]);
});

test('one indented object with a mistake is one rejected item, lines are many', () => {
  const options = { format: 'auto' } as const;
  assert.deepEqual(outline('{\n  "a": 1,\n  "b": nul\n}\n', options), [['item_invalid_json'], undefined]);
  assert.deepEqual(outline('{"a":\n{"b":1}\n{"c":2}\n', options)[0], [
    'item_invalid_json',
    { b: 1 },
    { c: 2 },
  ]);
  const long = `{\n"a":"${'x'.repeat(2000)}"\n}`;
  assert.deepEqual(outline(long, options), [['item_too_large'], 'item_too_large']);
  const first = `{"a":"${'x'.repeat(2000)}"}\n{"b":1}\n`;
  assert.deepEqual(outline(first, options), [['item_too_large', { b: 1 }], undefined]);
});

test('no more than 64 KiB of a rejected item are kept, whatever the size limit', () => {
  const bad = `{"a":"${'x'.repeat(100_000)}"]`;
  for (const format of ['array', 'ndjson'] as const) {
    const { items } = split(format === 'array' ? `[${bad},1]` : `${bad}\n1`, {
      format,
      maxItemBytes: 200_000,
    });
    assert.deepEqual([items[0]?.problem?.code, items[1]?.value], ['item_invalid_json', 1]);
    assert.deepEqual([items[0]?.text, items[0]?.truncated], [bad.slice(0, 65_536), true]);
  }
});
