import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { detectionTypes, type ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import {
  DetectionView,
  writeDetection,
} from '../../../../src/adapters/store/sqlite/format/detection-record.ts';
import {
  detectionBody,
  detectionIdentityHash,
  detectionIdentityKind,
} from '../../../../src/core/detections/detection-identity.ts';
import { anyDetection, detection } from './arbitrary-detection.ts';

function viewOf(observed: ObservedDetection): DetectionView {
  const writer = new ByteWriter(0);
  writeDetection(writer, observed);
  const view = new DetectionView();
  view.read(new ByteReader(writer.written()));
  return view;
}

/** The other zero for every zero: another detection bit for bit, and the same one by its numbers. */
function withOtherZeros(observed: ObservedDetection): ObservedDetection {
  const swap = <T>(value: T): T => (value === 0 ? (Object.is(value, 0) ? -0 : 0) : value) as T;
  const { position, channel, frequencyMhz, signalDbm } = observed;
  const entries = Object.entries(position ?? {}).map(([key, value]) => [key, swap(value)]);
  return {
    ...observed,
    ...{ channel: swap(channel), frequencyMhz: swap(frequencyMhz), signalDbm: swap(signalDbm) },
    position: position === null ? null : Object.fromEntries(entries),
  };
}

/** Detections that differ in one field at most, often in none. */
const anyPair = fc
  .tuple(anyDetection, anyDetection, fc.nat({ max: 25 }), fc.boolean())
  .map(([a, other, at, zeros]) => {
    const body = ['deviceTime', 'type', 'identity', 'name', 'security', 'channel', 'frequencyMhz'];
    body.push('signalDbm', 'position', 'capabilities', 'metadata');
    const field = body[at] as keyof ObservedDetection | undefined;
    // What is no part of the body always differs.
    const { deviceId, epoch, seq, eventId, sentAt, receivedAt, timestamp, clockQuality } = other;
    const delivery = { deviceId, epoch, seq, eventId, sentAt, receivedAt, timestamp, clockQuality };
    const b = { ...a, ...delivery, ...(field === undefined ? {} : { [field]: other[field] }) };
    return [a, zeros ? withOtherZeros(b) : b] as const;
  });

describe('record of a detection', () => {
  test('type, place and signal are read by themselves as with all the rest', () => {
    fc.assert(
      fc.property(anyDetection, (observed) => {
        const { typeIndex, lat, lon, signal } = viewOf(observed);
        const { type, position, signalDbm } = observed;
        assert.deepEqual(
          [detectionTypes[typeIndex], lat, lon, signal],
          [type, position?.lat ?? Number.NaN, position?.lon ?? Number.NaN, signalDbm ?? Number.NaN],
        );
      }),
    );
  });

  test('any detection survives bit for bit, among others, read by one view', () => {
    fc.assert(
      fc.property(fc.array(anyDetection, { maxLength: 6 }), (detections) => {
        const writer = new ByteWriter(0);
        for (const observed of detections) writeDetection(writer, observed);
        const reader = new ByteReader(writer.written());
        const view = new DetectionView();
        for (const observed of detections) {
          view.read(reader);
          // Strict equality of this kind tells 0 from -0.
          assert.deepEqual(view.toObserved(), observed);
          assert.deepEqual(view.toObserved(), observed, 'a second look finds the same');
        }
        assert.equal(reader.at, reader.bytes.length);
      }),
      { numRuns: 400 },
    );
  });

  test('what identifies the detection is read without the rest', () => {
    fc.assert(
      fc.property(anyDetection, (observed) => {
        const view = viewOf(observed);
        const { deviceId, epoch, seq, eventId, receivedAt, timestamp } = observed;
        assert.deepEqual(
          [view.deviceId, view.epoch, view.seq, view.eventId, view.receivedAt, view.timestamp],
          [deviceId, epoch, seq, eventId, receivedAt, timestamp],
        );
        const hash = detectionIdentityHash(observed);
        assert.equal(view.hashed, hash !== null);
        if (hash !== null) assert.deepEqual({ high: view.hashHigh, low: view.hashLow }, hash);
        assert.equal(view.byDigest, detectionIdentityKind(observed) === 'digest');
        assert.equal(view.digestTime, view.byDigest ? observed.deviceTime : null);
        assert.equal(view.bytes.toString('latin1', view.idAt, view.idAt + view.idLength), deviceId);
        if (epoch === null) return;
        assert.equal(view.bytes.toString('latin1', view.epochAt, view.epochAt + view.epochLength), epoch);
      }),
      { numRuns: 300 },
    );
  });

  test('bodies are the same exactly where their texts are', () => {
    let equal = 0;
    fc.assert(
      fc.property(anyPair, ([a, b]) => {
        const expected = detectionBody(a) === detectionBody(b);
        if (expected) equal += 1;
        assert.equal(viewOf(a).sameBody(b), expected);
        assert.equal(viewOf(a).sameBodyAs(viewOf(b)), expected);
      }),
      { numRuns: 600 },
    );
    assert.ok(equal > 100, `${equal} equal pairs`);
  });

  test('a record that is shorter than its own head is refused', () => {
    const writer = new ByteWriter(0);
    writeDetection(writer, detection({}));
    const bytes = writer.written();
    bytes.writeUInt32LE(7, 0);
    assert.throws(() => new DetectionView().read(new ByteReader(bytes)), RangeError);
  });
});
