import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import type { DetectionFilter, GeoBox } from '../../ports/detection-store.ts';
import { now } from '../make-events.ts';
import { detection } from './make-detections.ts';

/** Seldom there: most filters ask for two or three things, so that they find something. */
const option = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** Few places, so that filters and detections meet; the edges of the world and both sides of the antimeridian among them. */
const anyLat = fc.oneof(
  fc.constantFrom(-90, -85.06, 0, 52.52, 52.5201, 85.06, 90),
  fc.double({ min: -90, max: 90, noNaN: true }),
);
const anyLon = fc.oneof(
  fc.constantFrom(-180, -179.99, 13.405, 13.4051, 179.99, 180),
  fc.double({ min: -180, max: 180, noNaN: true }),
);
const anyType = fc.constantFrom('wifi' as const, 'bluetooth' as const, 'ble' as const, 'cellular' as const);
const anyIdentity = fc.constantFrom('00:1A:2B:3C:4D:5E', '02:00:00:00:00:01', '310-260-42081-7711');
const anyName = fc.constantFrom('Library', 'library', 'Café', 'CAFÉ 2', '=1+1', '\u{1f600}');
const anySignal = fc.oneof(fc.constantFrom(-200, -80, -61, 0), fc.double({ min: -200, max: 0, noNaN: true }));
const anyTime = fc.nat({ max: 20 }).map((step) => now - step * 1000);
const anyDevice = fc.constantFrom('pi-1', 'pi-2', 'pi-3');

/** Detections of which many share what a filter can ask for; each is a fact of its own. */
export const anyDetections: fc.Arbitrary<readonly ObservedDetection[]> = fc
  .array(
    fc.record({
      deviceId: anyDevice,
      timestamp: anyTime,
      type: anyType,
      identity: anyIdentity,
      name: fc.option(anyName),
      security: fc.option(fc.constantFrom('open', 'wpa', 'wpa2', 'wpa2,wpa3', 'wpa,wpa2,eap')),
      signalDbm: fc.option(anySignal),
      position: fc.option(
        fc
          .record({ lat: anyLat, lon: anyLon })
          .map((place) => ({ ...place, altitude: null, accuracy: null, heading: null, speed: null })),
      ),
    }),
    { maxLength: 60, size: 'max' },
  )
  .map((list) => list.map((fields, at) => detection({ ...fields, eventId: `d-${at}` })));

/** A rectangle, one that crosses the antimeridian or holds a single place among them. */
export const anyBox: fc.Arbitrary<GeoBox> = fc
  .tuple(anyLat, anyLat, anyLon, anyLon)
  .map(([a, b, west, east]) => ({ south: Math.min(a, b), west, north: Math.max(a, b), east }));

/** Any questions about {@link anyDetections}; the more is asked, the less is found. */
export const anyFilter: fc.Arbitrary<DetectionFilter> = fc.record({
  box: option(anyBox),
  around: option(
    fc.record({
      lat: anyLat,
      lon: anyLon,
      radius: fc.oneof(fc.constantFrom(1, 20, 5000), fc.double({ min: 0, max: 2.1e7, noNaN: true })),
    }),
  ),
  from: option(anyTime),
  to: option(anyTime),
  types: option(fc.uniqueArray(anyType)),
  security: option(fc.constantFrom('open', 'wpa2', 'wpa3', 'eap')),
  minSignal: option(anySignal),
  maxSignal: option(anySignal),
  deviceIds: option(fc.array(fc.constantFrom('pi-1', 'pi-2', 'nobody'), { maxLength: 3 })),
  identity: option(anyIdentity),
  name: option(anyName),
  search: option(fc.constantFrom('', 'lib', 'É', 'fé', '+', 'x')),
});
