import { canonicalJson, type Detection, type Position, parseJson, securityNames } from '@pisync/protocol';
import fc from 'fast-check';
import type { StoredDetection } from '../../src/ports/detection-store.ts';

const real = { noNaN: true, noDefaultInfinity: true };
const plus0 = (value: number) => value + 0;

/** Any text a device may call itself, what breaks files and what runs in them among it. */
export const hostileText = fc
  .oneof(
    fc.string({
      unit: fc.oneof(
        fc.constantFrom(',', '"', "'", '\n', '\r', ';', '=', '+', '-', '@', '\t', ' ', '<', '>', '&', ']]>'),
        fc.constantFrom('\0', '\u001b[31m', '\u007f', '\u009b', '\u2028', '\ufffe', '\uffff', '\ufeff', '＝'),
        fc.constantFrom('é', '\u{1F600}', '<script>', '&amp;', '<!--', '<?', '%s', '$[name]', '#{1}'),
        fc.string({ minLength: 1, maxLength: 1 }),
      ),
      minLength: 1,
      maxLength: 12,
    }),
    fc.constantFrom('=HYPERLINK("http://x")', "'=1", "''+1", '-2+3', '@SUM(A1)', '\t=1', '\r=1', '+49'),
  )
  .map((text) => text.toWellFormed());

const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .filter((bytes) => bytes.some((byte) => byte !== 0) && bytes.some((byte) => byte !== 255))
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':'));

const cell = fc
  .tuple(
    fc.integer({ min: 0, max: 999 }),
    fc.integer({ min: 0, max: 999 }),
    fc.integer({ min: 0, max: 0xff_ff_ff }),
    fc.integer({ min: 0, max: 2 ** 31 - 2 }),
  )
  .map((parts) => parts.join('-'));

export const arbitraryPosition: fc.Arbitrary<Position> = fc
  .record({
    lat: fc.double({ min: -90, max: 90, ...real }).map(plus0),
    lon: fc.double({ min: -180, max: 180, ...real }).map(plus0),
    altitude: fc.option(fc.double(real).map(plus0)),
    accuracy: fc.option(fc.double({ min: 0, ...real }).map(plus0)),
    heading: fc.option(fc.double({ min: 0, max: 359.9, ...real }).map(plus0)),
    speed: fc.option(fc.double({ min: 0, ...real }).map(plus0)),
  })
  .filter(({ lat, lon }) => lat !== 0 || lon !== 0)
  .map((position) => ({ ...position }));

const metadata = fc
  .dictionary(fc.oneof(hostileText, fc.constantFrom('__proto__', 'technology', 'rcois')), fc.jsonValue(), {
    maxKeys: 4,
  })
  .map((object) => {
    const canonical = canonicalJson(parseJson(JSON.stringify(object)), 32);
    return canonical.ok ? canonical.text : null;
  });

const arbitraryDetection: fc.Arbitrary<Detection> = fc
  .record({
    deviceId: fc.constantFrom('unit-1', 'A:b.c@d_e-f', '0'),
    counted: fc.option(fc.record({ epoch: fc.constantFrom('boot-1', '-2', '...'), seq: fc.maxSafeNat() })),
    eventId: fc.option(fc.constantFrom('=1+1', 'event 7', 'é"/')),
    deviceTime: fc.option(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 })),
    radio: fc.oneof(
      fc.record({ type: fc.constantFrom('wifi', 'bluetooth', 'ble'), identity: mac }),
      fc.record({ type: fc.constant('cellular'), identity: cell }),
    ) as fc.Arbitrary<Pick<Detection, 'type' | 'identity'>>,
    name: fc.option(hostileText),
    security: fc.option(fc.subarray([...securityNames], { minLength: 1 }).map((names) => names.join(','))),
    channel: fc.option(fc.nat(4_294_967_295)),
    frequencyMhz: fc.option(fc.double({ min: 0.001, max: 1_000_000, ...real })),
    signalDbm: fc.option(fc.double({ min: -200, max: 0, ...real }).map(plus0)),
    position: fc.option(arbitraryPosition),
    told: fc.option(hostileText),
    metadata: fc.option(metadata),
  })
  .map(({ counted, told, ...rest }) => ({
    kind: 'detection',
    ...rest,
    epoch: counted?.epoch ?? null,
    seq: counted?.seq ?? null,
    sentAt: null,
    // Told without the security it means, a network's capabilities would be read as one.
    capabilities: rest.security === null && rest.radio.type === 'wifi' ? null : told,
    ...rest.radio,
  }))
  .map(({ radio: _radio, ...detection }) => detection as Detection);

/** A detection as a store gives it. */
export const storedDetection: fc.Arbitrary<StoredDetection> = fc
  .record({
    detection: arbitraryDetection,
    receivedAt: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    age: fc.nat(1_000_000_000),
    clockQuality: fc.constantFrom('ok', 'corrected', 'unknown'),
    ordinal: fc.integer({ min: 1, max: 1_000_000 }),
  })
  .map(({ detection, receivedAt, age, clockQuality, ordinal }) => ({
    ...detection,
    receivedAt,
    timestamp: clockQuality === 'unknown' ? receivedAt : receivedAt - age,
    clockQuality: clockQuality as StoredDetection['clockQuality'],
    ordinal,
  }));
