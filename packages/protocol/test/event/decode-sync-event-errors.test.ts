import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSyncEvent, type ItemProblem } from '../../src/event/decode-sync-event.ts';
import { parseJson } from '../../src/json/parse-json.ts';

const plain = { device_id: 'pibook-1', total_files_synced: 3, total_errors: 0 };

function rejected(input: unknown): ItemProblem {
  const result = decodeSyncEvent(input);
  assert.ok(!result.ok, 'should have been rejected');
  return result.problem;
}

/** Members added to a plain event (or replacing its own), with the expected code, field and words. */
type Case = readonly [members: string, code: string, field: string | null, words: RegExp];

const cases: readonly Case[] = [
  ['"device_id":null', 'missing_field', 'device_id', /is missing/],
  ['"device_id":7', 'invalid_type', 'device_id', /must be text, not 7/],
  ['"device_id":""', 'invalid_device_id', 'device_id', /is empty/],
  ['"device_id":"../../etc/passwd"', 'invalid_device_id', 'device_id', /U\+002E as character 1/],
  ['"device_id":"a\\u0000b"', 'invalid_device_id', 'device_id', /U\+0000 as character 2/],
  ['"device_id":"a\\ud800"', 'invalid_device_id', 'device_id', /U\+D800/],
  ['"device_id":"__proto__"', 'invalid_device_id', 'device_id', /U\+005F as character 1/],
  [`"device_id":"${'x'.repeat(10_240)}"`, 'invalid_device_id', 'device_id', /10240 characters/],
  ['"deviceId":"pibook-1"', 'duplicate_field', 'deviceId', /both spellings/],
  ['"total_files_synced":null', 'missing_field', 'total_files_synced', /is missing/],
  ['"total_errors":-1', 'out_of_range', 'total_errors', /is -1; send a whole number from 0/],
  ['"total_errors":1.5', 'invalid_type', 'total_errors', /without a fraction/],
  ['"total_errors":1e400', 'out_of_range', 'total_errors', /too large to hold/],
  ['"total_errors":-1e400', 'out_of_range', 'total_errors', /negative number too large/],
  ['"total_errors":9007199254740992', 'out_of_range', 'total_errors', /to 9007199254740991/],
  ['"total_errors":"3"', 'invalid_type', 'total_errors', /without quotes/],
  ['"total_errors":"NaN"', 'invalid_type', 'total_errors', /not the text "NaN"/],
  ['"total_errors":true', 'invalid_type', 'total_errors', /not true/],
  ['"total_errors":[1]', 'invalid_type', 'total_errors', /not a list/],
  ['"totalErrors":1', 'duplicate_field', 'totalErrors', /both spellings/],
  ['"timestamp":"2026-02-30T00:00:00Z"', 'invalid_timestamp', 'timestamp', /does not exist/],
  ['"timestamp":"2026-11-20T08:30:00"', 'invalid_timestamp', 'timestamp', /no zone/],
  ['"timestamp":1e400', 'invalid_timestamp', 'timestamp', /outside the years/],
  ['"sentAt":"never"', 'invalid_timestamp', 'sentAt', /is "never"/],
  ['"internet_speed":-0.1', 'out_of_range', 'internet_speed', /0 or more/],
  ['"internetSpeed":1e400', 'out_of_range', 'internetSpeed', /finite/],
  ['"internet_speed":"fast"', 'invalid_type', 'internet_speed', /Mbit\/s/],
  ['"sync_duration_ms":0.5', 'invalid_type', 'sync_duration_ms', /whole number/],
  ['"bytesSynced":-1', 'out_of_range', 'bytesSynced', /is -1/],
  ['"epoch":"e1"', 'missing_field', 'seq', /both or none/],
  ['"seq":1', 'missing_field', 'epoch', /both or none/],
  ['"epoch":"","seq":1', 'invalid_text', 'epoch', /is empty/],
  ['"epoch":"a b","seq":1', 'invalid_text', 'epoch', /at 2/],
  [`"epoch":"${'e'.repeat(65)}","seq":1`, 'invalid_text', 'epoch', /65 characters/],
  ['"epoch":1,"seq":1', 'invalid_type', 'epoch', /must be text/],
  ['"epoch":"e","seq":-1', 'out_of_range', 'seq', /is -1/],
  ['"epoch":"e","seq":"1"', 'invalid_type', 'seq', /without quotes/],
  ['"event_id":""', 'invalid_text', 'event_id', /is empty/],
  ['"event_id":5', 'invalid_type', 'event_id', /must be text/],
  ['"eventId":"a\\nb"', 'invalid_text', 'eventId', /control character/],
  ['"event_id":"a\\u0085b"', 'invalid_text', 'event_id', /control character/],
  ['"event_id":"a\\udc00"', 'invalid_text', 'event_id', /surrogate/],
  [`"event_id":"${'x'.repeat(201)}"`, 'invalid_text', 'event_id', /201 characters/],
  [`"event_id":"${'x'.repeat(500)}"`, 'invalid_text', 'event_id', /more than 200/],
  ['"kind":"detection"', 'unknown_kind', 'kind', /the text "detection"; this server knows sync_event/],
  ['"kind":3', 'unknown_kind', 'kind', /is 3/],
  ['"metadata":[]', 'invalid_type', 'metadata', /must be an object, not a list/],
  ['"metadata":"x"', 'invalid_type', 'metadata', /must be an object/],
  ['"metadata":{"a":1},"a":1', 'duplicate_field', 'a', /join metadata/],
  ['"metadata":{"a":[1,1e400]}', 'out_of_range', 'metadata.a[1]', /send it as text/],
  ['"load":-1e400', 'out_of_range', 'load', /send it as text/],
  [`"metadata":{"a":"${'x'.repeat(16_384)}"}`, 'item_too_large', 'metadata', /16392 bytes/],
  [`"metadata":{"a":"${'é'.repeat(8_190)}"}`, 'item_too_large', 'metadata', /16388 bytes/],
  [
    `"metadata":${'{"a":'.repeat(33)}1${'}'.repeat(33)}`,
    'item_too_deep',
    `metadata${'.a'.repeat(32)}`,
    /32 levels/,
  ],
];

for (const [members, code, field, words] of cases) {
  const shown = members.length > 50 ? `${members.slice(0, 47)}…` : members;
  test(`rejected: ${shown}`, () => {
    const added = parseJson(`{${members}}`) as object;
    const problem = rejected({ ...plain, ...added });
    assert.deepEqual([problem.code, problem.field], [code, field]);
    assert.match(problem.detail, words);
  });
}

test('an item that is no object is rejected as a whole', () => {
  for (const item of [null, 7, 'x', true, [], [plain], undefined]) {
    const problem = rejected(item);
    assert.deepEqual([problem.code, problem.field, problem.deviceId], ['invalid_item', null, null]);
  }
});

test('missing fields are named as documented', () => {
  assert.equal(rejected({}).field, 'device_id');
  assert.equal(rejected({ device_id: 'a' }).field, 'total_files_synced');
  assert.equal(rejected({ device_id: 'a', totalFilesSynced: 1 }).field, 'total_errors');
});

test('the device id of a rejected item is kept as far as it is readable', () => {
  assert.equal(rejected({ ...plain, total_errors: -1 }).deviceId, 'pibook-1');
  assert.equal(rejected({ deviceId: '<b>', total_errors: -1 }).deviceId, '<b>');
  assert.equal(rejected({ device_id: 'x'.repeat(10_000) }).deviceId, 'x'.repeat(128));
  assert.equal(rejected({ device_id: `${'x'.repeat(127)}\u{1F600}` }).deviceId, `${'x'.repeat(127)}\ufffd`);
  assert.equal(rejected({ device_id: 7 }).deviceId, null);
  const inEnvelope = decodeSyncEvent({ total_errors: -1 }, { deviceId: 'pibox-7' });
  assert.equal(!inEnvelope.ok && inEnvelope.problem.deviceId, 'pibox-7');
});

test('metadata at its limits is taken', () => {
  const full = decodeSyncEvent({ ...plain, metadata: { a: 'x'.repeat(16_384 - 8) } });
  assert.equal(full.ok && full.event.metadata?.length, 16_384);
  const deep = decodeSyncEvent({
    ...plain,
    metadata: JSON.parse(`${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`),
  });
  assert.equal(deep.ok, true);
  const shallow = decodeSyncEvent({ ...plain, metadata: { a: { b: 1 } } }, { maxDepth: 1 });
  assert.equal(!shallow.ok && shallow.problem.field, 'metadata.a');
});

test('text at its limits is taken, counted in characters', () => {
  const faces = '\u{1F600}'.repeat(200);
  assert.equal(decodeSyncEvent({ ...plain, event_id: faces }).ok, true);
  assert.equal(rejected({ ...plain, event_id: `${faces}x` }).code, 'invalid_text');
  assert.equal(decodeSyncEvent({ ...plain, epoch: 'e'.repeat(64), seq: Number.MAX_SAFE_INTEGER }).ok, true);
  assert.equal(decodeSyncEvent({ ...plain, device_id: 'd'.repeat(128) }).ok, true);
});
