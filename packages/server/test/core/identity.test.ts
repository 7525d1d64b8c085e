import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { canonicalBody, type SyncEvent } from '@pisync/protocol';
import fc from 'fast-check';
import { digestBytes } from '../../src/core/digest-bytes.ts';
import { identityHash, identityKind, identityText, tieOf } from '../../src/core/identity.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

const plain: SyncEvent = {
  kind: 'sync_event',
  deviceId: 'pi-1',
  epoch: null,
  seq: null,
  eventId: null,
  deviceTime: null,
  sentAt: null,
  totalFilesSynced: 1,
  totalErrors: 0,
  internetSpeed: null,
  syncDurationMs: null,
  bytesSynced: null,
  metadata: null,
};

/** Few values for each field, so that equal events are frequent. */
const anyEvent: fc.Arbitrary<SyncEvent> = fc
  .record({
    deviceId: fc.constantFrom('a', 'b', 'a:b'),
    eventId: fc.option(fc.constantFrom('x', 'y', 'a\nx', 'digest')),
    deviceTime: fc.option(fc.nat({ max: 2 })),
    sentAt: fc.option(fc.nat({ max: 2 })),
    totalErrors: fc.nat({ max: 1 }),
  })
  .map((fields) => ({ ...plain, ...fields }));

describe('identity', () => {
  test('is the strongest of counter, id, digest and nothing', () => {
    const all = { epoch: 'e', seq: 0, eventId: 'x', deviceTime: 0 };
    assert.equal(identityKind({ ...plain, ...all }), 'seq');
    assert.equal(identityKind({ ...plain, ...all, epoch: null, seq: null }), 'event_id');
    assert.equal(identityKind({ ...plain, deviceTime: 0 }), 'digest');
    assert.equal(identityKind(plain), 'none');
  });

  test('is equal exactly for the same device and id, or the same canonical body', () => {
    let equals = 0;
    fc.assert(
      fc.property(anyEvent, anyEvent, (a, b) => {
        const expected =
          a.eventId === null && b.eventId === null
            ? canonicalBody(a) === canonicalBody(b)
            : a.deviceId === b.deviceId && a.eventId === b.eventId;
        if (expected) equals += 1;
        assert.equal(identityText(a) === identityText(b), expected);
        assert.equal(tieOf(...pair(a)) === tieOf(...pair(b)), expected);
      }),
      { numRuns },
    );
    assert.ok(equals > 0);
  });

  test('does not change with the time of sending', () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), (event, sentAt) => {
        assert.equal(identityText({ ...event, sentAt }), identityText(event));
      }),
      { numRuns },
    );
  });

  test('hashes to the first 64 bits of SHA-256, and ties by the first 53 of them', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const digest = createHash('sha256').update(identityText(event), 'utf8').digest();
        const { high, low } = identityHash(event);
        assert.equal(high, digest.readUInt32BE(0));
        assert.equal(low, digest.readUInt32BE(4));
        assert.equal(BigInt(tieOf(high, low)), digest.readBigUInt64BE(0) >> 11n);
      }),
      { numRuns },
    );
    assert.equal(tieOf(0xffffffff, 0xffffffff), Number.MAX_SAFE_INTEGER);
  });
});

describe('the bytes that a digest is made of', () => {
  test('are those of its text, whatever the numbers', () => {
    const count = fc.oneof(fc.nat({ max: 100 }), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
    const time = fc.oneof(
      fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
      fc.integer({ min: -20, max: 20 }),
    );
    const speed = fc.oneof(
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, 1e21, 1e-7, 23.5),
    );
    const numbers = fc.record({
      deviceId: fc.stringMatching(/^[a-z0-9][A-Za-z0-9._:@-]{0,127}$/),
      deviceTime: time,
      totalFilesSynced: count,
      totalErrors: count,
      internetSpeed: fc.option(speed.map((value) => value + 0)),
      syncDurationMs: fc.option(count),
      bytesSynced: fc.option(count),
    });
    fc.assert(
      fc.property(numbers, (fields) => {
        const event = { ...plain, ...fields };
        assert.equal(Buffer.from(digestBytes(event)).toString('latin1'), identityText(event));
      }),
      { numRuns },
    );
  });
});

function pair(event: SyncEvent): [number, number] {
  const { high, low } = identityHash(event);
  return [high, low];
}
