import type { Observation, ObservedDetection, PointBatch } from '@pisync/protocol';
import fc from 'fast-check';
import { detection } from '../../../src/conformance/detections/make-detections.ts';
import { hour, now, observation, rejectedItem } from '../../../src/conformance/make-events.ts';
import { type PlainPoint, pointBatch } from '../../../src/conformance/telemetry/make-points.ts';
import type { CommitGroup, CountedPoints } from '../../../src/ports/store.ts';

/** Few devices, counters, ids and times, so that repetitions, conflicts, late data and gaps are frequent. */
const anyIdentity = fc.oneof(
  { weight: 5, arbitrary: fc.record({ epoch: fc.constantFrom('a', 'b', 'c'), seq: fc.nat({ max: 20 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      epoch: fc.constant('b'),
      seq: fc.constantFrom(2 ** 31, 2 ** 32 + 1, 2 ** 53 - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ eventId: fc.constantFrom('x', 'y', 'é\u{1f600}') }) },
  { weight: 2, arbitrary: fc.constant({}) },
);

/** Long texts are frequent enough that sealed history has several blocks. */
const anyBody = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ totalFilesSynced: 0, totalErrors: 1 }) },
  {
    weight: 3,
    arbitrary: fc.record({
      totalFilesSynced: fc.constantFrom(0, 0, 5, 2 ** 40),
      totalErrors: fc.constantFrom(0, 1, 1),
      internetSpeed: fc.option(fc.nat({ max: 40 }).map((quarters) => quarters / 4)),
      bytesSynced: fc.option(fc.nat({ max: 2 ** 40 })),
      metadata: fc.constantFrom(null, '{}', `{"long":"${'x'.repeat(9000)}"}`),
    }),
  },
);

const anyMoment = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 6 }).map((step) => now - step * hour) },
  { weight: 1, arbitrary: fc.constantFrom(now - 400 * 24 * hour, now) },
);

const anyObservation: fc.Arbitrary<Observation> = fc
  .record({
    device: fc.nat({ max: 3 }),
    identity: anyIdentity,
    body: anyBody,
    timestamp: anyMoment,
    timed: fc.boolean(),
    late: fc.nat({ max: 3 }),
    drift: fc.option(fc.integer({ min: -5000, max: 5000 })),
  })
  .map(({ device, identity, body, timestamp, timed, late, drift }) => {
    const receivedAt = timestamp + late * hour;
    return observation({
      deviceId: `pi-${device}`,
      deviceTime: timed ? timestamp : null,
      ...identity,
      ...body,
      timestamp,
      receivedAt,
      sentAt: drift === null ? null : receivedAt - drift,
      clockQuality: timed ? 'ok' : 'unknown',
    });
  });

const anyRejected = fc.record({
  deviceId: fc.constantFrom(null, 'pi-1', 'not an id\u0000'),
  raw: fc.constantFrom('{}', '{"a":"\u0000"}', '🙂'),
});

/** Few series and times, so that points are repeated and replaced. */
const anyPoint: fc.Arbitrary<PlainPoint> = fc.record({
  deviceId: fc.constantFrom('pi-1', 'sensor'),
  key: fc.constantFrom('t', 'u,a=1'),
  time: fc.nat({ max: 20 }).map((step) => now * 1000 + step),
  value: fc.constantFrom<PlainPoint['value']>(0, -0, 1, 20.25, 0.1, true, 'on', 'off'),
});

/** So many of one series in a moment that they are summed up when they are sealed; some come again. */
const anyDensePoints: fc.Arbitrary<PlainPoint[]> = fc.constantFrom(0, 0, 150).map((first) =>
  Array.from({ length: 320 }, (_, at) => ({
    ...{ deviceId: 'sensor', key: 'dense', time: now * 1000 + first + at },
    value: (at * 7) % 40,
  })),
);

/** Few radios, places and identities, so that networks have several variants and repetitions are frequent. */
const anyDetection: fc.Arbitrary<ObservedDetection> = fc
  .record({
    device: fc.nat({ max: 1 }),
    identity: anyIdentity,
    radio: fc.nat({ max: 3 }),
    name: fc.constantFrom(null, 'library', 'é'),
    security: fc.constantFrom(null, 'open', 'wpa2'),
    signalDbm: fc.constantFrom(null, -40, -75),
    place: fc.option(fc.record({ lat: fc.constantFrom(47, 47.001, -33), lon: fc.constantFrom(8, 179.9) })),
    timestamp: anyMoment,
    timed: fc.boolean(),
    metadata: fc.constantFrom(null, `{"long":"${'y'.repeat(3000)}"}`),
  })
  .map(({ device, identity, radio, place, timed, timestamp, ...fields }) =>
    detection({
      ...fields,
      ...identity,
      deviceId: `pi-${device}`,
      identity: `00:1A:00:00:00:0${radio}`,
      position:
        place === null ? null : { ...place, altitude: null, accuracy: null, heading: null, speed: null },
      deviceTime: timed ? timestamp : null,
      timestamp,
      receivedAt: timestamp,
    }),
  );

/** What one request may hand over: repetitions, another body under a known identity, refused items, or nothing new. */
export const anyGroup: fc.Arbitrary<CommitGroup> = fc
  .record({
    observations: fc.array(anyObservation, { maxLength: 24 }),
    rejected: fc.array(anyRejected.map(rejectedItem), { maxLength: 2 }),
    points: fc.oneof(
      { weight: 1, arbitrary: fc.constant(undefined) },
      { weight: 3, arbitrary: fc.array(anyPoint, { maxLength: 20 }).map(pointBatch) },
      { weight: 1, arbitrary: anyDensePoints.map(pointBatch) },
    ),
    contactAt: fc.nat({ max: 3 }).map((step) => now + step * hour),
    counters: fc.array(fc.record({ epoch: fc.constantFrom('a', 'z'), seq: fc.nat({ max: 20 }) }), {
      maxLength: 4,
    }),
    detections: fc.array(anyDetection, { maxLength: 12 }),
  })
  .map(({ counters, ...group }) => ({ ...group, counted: countedOf(group.points, counters) }));

/** Gives the first points to counted observations, up to three each. */
function countedOf(
  points: PointBatch | undefined,
  counters: readonly { readonly epoch: string; readonly seq: number }[],
): CountedPoints[] {
  let from = 0;
  return counters.flatMap((counter, index) => {
    const to = Math.min(from + 1 + (index % 3), points?.count ?? 0);
    if (from >= to) return [];
    const counted = { deviceId: 'pi-1', ...counter, from, to };
    from = to;
    return [counted];
  });
}

/** One event of each of many devices: more than one page of device state holds. */
export function crowd(from: number, count: number): CommitGroup {
  const observations = Array.from({ length: count }, (_, index) =>
    observation({ deviceId: `crowd-${from + index}`, epoch: 'z', seq: from % 3, totalErrors: index % 2 }),
  );
  return { observations, rejected: [] };
}
