import {
  detectionTypes,
  maxTimestamp,
  minTimestamp,
  type ObservedDetection,
  type Position,
} from '@pisync/protocol';
import fc from 'fast-check';

const idUnit = fc.constantFrom(...'abcXYZ019._:@-');
const anyTime = fc.integer({ min: minTimestamp, max: maxTimestamp });

/** Usual numbers, and any other double, both zeros among them. */
const anyNumber = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.integer({ min: -900_000_000, max: 900_000_000 }).map((digits) => digits / 1e6),
  fc.constantFrom(0, -0, Number.MIN_VALUE, -Number.MAX_VALUE, 0.1 + 0.2, 2 ** 32, 2 ** 53),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Short and long, ASCII or not, at the limits where another way of writing begins. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 32 }),
  fc.constantFrom(63, 64, 65, 127, 128, 512).map((length) => 'x'.repeat(length)),
  fc.constantFrom(63, 64, 65).map((length) => `${'x'.repeat(length - 1)}é`),
  fc.constantFrom('\0', '\u{7f}', '\u{80}', '\u{10ffff}', '=1+1', ' '),
);

const anyPosition: fc.Arbitrary<Position> = fc
  .record({
    lat: anyNumber,
    lon: anyNumber,
    altitude: fc.option(anyNumber),
    accuracy: fc.option(anyNumber),
    heading: fc.option(anyNumber),
    speed: fc.option(anyNumber),
  })
  .map((position) => ({ ...position }));

/** Any detection that fits into the types: wider than what the decoder makes, each field at its limits. */
export const anyDetection: fc.Arbitrary<ObservedDetection> = fc
  .record({
    kind: fc.constant('detection' as const),
    deviceId: fc.oneof(
      fc.string({ unit: idUnit, minLength: 1, maxLength: 12 }),
      fc.string({ unit: idUnit, minLength: 128, maxLength: 128 }),
    ),
    counted: fc.option(
      fc.record({
        epoch: fc.string({ unit: idUnit, minLength: 1, maxLength: 64 }),
        seq: fc.oneof(fc.nat({ max: 1000 }), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER)),
      }),
    ),
    eventId: fc.option(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 })),
    deviceTime: fc.option(anyTime),
    sentAt: fc.option(anyTime),
    type: fc.constantFrom(...detectionTypes),
    identity: fc.constantFrom('00:1A:2B:3C:4D:5E', '262-1-53001-26402817'),
    name: fc.option(anyText),
    security: fc.option(fc.constantFrom('open', 'wpa2,wpa3')),
    channel: fc.option(anyNumber),
    frequencyMhz: fc.option(anyNumber),
    signalDbm: fc.option(anyNumber),
    position: fc.option(anyPosition),
    capabilities: fc.option(anyText),
    metadata: fc.option(
      fc.oneof(
        anyText,
        fc.constantFrom(300, 70_000).map((length) => `{"t":"${'y'.repeat(length)}"}`),
      ),
    ),
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

const plain: ObservedDetection = {
  kind: 'detection',
  deviceId: 'pi-1',
  epoch: null,
  seq: null,
  eventId: null,
  deviceTime: null,
  sentAt: null,
  type: 'wifi',
  identity: '00:1A:2B:3C:4D:5E',
  name: null,
  security: null,
  channel: null,
  frequencyMhz: null,
  signalDbm: null,
  position: null,
  capabilities: null,
  metadata: null,
  receivedAt: 1_700_000_000_000,
  timestamp: 1_700_000_000_000,
  clockQuality: 'ok',
};

/** A detection of which only some fields matter. */
export function detection(fields: Partial<ObservedDetection>): ObservedDetection {
  return { ...plain, ...fields };
}
