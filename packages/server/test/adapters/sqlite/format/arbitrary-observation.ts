import { canonicalJson, maxTimestamp, minTimestamp, type Observation, parseJson } from '@pisync/protocol';
import fc from 'fast-check';

const count = fc.oneof(fc.nat({ max: 1000 }), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const idUnit = fc.constantFrom(...'abcXYZ019._:@-');
const anyTime = fc.integer({ min: minTimestamp, max: maxTimestamp });

/** Any JSON object as the decoder keeps it, hostile keys and lone surrogates included. */
const anyMetadata = fc
  .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 4 })
  .map((value) => {
    const canonical = canonicalJson(parseJson(JSON.stringify(value)), 32);
    return canonical.ok ? canonical.text : '{}';
  });

/** Speeds that are short decimals, and any other double that is not negative. */
const anySpeed = fc.oneof(
  fc.nat({ max: 100_000 }).map((digits) => digits / 100),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((speed) => speed + 0),
  fc.constantFrom(0, Number.MIN_VALUE, Number.MAX_VALUE, 0.1 + 0.2, 2 ** 40 / 1000, 2 ** 53),
);

/** Any observation that the protocol lets pass: every field at its limits. */
export const anyObservation: fc.Arbitrary<Observation> = fc
  .record({
    kind: fc.constant('sync_event' as const),
    deviceId: fc.oneof(
      fc.string({ unit: idUnit, minLength: 1, maxLength: 12 }),
      fc.string({ unit: idUnit, minLength: 128, maxLength: 128 }),
    ),
    counted: fc.option(
      fc.record({ epoch: fc.string({ unit: idUnit, minLength: 1, maxLength: 64 }), seq: count }),
    ),
    eventId: fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 })),
    deviceTime: fc.option(anyTime),
    sentAt: fc.option(anyTime),
    totalFilesSynced: count,
    totalErrors: count,
    internetSpeed: fc.option(anySpeed),
    syncDurationMs: fc.option(count),
    bytesSynced: fc.option(count),
    metadata: fc.option(anyMetadata),
    timestamp: fc.integer({ min: 0, max: maxTimestamp }),
    age: fc.nat({ max: 400 * 24 * 3_600_000 }),
    clockQuality: fc.constantFrom('ok' as const, 'corrected' as const, 'unknown' as const),
  })
  .map(({ counted, age, ...rest }) => ({
    ...rest,
    epoch: counted?.epoch ?? null,
    seq: counted?.seq ?? null,
    receivedAt: rest.timestamp + age,
  }));
