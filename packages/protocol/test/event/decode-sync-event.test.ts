import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DecodeContext, decodeSyncEvent } from '../../src/event/decode-sync-event.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import type { SyncEvent } from '../../src/observation.ts';
import { arbitraryObject, arbitrarySyncEvent, wireForm } from './arbitrary-sync-event.ts';

const plain = { device_id: 'pibook-1', total_files_synced: 3, total_errors: 0 };

function decoded(input: unknown, context?: DecodeContext): SyncEvent {
  const result = decodeSyncEvent(input, context);
  assert.ok(result.ok, result.ok ? '' : result.problem.detail);
  return result.event;
}

test('an event survives its wire form in either spelling and any order of keys', () => {
  fc.assert(
    fc.property(
      arbitrarySyncEvent,
      fc.constantFrom('snake', 'camel'),
      fc.boolean(),
      (event, spelling, reverse) => {
        const members = Object.entries(wireForm(event, spelling));
        const wire = Object.fromEntries(reverse ? members.reverse() : members);
        assert.deepEqual(decoded(parseJson(JSON.stringify(wire))), event);
      },
    ),
    { numRuns: 1000 },
  );
});

test('absent and null optional fields are the same', () => {
  const optional = [
    'timestamp',
    'internet_speed',
    'sync_duration_ms',
    'bytes_synced',
    'metadata',
    'epoch',
    'seq',
  ];
  const nulls = Object.fromEntries(
    [...optional, 'event_id', 'sent_at', 'kind', 'sync_status'].map((name) => [name, null]),
  );
  assert.deepEqual(decoded({ ...plain, ...nulls }), decoded(plain));
});

test('the status on the wire is ignored', () => {
  for (const sync_status of ['success', 'failed', 17, { a: 1 }]) {
    assert.deepEqual(decoded({ ...plain, sync_status }), decoded(plain));
    assert.deepEqual(decoded({ ...plain, syncStatus: sync_status }), decoded(plain));
  }
});

test('unknown fields join the metadata', () => {
  const item = JSON.parse(
    '{"device_id":"a","total_files_synced":1,"total_errors":0,"zip":null,"metadata":{"b":1},"a":[2]}',
  );
  assert.equal(decoded(item).metadata, '{"a":[2],"b":1,"zip":null}');
  assert.equal(decoded({ ...plain, firmware: '1.2' }).metadata, '{"firmware":"1.2"}');
});

test('nothing that was sent is lost: metadata holds all unknown fields and all of metadata', () => {
  fc.assert(
    fc.property(arbitraryObject, arbitraryObject, (metadata, unknown) => {
      const clash = Object.keys(unknown).some((key) => Object.hasOwn(metadata, key));
      // JSON.parse makes `__proto__` an ordinary key; a spread would not.
      const text = JSON.stringify({ ...plain, metadata }).slice(0, -1);
      const rest = JSON.stringify(unknown).slice(1);
      const result = decodeSyncEvent(parseJson(rest === '}' ? `${text}}` : `${text},${rest}`));
      assert.equal(result.ok, !clash);
      if (!result.ok) return assert.equal(result.problem.code, 'duplicate_field');
      const kept = new Map(Object.entries(JSON.parse(result.event.metadata ?? '{}')));
      assert.deepEqual(kept, new Map([...Object.entries(metadata), ...Object.entries(unknown)]));
    }),
    { numRuns: 1000 },
  );
});

test('hostile keys are plain data', () => {
  const text =
    '{"device_id":"a","total_files_synced":1,"total_errors":0,"__proto__":{"polluted":1},"constructor":{"prototype":2}}';
  assert.equal(
    decoded(JSON.parse(text)).metadata,
    '{"__proto__":{"polluted":1},"constructor":{"prototype":2}}',
  );
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  const inherited = decodeSyncEvent(
    JSON.parse('{"__proto__":{"device_id":"a","total_files_synced":1,"total_errors":0}}'),
  );
  assert.equal(!inherited.ok && inherited.problem.code, 'missing_field');
});

test('the context fills in what an item leaves out', () => {
  const context = { deviceId: 'pibox-7', epoch: 'e1', sentAt: 5, eventId: 'key-1' };
  const bare = { total_files_synced: 0, total_errors: 0 };
  const event = decoded({ ...bare, seq: 0 }, context);
  assert.deepEqual(
    [event.deviceId, event.epoch, event.seq, event.sentAt, event.eventId],
    ['pibox-7', 'e1', 0, 5, 'key-1'],
  );
  assert.equal(decoded(bare, context).epoch, null);
  assert.equal(decoded({ ...bare, epoch: 'e0', seq: 9 }, context).epoch, 'e0');
  assert.equal(decoded({ ...bare, sent_at: 6 }, context).sentAt, 6);
  assert.equal(decoded({ ...bare, event_id: 'key-1' }, context).eventId, 'key-1');
});

test('an item that contradicts its envelope is rejected', () => {
  const other = decodeSyncEvent({ ...plain }, { deviceId: 'pibox-7' });
  assert.equal(!other.ok && other.problem.code, 'invalid_device_id');
  assert.equal(!other.ok && other.problem.deviceId, 'pibook-1');
  const id = decodeSyncEvent({ ...plain, event_id: 'a' }, { eventId: 'b' });
  assert.equal(!id.ok && id.problem.code, 'duplicate_field');
  assert.equal(!id.ok && id.problem.field, 'event_id');
});

test('any JSON value is decoded or explained, never thrown', () => {
  const names = fc.constantFrom(
    'device_id',
    'deviceId',
    'total_errors',
    'totalFilesSynced',
    'seq',
    'epoch',
    'timestamp',
    'metadata',
  );
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(Number.POSITIVE_INFINITY, -0, 1.5, -1, 2 ** 53, 'NaN'),
  );
  const item = fc.oneof(fc.dictionary(names, value), fc.dictionary(fc.string(), value), fc.jsonValue());
  fc.assert(
    fc.property(item, (input) => {
      const result = decodeSyncEvent(input);
      if (result.ok) return;
      assert.ok(result.problem.detail.length > 10);
      const field = result.problem.field;
      if (field !== null)
        assert.ok(result.problem.detail.startsWith(field), `${field}: ${result.problem.detail}`);
    }),
    { numRuns: 2000 },
  );
});
