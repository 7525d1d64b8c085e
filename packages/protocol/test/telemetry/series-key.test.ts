import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeSeriesKey,
  encodeSeriesKey,
  explainSeries,
  explainSeriesText,
  type SeriesTag,
} from '../../src/telemetry/series-key.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const text = fc.string({ unit: fc.constantFrom(...'ab,= \\é\u{1F600}\uffff'), minLength: 1, maxLength: 6 });
const tagList = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 5 });

const byName = ([a]: SeriesTag, [b]: SeriesTag) => (a < b ? -1 : 1);

describe('series keys', () => {
  test('are decoded to what they were made of, tags in order of code units', () => {
    fc.assert(
      fc.property(text, tagList, (metric, tags) => {
        const key = encodeSeriesKey(metric, tags);
        assert.deepEqual(decodeSeriesKey(key), { metric, tags: [...tags].sort(byName) });
        assert.equal(encodeSeriesKey(metric, tags.toReversed()), key);
      }),
      { numRuns },
    );
  });

  test('differ where metric or tags differ', () => {
    fc.assert(
      fc.property(text, tagList, text, tagList, (metric, tags, other, otherTags) => {
        const same =
          metric === other &&
          JSON.stringify([...tags].sort(byName)) === JSON.stringify([...otherTags].sort(byName));
        assert.equal(encodeSeriesKey(metric, tags) === encodeSeriesKey(other, otherTags), same);
      }),
      { numRuns },
    );
  });

  test('are decoded in their canonical form only', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab,= \\'), maxLength: 12 }), (key) => {
        let decoded: ReturnType<typeof decodeSeriesKey>;
        try {
          decoded = decodeSeriesKey(key);
        } catch (error) {
          assert.ok(error instanceof TypeError);
          return;
        }
        assert.equal(encodeSeriesKey(decoded.metric, decoded.tags), key);
      }),
      { numRuns },
    );
    for (const key of ['m,b=1,a=2', 'm,a', 'm\\x', 'm x', 'm,a=1=2', 'm\\']) {
      assert.throws(() => decodeSeriesKey(key), TypeError, key);
    }
  });

  test('look as they are specified', () => {
    assert.equal(encodeSeriesKey('temperature', []), 'temperature');
    assert.equal(
      encodeSeriesKey('a b', [
        ['z', '1,2'],
        ['B', 'x=y'],
        ['a', '\\'],
      ]),
      'a\\ b,B=x\\=y,a=\\\\,z=1\\,2',
    );
  });
});

describe('limits of a series', () => {
  const explain = (metric: string, tags: readonly SeriesTag[]) =>
    explainSeries(metric, tags, encodeSeriesKey(metric, tags));
  const many = (count: number, length: number): SeriesTag[] =>
    Array.from({ length: count }, (_, place) => [`t${place}`, 'é'.repeat(length)]);

  test('are kept to the character', () => {
    assert.equal(explainSeriesText('\u{1F600}'.repeat(200)), undefined);
    assert.match(explainSeriesText(`${'\u{1F600}'.repeat(150)}${'x'.repeat(51)}`) ?? '', /201 characters/);
    assert.equal(explainSeriesText(`${'\u{1F600}'.repeat(150)}${'x'.repeat(50)}`), undefined);
    assert.match(explainSeriesText('x'.repeat(401)) ?? '', /more than 200/);
    assert.match(explainSeriesText('') ?? '', /empty/);
    assert.match(explainSeriesText('a\u007f') ?? '', /control/);
    assert.match(explainSeriesText('a\u0085') ?? '', /control/);
    assert.match(explainSeriesText('a\ud800') ?? '', /surrogate/);
    assert.equal(explain('m', many(32, 1)), undefined);
    assert.equal(explain('m', many(33, 1))?.code, 'out_of_range');
    const key = encodeSeriesKey('m', many(10, 200));
    const room = 4096 - new TextEncoder().encode(key).length;
    assert.equal(explain('m'.repeat(1 + room), many(10, 200)), undefined);
    assert.equal(explain('m'.repeat(2 + room), many(10, 200))?.code, 'item_too_large');
  });

  test('name the part that breaks them', () => {
    assert.deepEqual([explain('', [])?.part, explain('', [])?.code], ['metric', 'invalid_text']);
    assert.equal(
      explain('m', [
        ['a', '1'],
        ['b', ''],
      ])?.part,
      1,
    );
    assert.match(explain('m', [['', '1']])?.detail ?? '', /name/);
    assert.deepEqual(
      [
        explain('m', [
          ['a', '1'],
          ['a', '2'],
        ])?.part,
        explain('m', [
          ['a', '1'],
          ['a', '2'],
        ])?.code,
      ],
      [1, 'duplicate_field'],
    );
  });
});
