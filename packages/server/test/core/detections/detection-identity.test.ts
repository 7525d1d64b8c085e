import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Detection } from '@pisync/protocol';
import fc from 'fast-check';
import {
  detectionBody,
  detectionIdentityHash,
  detectionIdentityKind,
  sameDetectionBody,
} from '../../../src/core/detections/detection-identity.ts';
import { anyDetection, detection } from '../../adapters/sqlite/detections/arbitrary-detection.ts';

/** Few values for each field, texts that would run into each other without their lengths among them. */
const anySimilar: fc.Arbitrary<Detection> = fc
  .record({
    deviceId: fc.constantFrom('a', 'ab'),
    counted: fc.option(fc.record({ epoch: fc.constantFrom('b', 'e'), seq: fc.constantFrom(0, 1, 2 ** 40) }), {
      freq: 1,
    }),
    eventId: fc.option(fc.constantFrom('b', 'x', 'é'), { freq: 1 }),
    deviceTime: fc.option(fc.nat({ max: 1 })),
    type: fc.constantFrom('wifi' as const, 'ble' as const),
    name: fc.option(fc.constantFrom('n', 'é')),
    security: fc.option(fc.constantFrom('n')),
    signalDbm: fc.option(fc.constantFrom(0, -0, -50)),
    channel: fc.option(fc.constantFrom(0, -50)),
    position: fc.option(
      fc.record({
        ...{ lat: fc.constantFrom(0, -0, 1), lon: fc.constant(1) },
        ...{ altitude: fc.option(fc.constant(1)), accuracy: fc.option(fc.constant(1)) },
        ...{ heading: fc.option(fc.constant(1)), speed: fc.option(fc.constant(1)) },
      }),
    ),
  })
  .map(({ counted, ...fields }) =>
    detection({ ...fields, epoch: counted?.epoch ?? null, seq: counted?.seq ?? null }),
  );

/** Two of them that often share most of their fields. */
const anyPair = fc
  .tuple(anySimilar, anySimilar, fc.subarray(Object.keys(detection({})), { minLength: 1, maxLength: 8 }))
  .map(([a, other, fields]) => {
    const changed = fields.map((field) => [field, other[field as keyof Detection]]);
    const b: Detection = { ...a, ...Object.fromEntries(changed) };
    return [a, { ...b, epoch: b.seq === null ? null : (b.epoch ?? 'e') }] as const;
  });

/** The rule of semantics in plain words: what two detections must share to be the same fact. */
function identityOf(d: Detection): unknown[] | null {
  const kind = detectionIdentityKind(d);
  if (kind === 'seq') return [kind, d.deviceId, d.epoch, d.seq];
  if (kind === 'event_id') return [kind, d.deviceId, d.eventId];
  return kind === 'digest' ? [kind, d.deviceId, detectionBody(d)] : null;
}

describe('identity of a detection', () => {
  test('is the strongest of counter, id, digest and nothing', () => {
    const all = detection({ epoch: 'e', seq: 0, eventId: 'x', deviceTime: 0 });
    assert.equal(detectionIdentityKind(all), 'seq');
    assert.equal(detectionIdentityKind({ ...all, epoch: null, seq: null }), 'event_id');
    assert.equal(detectionIdentityKind(detection({ deviceTime: 0 })), 'digest');
    assert.equal(detectionIdentityKind(detection({})), 'none');
    assert.equal(detectionIdentityHash(detection({})), null);
  });

  test('hashes are equal exactly where identities are', () => {
    const seen = { equal: 0, other: 0 };
    fc.assert(
      fc.property(anyPair, ([a, b]) => {
        const identity = identityOf(a);
        const expected = JSON.stringify(identity) === JSON.stringify(identityOf(b));
        seen[expected && identity !== null ? 'equal' : 'other'] += 1;
        const [one, two] = [detectionIdentityHash(a), detectionIdentityHash(b)];
        if (identity === null) assert.equal(one, null);
        else if (expected) assert.deepEqual(one, two);
        else assert.notDeepEqual(one, two);
      }),
      { numRuns: 3000 },
    );
    assert.ok(seen.equal > 300 && seen.other > 300, JSON.stringify(seen));
  });

  test('bodies are the same exactly where their texts are', () => {
    fc.assert(
      fc.property(anyPair, ([a, b]) => {
        assert.equal(sameDetectionBody(a, b), detectionBody(a) === detectionBody(b));
      }),
      { numRuns: 3000 },
    );
  });

  test('a detection of any size is hashed whole', () => {
    fc.assert(
      fc.property(anyDetection, fc.nat({ max: 40_000 }), ({ epoch, seq, eventId, ...rest }, length) => {
        const uncounted = { epoch: null, seq: null, eventId: null };
        const d = { ...rest, ...uncounted, deviceTime: 1, metadata: `{"x":"${'y'.repeat(length)}"}` };
        assert.deepEqual(detectionIdentityHash(d), detectionIdentityHash({ ...d }));
        const longer = { ...d, metadata: `{"x":"${'y'.repeat(length)}z"}` };
        assert.notDeepEqual(detectionIdentityHash(d), detectionIdentityHash(longer));
      }),
      { numRuns: 200 },
    );
  });

  test('is made of the bytes of all fields that there are', () => {
    fc.assert(
      fc.property(anyDetection, ({ eventId: _, ...rest }) => {
        const d = { ...rest, epoch: null, seq: null, eventId: null, deviceTime: rest.deviceTime ?? 5 };
        assert.deepEqual(detectionIdentityHash(d), leadingBits(digestOf(d)));
      }),
      { numRuns: 2000 },
    );
  });

  test('is made of these bytes, for ever: sealed blocks hold the hash', () => {
    const position = { lat: 48.1, lon: 11.5, altitude: null, accuracy: 4, heading: null, speed: null };
    const fields = { deviceTime: 1_700_000_000_000, name: 'Café', signalDbm: -61 };
    const d = detection({ ...fields, type: 'ble', position });
    const body = Buffer.concat([
      ...[Buffer.of(3), text('pi-1'), Buffer.of(1 | 8 | 16 | 64, 2, 2)],
      ...[1_700_000_000_000, -61, 48.1, 11.5, 4].map(number),
      ...['00:1A:2B:3C:4D:5E', 'Café'].map(text),
    ]);
    assert.deepEqual(detectionIdentityHash(d), leadingBits(body));
    const named = Buffer.concat([Buffer.of(2), text('pi-1'), text('x')]);
    assert.deepEqual(detectionIdentityHash({ ...d, eventId: 'x' }), leadingBits(named));
    const counted = Buffer.concat([Buffer.of(1), text('pi-1'), text('e'), number(7)]);
    assert.deepEqual(detectionIdentityHash({ ...d, epoch: 'e', seq: 7 }), leadingBits(counted));
  });
});

/** The rule of the bytes in plain words: flags and type, then the numbers that there are, then the texts. */
function digestOf(d: Detection): Buffer {
  const p = d.position;
  const numbers: readonly [number, number | null | undefined][] = [
    [1, d.deviceTime],
    [2, d.channel],
    [4, d.frequencyMhz],
    [8, d.signalDbm],
    [16, p?.lat],
    [0, p?.lon],
    [32, p?.altitude],
    [64, p?.accuracy],
    [128, p?.heading],
    [256, p?.speed],
  ];
  const texts: readonly [number, string | null][] = [
    [0, d.identity],
    [512, d.name],
    [1024, d.security],
    [2048, d.capabilities],
    [4096, d.metadata],
  ];
  const flags = [...numbers, ...texts].reduce((sum, [flag, value]) => sum + (value == null ? 0 : flag), 0);
  return Buffer.concat([
    ...[Buffer.of(3), text(d.deviceId)],
    Buffer.of(flags & 255, flags >> 8, ['wifi', 'bluetooth', 'ble', 'cellular'].indexOf(d.type)),
    ...numbers.flatMap(([, value]) => (value == null ? [] : [number(value + 0)])),
    ...texts.flatMap(([, value]) => (value === null ? [] : [text(value)])),
  ]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function leadingBits(bytes: Buffer): { high: number; low: number } {
  const digest = createHash('sha256').update(bytes).digest();
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) };
}
