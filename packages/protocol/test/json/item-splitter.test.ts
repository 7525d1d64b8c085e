import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RawItem } from '../../src/json/item-reader.ts';
import {
  type ItemFormat,
  ItemSplitter,
  type SplitEnd,
  type SplitOptions,
} from '../../src/json/item-splitter.ts';
import { parseJson } from '../../src/json/parse-json.ts';

const encoder = new TextEncoder();
const roomy = { maxItems: 10_000, maxItemBytes: 65_536, maxDepth: 100 };

/** Sizes of the chunks that a body comes in, repeated as often as it takes. */
const chunking = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

function split(bytes: Uint8Array, options: SplitOptions, sizes: readonly number[]): SplitEnd {
  const splitter = new ItemSplitter(options);
  const items: RawItem[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number;
    // A copy that is overwritten afterwards: the splitter must not hold on to a chunk.
    const chunk = bytes.slice(at, at + size);
    items.push(...splitter.push(chunk));
    chunk.fill(0xff);
    at += size;
  }
  const end = splitter.end();
  return { items: [...items, ...end.items], broken: end.broken };
}

function values(result: SplitEnd): unknown[] {
  assert.equal(result.broken, null);
  return result.items.map((item, at) => {
    assert.equal(item.problem, undefined, item.problem?.detail);
    assert.equal(item.index, at);
    return item.value;
  });
}

const jsonValue = fc.jsonValue({ maxDepth: 4 }).map((value) => parseJson(JSON.stringify(value)) as unknown);
const odd = fc.constantFrom<unknown>(
  'é\u{1F600}"\\',
  '],[{}',
  { 'a,b': [{ ':': '"' }] },
  '\ud800',
  '',
  {},
  [],
  -0.5,
);
const list = fc.array(fc.oneof(jsonValue, odd), { maxLength: 8 });

test('the items of an array are those of JSON.parse, for any chunks', () => {
  const format = fc.constantFrom<ItemFormat>('array', 'auto');
  fc.assert(
    fc.property(
      list,
      fc.constantFrom(0, 1, '\t', '\r\n'),
      format,
      fc.boolean(),
      chunking,
      (items, space, as, mark, sizes) => {
        const text = `${mark ? '\ufeff' : ''} ${JSON.stringify(items, null, space)} \n`;
        assert.deepEqual(values(split(encoder.encode(text), { ...roomy, format: as }, sizes)), items);
      },
    ),
    { numRuns: 2000 },
  );
});

test('the items of NDJSON are its lines, for any chunks and line ends', () => {
  fc.assert(
    fc.property(
      list,
      fc.constantFrom('\n', '\r\n', '\n\n', ' \n \r\n'),
      fc.boolean(),
      chunking,
      (items, end, last, sizes) => {
        if (items.length === 0) return;
        const text = items.map((item) => JSON.stringify(item)).join(end) + (last ? end : '');
        assert.deepEqual(values(split(encoder.encode(text), { ...roomy, format: 'ndjson' }, sizes)), items);
      },
    ),
    { numRuns: 2000 },
  );
});

test('auto takes one object, indented or not, and NDJSON of objects', () => {
  const record = fc
    .dictionary(fc.string(), jsonValue)
    .map((value) => parseJson(JSON.stringify(value)) as unknown);
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 4 }),
      fc.nat(3),
      chunking,
      (records, indent, sizes) => {
        const one = encoder.encode(`${JSON.stringify(records[0], null, indent)}\n`);
        assert.deepEqual(values(split(one, { ...roomy, format: 'auto' }, sizes)), [records[0]]);
        const lines = encoder.encode(records.map((each) => JSON.stringify(each)).join('\n'));
        assert.deepEqual(values(split(lines, { ...roomy, format: 'auto' }, sizes)), records);
      },
    ),
    { numRuns: 1000 },
  );
});

test('noise never throws and never harms a neighbour line of NDJSON', () => {
  const noise = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 1a\r') }).map((text) => encoder.encode(text)),
  );
  const line = fc.oneof(
    jsonValue.map((value) => ({ good: true, bytes: encoder.encode(JSON.stringify(value)) })),
    noise.map((bytes) => ({ good: false, bytes: bytes.filter((byte) => byte !== 10) })),
  );
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), chunking, (lines, sizes) => {
      // A byte order mark may only stand at the very beginning.
      const body = lines.flatMap(({ bytes }) => [...bytes, 10]);
      const result = split(Uint8Array.from(body), { ...roomy, format: 'ndjson' }, sizes);
      const found = result.items.map((item) => item.text.trim());
      for (const { good, bytes } of lines) {
        if (good) assert.ok(found.includes(new TextDecoder().decode(bytes)), 'a good line was lost');
      }
      const good = result.items.filter((item) => item.problem === undefined).length;
      assert.ok(good >= lines.filter((each) => each.good).length, 'a good line was rejected');
    }),
    { numRuns: 2000 },
  );
});

test('noise in an array never throws, and what comes before it is kept', () => {
  fc.assert(
    fc.property(list, fc.uint8Array({ maxLength: 80 }), chunking, (items, noise, sizes) => {
      const before = encoder.encode(`[${items.map((item) => `${JSON.stringify(item)},`).join('')}`);
      const body = Uint8Array.from([...before, ...noise]);
      const result = split(body, { ...roomy, format: 'auto' }, sizes);
      assert.deepEqual(
        result.items.slice(0, items.length).map((item) => item.value),
        items,
      );
    }),
    { numRuns: 2000 },
  );
});

test('a body that is cut anywhere keeps what came before and says where it broke', () => {
  fc.assert(
    fc.property(list, fc.nat(), chunking, (items, at, sizes) => {
      const whole = encoder.encode(JSON.stringify(items));
      const cut = whole.slice(0, 1 + (at % (whole.length - 1)));
      const result = split(cut, { ...roomy, format: 'array' }, sizes);
      assert.deepEqual([result.broken?.code, result.broken?.at], ['invalid_json', cut.length]);
      const good = result.items.filter((item) => item.problem === undefined);
      assert.deepEqual(
        good.map((item) => item.value),
        items.slice(0, good.length),
      );
      assert.ok(result.items.length - good.length <= 1, 'only the tail may be rejected');
    }),
    { numRuns: 2000 },
  );
});

test('chunks make no difference, whatever the body', () => {
  const format = fc.constantFrom<ItemFormat>('array', 'ndjson', 'auto');
  const body = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 1aé\n\r'), maxLength: 60 });
  const tight = { maxItems: 3, maxItemBytes: 12, maxDepth: 2 };
  fc.assert(
    fc.property(fc.constantFrom('', '[', '{', '[{'), body, format, chunking, (head, text, as, sizes) => {
      const bytes = encoder.encode(head + text);
      const options = { ...tight, format: as };
      assert.deepEqual(split(bytes, options, sizes), split(bytes, options, [bytes.length || 1]));
    }),
    { numRuns: 5000 },
  );
});
