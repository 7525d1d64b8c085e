import fc from 'fast-check';
import type { Detection, Position } from '../../src/detection/detection.ts';
import { securityNames } from '../../src/detection/security.ts';
import { canonicalJson } from '../../src/json/canonical-json.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import { arbitraryObject, arbitrarySyncEvent } from '../event/arbitrary-sync-event.ts';

const real = { noNaN: true, noDefaultInfinity: true };
const plus0 = (value: number) => value + 0;

/** Names of any kind, those that break files among them. */
const arbitraryName = fc.string({
  unit: fc.oneof(
    fc.constantFrom(',', '"', '\n', '\r', ';', '=', '\t', ' ', '<', '&', 'é', '\u{1F600}'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 32,
});

const arbitraryMac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .filter((bytes) => bytes.some((byte) => byte !== 0) && bytes.some((byte) => byte !== 255))
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':'));

const arbitraryCell = fc
  .tuple(
    fc.integer({ min: 1, max: 999 }),
    fc.integer({ min: 0, max: 999 }),
    fc.integer({ min: 0, max: 0xff_ff_ff }),
    fc.integer({ min: 0, max: 2 ** 31 - 2 }),
  )
  .map((parts) => parts.join('-'));

const arbitraryPosition: fc.Arbitrary<Position> = fc
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

const arbitrarySecurity = fc.subarray([...securityNames], { minLength: 1 }).map((names) => names.join(','));

/** A detection as the decoder makes them: all of its promises hold. */
export const arbitraryDetection: fc.Arbitrary<Detection> = fc
  .record({
    sender: arbitrarySyncEvent,
    radio: fc.oneof(
      fc.record({ type: fc.constantFrom('wifi', 'bluetooth', 'ble'), identity: arbitraryMac }),
      fc.record({ type: fc.constant('cellular'), identity: arbitraryCell }),
    ) as fc.Arbitrary<Pick<Detection, 'type' | 'identity'>>,
    name: fc.option(arbitraryName),
    security: fc.option(arbitrarySecurity),
    channel: fc.option(fc.nat()),
    frequencyMhz: fc.option(fc.double({ min: 0.001, max: 1_000_000, ...real })),
    signalDbm: fc.option(fc.double({ min: -200, max: 0, ...real }).map(plus0)),
    position: fc.option(arbitraryPosition),
    metadata: fc.option(arbitraryObject.filter((object) => canonicalJson(object, 32).ok)),
  })
  .map(({ sender, radio, metadata, ...rest }) => {
    const { deviceId, epoch, seq, eventId, deviceTime, sentAt } = sender;
    const canonical = metadata === null ? null : canonicalJson(metadata, 32);
    return {
      kind: 'detection',
      ...{ deviceId, epoch, seq, eventId, deviceTime, sentAt },
      ...radio,
      ...rest,
      // Told without the security it means, it would be read as one.
      capabilities: rest.security === null ? null : '[WPA2-PSK-CCMP][ESS]',
      metadata: canonical?.ok ? canonical.text : null,
    };
  });

/** The wire form of a detection; absent fields are left out. */
export function wireForm(
  detection: Detection,
  spelling: 'snake' | 'camel' | 'scanner',
): Record<string, unknown> {
  const { position, metadata, deviceTime, ...rest } = detection;
  const flat = spelling === 'scanner';
  const renamed: Record<string, string> = flat
    ? {
        name: 'ssid',
        identity: 'bssid',
        signalDbm: 'rssi',
        frequencyMhz: 'frequency',
        security: 'encryption',
      }
    : {};
  const wire: Record<string, unknown> = {};
  for (const [key, value] of Object.entries({ ...rest, timestamp: deviceTime })) {
    if (value === null) continue;
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    wire[renamed[key] ?? (spelling === 'camel' ? key : snake)] = value;
  }
  if (metadata !== null) wire['metadata'] = parseJson(metadata);
  if (position !== null && !flat) wire['position'] = position;
  if (position !== null && flat) {
    const { lat, lon, altitude, accuracy, heading, speed } = position;
    Object.assign(wire, { latitude: lat, longitude: lon, altitude_meters: altitude });
    Object.assign(wire, { accuracyMeters: accuracy, heading_degrees: heading, speed });
  }
  return wire;
}
