import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJson } from '@pisync/protocol';
import fc from 'fast-check';
import { readEnvelope } from '../../../src/services/ingest/envelope.ts';

const limits = { maxItems: 1000, maxItemBytes: 65_536, maxDepth: 32, maxBacklogMs: 1 };
const read = (text: string): ReturnType<typeof readEnvelope> => readEnvelope(Buffer.from(text), limits);

describe('readEnvelope', () => {
  test('splits what it cannot parse into the same observations, wherever the array stands', () => {
    const value = fc.jsonValue({ maxDepth: 3 }).map((json) => JSON.stringify(json));
    const tricky = fc.constantFrom(
      '"observations"',
      '"[{\\"observations\\":["',
      '{"observations":[1]}',
      '[[],[]]',
      '"]}"',
    );
    const item = fc.oneof(value, tricky);
    fc.assert(
      fc.property(fc.array(item, { maxLength: 6 }), fc.boolean(), (items, first) => {
        // One observation is too deep, so that the whole cannot be parsed.
        const all = [...items, `${'['.repeat(200)}${']'.repeat(200)}`];
        const array = `"observations" : [ ${all.join(' , ')} ]`;
        const rest = '"device_id":"pi-1","epoch":"observations"';
        const envelope = read(first ? `{${array},${rest}}` : ` {${rest}, ${array} }`);
        assert.ok('items' in envelope, JSON.stringify(envelope));
        assert.equal(envelope.context.deviceId, 'pi-1');
        assert.equal(envelope.items.length, all.length);
        items.forEach((text, at) => {
          const raw = envelope.items[at];
          if (raw?.problem === undefined) assert.deepEqual(raw?.value, parseJson(text));
          else assert.equal(raw.problem.code, 'duplicate_field');
        });
        assert.equal(envelope.items.at(-1)?.problem?.code, 'item_too_deep');
      }),
    );
  });

  test('never throws, and says what is wrong', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const envelope = read(text);
        assert.ok(envelope.problem !== undefined && envelope.problem.detail.length > 0);
      }),
    );
    assert.equal(
      read('{"device_id":"a","device_id":"b","observations":[]}').problem?.code,
      'duplicate_field',
    );
    assert.equal(read('{"device_id":"a","observations":[{"seq":1}').problem?.code, 'invalid_json');
  });

  test('a broken observation harms no other', () => {
    const envelope = read('{"device_id":"a","observations":[{"seq":0},{"seq":oops},{"seq":2}]}');
    assert.ok('items' in envelope);
    assert.deepEqual(
      envelope.items.map((item) => item.problem?.code),
      [undefined, 'item_invalid_json', undefined],
    );
  });
});
