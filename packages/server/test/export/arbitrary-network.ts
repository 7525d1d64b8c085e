import { detectionTypes } from '@pisync/protocol';
import fc from 'fast-check';
import type { NetworkRecord } from '../../src/ports/detection-store.ts';
import { hostileText } from './arbitrary-detection.ts';

const degrees = (most: number) => fc.double({ min: -most, max: most, noNaN: true }).map((value) => value + 0);
const time = fc.integer({ min: 0, max: 4_000_000_000_000 });

/** A network as a store gives it. */
export const networkRecord: fc.Arbitrary<NetworkRecord> = fc
  .record({
    type: fc.constantFrom(...detectionTypes),
    identity: fc.constantFrom('00:1A:2B:3C:4D:5E', '02:00:00:00:00:01'),
    name: fc.option(hostileText),
    security: fc.option(fc.constantFrom('open', 'wpa2,wpa3')),
    channel: fc.option(fc.nat(200)),
    frequencyMhz: fc.option(fc.double({ min: 1, max: 7000, noNaN: true })),
    times: fc.tuple(time, time),
    detections: fc.integer({ min: 1, max: 1_000_000 }),
    strongest: fc.option(
      fc.record({
        signalDbm: fc.double({ min: -200, max: 0, noNaN: true }).map((value) => value + 0),
        lat: fc.option(degrees(90)),
        lon: fc.option(degrees(180)),
      }),
    ),
    position: fc.option(
      fc.record({ lat: degrees(90), lon: degrees(180), observations: fc.integer({ min: 1, max: 1000 }) }),
    ),
  })
  .map(({ times, ...network }) => ({
    ...network,
    strongest: network.strongest && { ...network.strongest },
    position: network.position && { ...network.position },
    identity: network.type === 'cellular' ? '262-1-42-7' : network.identity,
    firstSeenAt: Math.min(...times),
    lastSeenAt: Math.max(...times),
  }));
