import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertAlive, assertProblem, event, get, post, send, start, storedOf } from './harness.ts';

const server = await start();

/** Bad items as JSON text: what is wrong, the text, the code and the field that the answer must name. */
const cases: readonly (readonly [name: string, text: string, code: string, field?: string])[] = [
  ['missing device id', item('{"device_id":undefined}'), 'missing_field', 'device_id'],
  ['missing count', '{"device_id":"x","total_files_synced":1}', 'missing_field', 'total_errors'],
  ['null count', item('{"total_errors":null}'), 'missing_field', 'total_errors'],
  ['null device id', item('{"device_id":null}'), 'missing_field', 'device_id'],
  ['text for a number', item('{"total_errors":"3"}'), 'invalid_type', 'total_errors'],
  ['NaN-like text', item('{"total_errors":"NaN"}'), 'invalid_type', 'total_errors'],
  ['true for a number', item('{"total_files_synced":true}'), 'invalid_type', 'total_files_synced'],
  ['array for a number', item('{"total_files_synced":[1]}'), 'invalid_type', 'total_files_synced'],
  ['number for a device id', item('{"device_id":7}'), 'invalid_type', 'device_id'],
  ['object for a device id', item('{"device_id":{"$gt":""}}'), 'invalid_type', 'device_id'],
  ['text for metadata', item('{"metadata":"x"}'), 'invalid_type', 'metadata'],
  ['negative', item('{"total_errors":-1}'), 'out_of_range', 'total_errors'],
  ['fractional', item('{"total_files_synced":1.5}'), 'invalid_type', 'total_files_synced'],
  ['1e400', item('{}').replace('"total_errors":0', '"total_errors":1e400'), 'out_of_range', 'total_errors'],
  ['over 2^53', item('{"total_files_synced":9007199254740993}'), 'out_of_range', 'total_files_synced'],
  ['negative speed', item('{"internet_speed":-0.5}'), 'out_of_range', 'internet_speed'],
  [
    '1e400 Mbit/s',
    item('{"x":0}').replace('"x":0', '"internet_speed":1e400'),
    'out_of_range',
    'internet_speed',
  ],
  ['30 February', item('{"timestamp":"2026-02-30T00:00:00Z"}'), 'invalid_timestamp', 'timestamp'],
  ['no zone', item('{"timestamp":"2026-11-20T08:30:00"}'), 'invalid_timestamp', 'timestamp'],
  ['a date alone', item('{"timestamp":"2026-11-20"}'), 'invalid_timestamp', 'timestamp'],
  ['hour 24', item('{"timestamp":"2026-11-20T24:00:00Z"}'), 'invalid_timestamp', 'timestamp'],
  ['words for a time', item('{"timestamp":"yesterday"}'), 'invalid_timestamp', 'timestamp'],
  ['empty device id', item('{"device_id":""}'), 'invalid_device_id', 'device_id'],
  ['device id of 10 kB', item(`{"device_id":"${'a'.repeat(10_000)}"}`), 'invalid_device_id', 'device_id'],
  ['control character in the device id', item('{"device_id":"a\\u0000b"}'), 'invalid_device_id', 'device_id'],
  ['lone surrogate in the device id', item('{"device_id":"a\\ud800"}'), 'invalid_device_id', 'device_id'],
  ['__proto__ as device id', item('{"device_id":"__proto__"}'), 'invalid_device_id', 'device_id'],
  ['path as device id', item('{"device_id":"../../etc/passwd"}'), 'invalid_device_id', 'device_id'],
  [
    'markup as device id',
    item('{"device_id":"<script>alert(1)</script>"}'),
    'invalid_device_id',
    'device_id',
  ],
  ['seq without epoch', item('{"seq":1}'), 'missing_field', 'epoch'],
  ['epoch without seq', item('{"epoch":"e"}'), 'missing_field', 'seq'],
  ['negative seq', item('{"epoch":"e","seq":-1}'), 'out_of_range', 'seq'],
  [
    'a key twice',
    '{"device_id":"x","total_files_synced":1,"total_errors":0,"total_errors":5}',
    'duplicate_field',
    'total_errors',
  ],
  ['both spellings', item('{"totalErrors":1}'), 'duplicate_field'],
  ['unknown kind', item('{"kind":"teapot"}'), 'unknown_kind', 'kind'],
  [
    'nested 10,000 deep',
    `{"device_id":"x","metadata":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    'item_too_deep',
  ],
  ['an array for an item', '[1]', 'invalid_item'],
  ['a number for an item', '42', 'invalid_item'],
  ['null for an item', 'null', 'invalid_item'],
];

/** A good item's text with members replaced; `undefined` in the changes takes a member away. */
function item(changes: string): string {
  const removes = changes.includes('undefined');
  const merged = {
    device_id: 'pi-bad',
    total_files_synced: 1,
    total_errors: 0,
    ...(removes ? {} : JSON.parse(changes)),
  };
  return JSON.stringify(removes ? { ...merged, device_id: undefined } : merged);
}

describe('a bad item', () => {
  for (const [name, text, code, field] of cases) {
    test(`${name}: alone it is answered 400`, async () => {
      const reply = await send(server, 'POST', '/api/sync-event', text);
      assertProblem(reply, 400, code, field);
    });

    test(`${name}: in a batch its neighbours are stored`, async () => {
      const id = `n-${name.replaceAll(/[^a-z0-9]/gi, '-')}`.slice(0, 100);
      const before = JSON.stringify(event({ device_id: id, epoch: 'a', seq: 0 }));
      const after = JSON.stringify(event({ device_id: id, epoch: 'a', seq: 1 }));
      const array = await send(server, 'POST', '/api/sync-events', `[${before},${text},${after}]`);
      assert.equal(array.status, 200, array.text);
      const results = array.body.results as {
        index: number;
        result: string;
        code?: string;
        field?: string;
      }[];
      assert.deepEqual(
        results.map(({ result }) => result),
        ['stored', 'rejected', 'stored'],
        array.text,
      );
      assert.equal(results[1]?.code, code);
      if (field !== undefined) assert.equal(results[1]?.field, field);
      const lines = await send(server, 'POST', '/api/sync-events', `${before}\n${text}\n${after}\n`, {
        'content-type': 'application/x-ndjson',
      });
      assert.deepEqual(
        lines.body.results.map((one: { result: string }) => one.result),
        ['duplicate', 'rejected', 'duplicate'],
      );
      assert.equal(await storedOf(server, id), 2);
    });
  }

  test('is in the quarantine, with its own text', async () => {
    const list = await get(server, '/api/quarantine?limit=1000');
    const codes = new Set(list.body.items.map((one: { code: string }) => one.code));
    for (const [, , code] of cases) assert.ok(codes.has(code), `${code} is in the quarantine`);
    await assertAlive(server);
  });
});

describe('a strange but good item', () => {
  test('times of 1970 and 2099 are taken, and drawn at the time of receipt', async () => {
    for (const [seq, timestamp] of ['1970-01-01T00:00:00Z', '2099-01-01T00:00:00Z', 0].entries()) {
      const reply = await post(
        server,
        '/api/sync-event',
        event({ device_id: 'odd-time', epoch: 'a', seq, timestamp }),
      );
      assert.equal(reply.status, 201);
      assert.equal(reply.body.clock_quality, 'unknown');
      assert.ok(Math.abs(Date.parse(reply.body.timestamp) - Date.now()) < 5000);
    }
  });

  test('unknown fields are kept in metadata, __proto__ among them, and touch nothing', async () => {
    const text = item('{"device_id":"odd-fields","firmware":"1.2"}').replace(
      '{',
      '{"__proto__":{"polluted":1},',
    );
    const reply = await send(server, 'POST', '/api/sync-event', text);
    assert.equal(reply.status, 201, reply.text);
    const history = await get(server, '/api/devices/odd-fields/sync-history');
    const { metadata } = history.body.items[0];
    assert.equal(metadata.firmware, '1.2');
    assert.match(history.text, /"__proto__":\{"polluted":1\}/);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
});
