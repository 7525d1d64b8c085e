import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CommitOutcome, Observation } from '@pisync/protocol';
import fc from 'fast-check';
import { batchReply, singleReply } from '../../src/http/reply/ingest-reply.ts';
import { BatchReceipts } from '../../src/services/ingest/receipts.ts';

const time = fc.oneof(
  fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
  fc.integer({ min: 1_760_000_000_000, max: 1_800_000_000_000 }),
);

const observations: fc.Arbitrary<Observation> = fc.record({
  kind: fc.constant('sync_event' as const),
  deviceId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,20}$/),
  epoch: fc.option(fc.constant('e')),
  seq: fc.option(fc.maxSafeNat()),
  eventId: fc.option(fc.string({ minLength: 1, unit: 'binary' })),
  deviceTime: fc.constant(null),
  sentAt: fc.constant(null),
  totalFilesSynced: fc.nat(3),
  totalErrors: fc.nat(3),
  internetSpeed: fc.constant(null),
  syncDurationMs: fc.constant(null),
  bytesSynced: fc.constant(null),
  metadata: fc.constant(null),
  receivedAt: time,
  timestamp: time,
  clockQuality: fc.constantFrom('ok' as const, 'corrected' as const, 'unknown' as const),
});

const advice = fc.option(fc.nat(), { nil: undefined });

describe('replies that are built by hand', () => {
  test('the reply to one event is what JSON.stringify would write', () => {
    fc.assert(
      fc.property(observations, time, advice, (observation, serverTime, wait) => {
        const status =
          observation.totalErrors === 0 ? 'success' : observation.totalFilesSynced > 0 ? 'partial' : 'failed';
        const expected = {
          result: 'stored',
          device_id: observation.deviceId,
          timestamp: new Date(observation.timestamp).toISOString(),
          clock_quality: observation.clockQuality,
          sync_status: status,
          server_time: new Date(serverTime).toISOString(),
          next_sync_after_ms: wait,
        };
        assert.equal(singleReply('stored', observation, serverTime, wait), JSON.stringify(expected));
      }),
      { numRuns: 1000 },
    );
  });

  test('the reply to a batch is JSON, whatever text the items hold', () => {
    const taken = fc.record({
      result: fc.constantFrom('stored' as const, 'duplicate' as const, 'conflict' as const),
      observation: observations,
    });
    const text = fc.string({ unit: 'binary' });
    const rejected = fc.record({ field: fc.option(text), detail: text, deviceId: fc.option(text) });
    fc.assert(
      fc.property(fc.array(fc.oneof(taken, rejected), { maxLength: 8 }), time, (items, serverTime) => {
        const receipts = new BatchReceipts();
        const outcomes: CommitOutcome[] = [];
        for (const item of items) {
          if ('result' in item) {
            receipts.take(item.observation);
            outcomes.push(item.result);
          } else receipts.reject({ code: 'invalid_type', ...item });
        }
        receipts.settle(0, items.length, outcomes);
        const reply = JSON.parse(batchReply(receipts, serverTime, undefined));
        assert.equal(reply.stored + reply.duplicate + reply.conflict + reply.rejected, items.length);
        items.forEach((item, index) => {
          const shown = reply.results[index];
          assert.equal(shown.index, index);
          if ('result' in item) {
            assert.equal(shown.result, item.result);
            assert.equal(shown.device_id, item.observation.deviceId);
            assert.equal(shown.seq, item.observation.seq ?? undefined);
            assert.equal(shown.event_id, item.observation.eventId ?? undefined);
          } else {
            assert.equal(shown.result, 'rejected');
            assert.equal(shown.device_id, item.deviceId ?? undefined);
            assert.equal(shown.detail, item.detail);
            assert.equal(shown.field, item.field ?? undefined);
          }
        });
      }),
      { numRuns: 500 },
    );
  });
});
