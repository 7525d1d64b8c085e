import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalBody, sameBody } from '../../src/event/sync-event-body.ts';
import { canonicalJson } from '../../src/json/canonical-json.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import type { SyncEvent } from '../../src/observation.ts';
import { arbitrarySyncEvent } from './arbitrary-sync-event.ts';

/** Another event, or the same one with some fields taken from another. */
const pair = fc
  .tuple(arbitrarySyncEvent, arbitrarySyncEvent, fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }))
  .map(([a, other, taken]): [SyncEvent, SyncEvent] => {
    const names = Object.keys(a) as (keyof SyncEvent)[];
    const mixed = Object.fromEntries(
      names.map((name, at) => [name, (taken[at] && at % 3 === 0 ? other : a)[name]]),
    );
    return [a, mixed as unknown as SyncEvent];
  });

test('two bodies have the same canonical text exactly when all their fields are equal', () => {
  let equal = 0;
  let different = 0;
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const { epoch: _e, seq: _s, eventId: _i, sentAt: _t, ...bodyA } = a;
      const { epoch: _f, seq: _r, eventId: _j, sentAt: _u, ...bodyB } = b;
      const expected =
        JSON.stringify(Object.entries(bodyA).sort()) === JSON.stringify(Object.entries(bodyB).sort());
      assert.equal(canonicalBody(a) === canonicalBody(b), expected);
      assert.equal(sameBody(a, b), expected);
      if (expected) equal += 1;
      else different += 1;
    }),
    { numRuns: 3000 },
  );
  assert.ok(equal > 100 && different > 100, `${equal} equal and ${different} different pairs were tried`);
});

test('what identifies or delivers an event is not part of its body', () => {
  fc.assert(
    fc.property(arbitrarySyncEvent, arbitrarySyncEvent, (a, other) => {
      const b = { ...a, epoch: other.epoch, seq: other.seq, eventId: other.eventId, sentAt: other.sentAt };
      assert.equal(canonicalBody(b), canonicalBody(a));
      assert.equal(sameBody(b, a), true);
    }),
  );
});

test('a body is the canonical JSON text of the wire form', () => {
  fc.assert(
    fc.property(arbitrarySyncEvent, (event) => {
      const text = canonicalBody(event);
      const again = canonicalJson(parseJson(text), 40);
      assert.equal(again.ok && again.text, text);
    }),
  );
});

test('a body reads as documented', () => {
  const event: SyncEvent = {
    kind: 'sync_event',
    deviceId: 'pibook-1',
    epoch: 'e',
    seq: 1,
    eventId: 'x',
    deviceTime: 1_795_163_400_000,
    sentAt: 2,
    totalFilesSynced: 12,
    totalErrors: 0,
    internetSpeed: 45.5,
    syncDurationMs: null,
    bytesSynced: 1024,
    metadata: '{"firmware":"1.2"}',
  };
  const expected =
    '{"bytes_synced":1024,"device_id":"pibook-1","internet_speed":45.5,"kind":"sync_event",' +
    '"metadata":{"firmware":"1.2"},"timestamp":1795163400000,"total_errors":0,"total_files_synced":12}';
  assert.equal(canonicalBody(event), expected);
});

test('zero is not absent', () => {
  fc.assert(
    fc.property(arbitrarySyncEvent, (event) => {
      for (const name of ['deviceTime', 'internetSpeed', 'syncDurationMs', 'bytesSynced'] as const) {
        const zero = { ...event, [name]: 0 };
        const absent = { ...event, [name]: null };
        assert.notEqual(canonicalBody(zero), canonicalBody(absent), name);
        assert.equal(sameBody(zero, absent), false, name);
      }
    }),
  );
});
