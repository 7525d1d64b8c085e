import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Observation } from '@pisync/protocol';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import {
  RecordView,
  SMALLEST_RECORD,
  writeConflict,
  writeRecord,
} from '../../../../src/adapters/store/sqlite/format/record.ts';
import { observation } from '../../../../src/conformance/make-events.ts';
import { identityHash, identityKind } from '../../../../src/core/identity.ts';
import { anyObservation } from './arbitrary-observation.ts';

/** What the view tells, as the observation that was written. */
function copyOf(view: RecordView): Observation {
  const { kind, deviceId, epoch, seq, eventId, deviceTime, sentAt, totalFilesSynced, totalErrors } = view;
  const { internetSpeed, syncDurationMs, bytesSynced, metadata, receivedAt, timestamp, clockQuality } = view;
  return {
    ...{ kind, deviceId, epoch, seq, eventId, deviceTime, sentAt, totalFilesSynced, totalErrors },
    ...{ internetSpeed, syncDurationMs, bytesSynced, metadata, receivedAt, timestamp, clockQuality },
  };
}

describe('log record', () => {
  test('any observation survives, among others and among marks, read by one view', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyObservation, fc.boolean()), { maxLength: 8 }), (items) => {
        const writer = new ByteWriter(16);
        for (const [event, marked] of items) {
          writeRecord(writer, event);
          if (marked) writeConflict(writer, event.deviceId);
        }
        const reader = new ByteReader(writer.written());
        const view = new RecordView();
        for (const [event, marked] of items) {
          view.read(reader);
          assert.equal(view.isConflict, false);
          assert.deepEqual(copyOf(view), event);
          if (!marked) continue;
          view.read(reader);
          assert.equal(view.isConflict, true);
          assert.equal(view.deviceId, event.deviceId);
        }
        assert.equal(reader.at, reader.bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  test('the hash is there exactly for an identity by id or digest', () => {
    fc.assert(
      fc.property(anyObservation, (event) => {
        const writer = new ByteWriter(16);
        writeRecord(writer, event);
        const view = new RecordView();
        view.read(new ByteReader(writer.written()));
        const kind = identityKind(event);
        assert.equal(view.hashed, kind === 'event_id' || kind === 'digest');
        if (!view.hashed) return;
        assert.deepEqual({ high: view.hashHigh, low: view.hashLow }, identityHash(event));
      }),
    );
  });

  test('no observation is shorter than the constant that bounds how many lie in a chunk', () => {
    const writer = new ByteWriter(16);
    const least = { deviceId: 'a', deviceTime: null, totalFilesSynced: 0, totalErrors: 0 };
    writeRecord(writer, observation(least));
    assert.equal(writer.at, SMALLEST_RECORD);
    fc.assert(
      fc.property(anyObservation, (event) => {
        writer.at = 0;
        writeRecord(writer, event);
        assert.ok(writer.at >= SMALLEST_RECORD);
      }),
    );
  });

  test('a mark is never longer than the record whose place it takes', () => {
    fc.assert(
      fc.property(anyObservation, (event) => {
        const record = new ByteWriter(16);
        writeRecord(record, event);
        const mark = new ByteWriter(16);
        writeConflict(mark, event.deviceId);
        assert.ok(mark.at < record.at);
      }),
    );
  });

  test('an observation that no decoder lets pass is refused as a mistake of the program', () => {
    const writer = new ByteWriter(16);
    assert.throws(() => writeRecord(writer, observation({ metadata: 'x'.repeat(70_000) })), TypeError);
  });
});
