import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEnvelope } from '../../src/event/decode-envelope.ts';
import { decodeSyncEvent } from '../../src/event/decode-sync-event.ts';

const whole = {
  device_id: 'pibox-7',
  epoch: 'e1',
  sent_at: '2026-11-20T08:30:00Z',
  observations: [{ seq: 1 }],
};

test('an envelope is decoded in either spelling', () => {
  const expected = {
    ok: true,
    context: {
      deviceId: 'pibox-7',
      epoch: 'e1',
      sentAt: Date.parse('2026-11-20T08:30:00Z'),
      maxDepth: undefined,
    },
    observations: [{ seq: 1 }],
  };
  assert.deepEqual(decodeEnvelope(whole), expected);
  const { device_id: deviceId, sent_at: sentAt, ...rest } = whole;
  assert.deepEqual(decodeEnvelope({ deviceId, sentAt, ...rest }), expected);
});

test('epoch and sent_at may be absent or null', () => {
  const bare = decodeEnvelope({ device_id: 'a', observations: [] });
  assert.deepEqual(bare, decodeEnvelope({ device_id: 'a', epoch: null, sent_at: null, observations: [] }));
  assert.equal(bare.ok, true);
});

const cases: readonly (readonly [change: Record<string, unknown>, code: string, field: string | null])[] = [
  [{ device_id: null }, 'missing_field', 'device_id'],
  [{ device_id: 'a b' }, 'invalid_device_id', 'device_id'],
  [{ deviceId: 'pibox-7' }, 'duplicate_field', 'deviceId'],
  [{ epoch: '' }, 'invalid_text', 'epoch'],
  [{ epoch: 7 }, 'invalid_type', 'epoch'],
  [{ sent_at: 'soon' }, 'invalid_timestamp', 'sent_at'],
  [{ observations: null }, 'missing_field', 'observations'],
  [{ observations: {} }, 'invalid_type', 'observations'],
  [{ observations: [1, 2, 3] }, 'too_many_items', 'observations'],
  [{ firmware: '1' }, 'unknown_field', 'firmware'],
];

for (const [change, code, field] of cases) {
  test(`an envelope with ${JSON.stringify(change)} is refused as ${code}`, () => {
    const result = decodeEnvelope({ ...whole, ...change }, { maxItems: 2 });
    assert.ok(!result.ok);
    assert.deepEqual([result.problem.code, result.problem.field], [code, field]);
    assert.ok(result.problem.detail.length > 10);
  });
}

test('an envelope that is no object is refused', () => {
  for (const input of [null, [], [whole], 'x', 1]) {
    const result = decodeEnvelope(input);
    assert.equal(!result.ok && result.problem.code, 'invalid_item');
  }
});

test('an unknown field cannot hide as a key of Object', () => {
  const result = decodeEnvelope(JSON.parse('{"device_id":"a","observations":[],"__proto__":{}}'));
  assert.equal(!result.ok && result.problem.field, '__proto__');
});

test('only the observations that name another device are rejected', () => {
  const counts = { total_files_synced: 1, total_errors: 0 };
  const observations = [
    { ...counts, seq: 1 },
    { ...counts, seq: 2, device_id: 'other' },
    { ...counts, seq: 3 },
  ];
  const envelope = decodeEnvelope({ ...whole, observations });
  assert.ok(envelope.ok);
  const results = envelope.observations.map((each) => decodeSyncEvent(each, envelope.context).ok);
  assert.deepEqual(results, [true, false, true]);
});

test('any JSON value is an envelope or explained, never thrown', () => {
  const name = fc.oneof(
    fc.constantFrom('device_id', 'epoch', 'sent_at', 'observations', 'sentAt'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.oneof(fc.dictionary(name, fc.jsonValue()), fc.jsonValue()), (input) => {
      const result = decodeEnvelope(input);
      if (!result.ok) assert.ok(result.problem.detail.length > 10);
    }),
  );
});
