import fc from 'fast-check';
import { maxTimestamp, minTimestamp } from '../../src/event/timestamp.ts';
import { canonicalJson } from '../../src/json/canonical-json.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import type { SyncEvent } from '../../src/observation.ts';

/** A JSON object as `JSON.parse` returns it, with hostile keys among its keys. */
export const arbitraryObject: fc.Arbitrary<Record<string, unknown>> = fc
  .dictionary(
    fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '10', '9', 'é', '\ud800')),
    fc.jsonValue({ maxDepth: 3 }),
    { maxKeys: 5 },
  )
  .map((record) => parseJson(JSON.stringify(record)) as Record<string, unknown>);

const first = fc.constantFrom(...'abcXYZ019');
const later = fc.string({ unit: fc.constantFrom(...'abcXYZ019._:@-'), maxLength: 20 });
const count = fc.oneof(fc.nat(), fc.maxSafeNat());

const arbitraryDeviceId = fc.tuple(first, later).map(([head, tail]) => head + tail);
const arbitraryEpoch = fc.string({
  unit: fc.constantFrom(...'abcXYZ019._:-'),
  minLength: 1,
  maxLength: 64,
});
const arbitraryEventId = fc.string({
  unit: fc.constantFrom(...'ab 1/#é\u{1F600}'),
  minLength: 1,
  maxLength: 20,
});

/** A sync event as the decoder makes them: all of its promises hold. */
export const arbitrarySyncEvent: fc.Arbitrary<SyncEvent> = fc
  .record({
    deviceId: arbitraryDeviceId,
    counted: fc.option(fc.record({ epoch: arbitraryEpoch, seq: count })),
    eventId: fc.option(arbitraryEventId),
    deviceTime: fc.option(fc.integer({ min: minTimestamp, max: maxTimestamp })),
    sentAt: fc.option(fc.integer({ min: minTimestamp, max: maxTimestamp })),
    totalFilesSynced: count,
    totalErrors: count,
    internetSpeed: fc.option(
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((speed) => speed + 0),
    ),
    syncDurationMs: fc.option(count),
    bytesSynced: fc.option(count),
    metadata: fc.option(arbitraryObject),
  })
  .map(({ counted, metadata, ...rest }) => {
    const canonical = metadata === null ? null : canonicalJson(metadata, 32);
    return {
      kind: 'sync_event',
      ...rest,
      epoch: counted?.epoch ?? null,
      seq: counted?.seq ?? null,
      metadata: canonical?.ok ? canonical.text : null,
    };
  });

/** The wire form of an event; absent fields are left out. */
export function wireForm(event: SyncEvent, spelling: 'snake' | 'camel'): Record<string, unknown> {
  const members: [string, string, unknown][] = [
    ['device_id', 'deviceId', event.deviceId],
    ['epoch', 'epoch', event.epoch],
    ['seq', 'seq', event.seq],
    ['event_id', 'eventId', event.eventId],
    ['timestamp', 'timestamp', event.deviceTime],
    ['sent_at', 'sentAt', event.sentAt],
    ['total_files_synced', 'totalFilesSynced', event.totalFilesSynced],
    ['total_errors', 'totalErrors', event.totalErrors],
    ['internet_speed', 'internetSpeed', event.internetSpeed],
    ['sync_duration_ms', 'syncDurationMs', event.syncDurationMs],
    ['bytes_synced', 'bytesSynced', event.bytesSynced],
    ['metadata', 'metadata', event.metadata === null ? null : parseJson(event.metadata)],
  ];
  const present = members.filter(([, , value]) => value !== null);
  return Object.fromEntries(
    present.map(([snake, camel, value]) => [spelling === 'snake' ? snake : camel, value]),
  );
}
