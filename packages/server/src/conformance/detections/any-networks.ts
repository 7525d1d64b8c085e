import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import type { ChangeQuery, NetworkFilter } from '../../ports/detection-store.ts';
import { now } from '../make-events.ts';
import { anyBox } from './any-detections.ts';
import { detection } from './make-detections.ts';

const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const addresses = ['00:1A:2B:3C:4D:5E', '02:1A:2B:3C:4D:5F', 'FE:FF:FF:FF:FF:FF', '00:00:00:00:00:01'];
const cells = ['310-260-42081-7711', '310-26-1-68719476735'];

/** A radio of a type that can bear its identity; few, so that each is heard often. */
const anyRadio = fc.oneof(
  fc.record({
    type: fc.constantFrom('wifi' as const, 'wifi' as const, 'bluetooth' as const, 'ble' as const),
    identity: fc.constantFrom(...addresses),
  }),
  fc.record({ type: fc.constant('cellular' as const), identity: fc.constantFrom(...cells) }),
);

/** Names whose order by code points is another one than by code units, and one that C would cut off. */
const names = ['Library', 'library', 'Caf\u00e9', '=1+1', '\u{1f600}', '\uff5e', 'a\u0000b'];
const anyName = fc.constantFrom(...names);
const anySecurity = fc.constantFrom('open', 'wep', 'wpa2', 'wpa2,wpa3', 'wpa2,eap');
const anyTime = fc.nat({ max: 12 }).map((step) => now - step * 1000);
const anySignal = fc.constantFrom(-90, -61, -61.5, 0);

/** Places near to each other, at the ends of the world and all over it. */
const anyPlace = fc.oneof(
  fc.constantFrom(
    { lat: 52.52, lon: 13.405 },
    { lat: 52.521, lon: 13.4 },
    { lat: 0, lon: 180 },
    { lat: 0, lon: -179.9 },
    { lat: 90, lon: 0 },
    { lat: -89.9, lon: 100 },
  ),
  fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }).map((lat) => lat + 0),
    lon: fc.double({ min: -180, max: 180, noNaN: true }).map((lon) => lon + 0),
  }),
);

/** Detections of few networks that look different now and then; each is a fact of its own. */
export const anySightings: fc.Arbitrary<readonly ObservedDetection[]> = fc
  .array(
    fc.record({
      radio: anyRadio,
      timestamp: anyTime,
      name: fc.option(anyName),
      security: fc.option(anySecurity),
      channel: fc.option(fc.constantFrom(1, 4_294_967_295)),
      frequencyMhz: fc.option(fc.constantFrom(2412, 5180.5)),
      signalDbm: fc.option(anySignal),
      position: fc.option(
        fc
          .tuple(anyPlace, fc.constantFrom(null, 0, 5, 100, 101, 1e300))
          .map(([place, accuracy]) => ({ ...place, altitude: null, accuracy, heading: null, speed: null })),
      ),
    }),
    { maxLength: 50, size: 'max' },
  )
  .map((list) =>
    list.map(({ radio, ...fields }, at) => detection({ ...radio, ...fields, eventId: `n-${at}` })),
  );

/** Any questions about {@link anySightings}. */
const anyNetworkFilter: fc.Arbitrary<NetworkFilter> = fc
  .record({
    box: anyBox,
    types: fc.subarray(['wifi' as const, 'bluetooth' as const, 'cellular' as const]),
    security: fc.constantFrom('open', 'wpa2', 'eap'),
    minSignal: anySignal,
    name: anyName,
    search: fc.constantFrom('', 'LIB', 'f\u00c9', '1a:2B', '-1-', '+', '\u0000'),
    firstSeenFrom: anyTime,
    lastSeenFrom: anyTime,
  })
  .chain((whole) => fc.subarray(Object.entries(whole), { maxLength: 3 }))
  // What is asked of all at once, nothing meets.
  .map((entries) => Object.fromEntries(entries));

const anyChangeQuery: fc.Arbitrary<ChangeQuery> = fc.record({
  from: anyTime,
  to: anyTime.map((time) => time + 1000),
  box: option(anyBox),
  limit: fc.constantFrom(1, 3, 100),
});

/** One question of each kind. */
export interface NetworkQuestions {
  readonly filter: NetworkFilter;
  readonly limit: number;
  readonly zoom: number;
  readonly changes: ChangeQuery;
}

export const anyQuestions: fc.Arbitrary<NetworkQuestions> = fc.record({
  filter: anyNetworkFilter,
  limit: fc.constantFrom(1, 2, 100),
  zoom: fc.constantFrom(0, 3, 12, 24),
  changes: anyChangeQuery,
});
