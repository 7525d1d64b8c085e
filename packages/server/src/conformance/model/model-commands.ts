import type { Observation, SyncStatus } from '@pisync/protocol';
import fc from 'fast-check';
import { correctClock } from '../../core/clock.ts';
import type { DetectionQuery, GridQuery } from '../../ports/detection-store.ts';
import {
  type CommitGroup,
  type CountedPoints,
  type DeviceQuery,
  deviceStates,
  type HistoryQuery,
  type QuarantineQuery,
  type StateRule,
} from '../../ports/store.ts';
import type { AggregateQuery, RangeQuery, SeriesQuery } from '../../ports/telemetry-store.ts';
import { anyBox, anyDetections, anyFilter } from '../detections/any-detections.ts';
import { hour, now, observation, rejectedItem } from '../make-events.ts';
import { type PlainPoint, pointBatch } from '../telemetry/make-points.ts';

/** One thing that a test does with a store; plain data, so that a failing sequence can be read and shrunk. */
export type StoreCommand =
  | { readonly do: 'commit'; readonly group: CommitGroup }
  | { readonly do: 'history'; readonly query: HistoryQuery; readonly whole: boolean }
  | { readonly do: 'device'; readonly deviceId: string }
  | { readonly do: 'devices'; readonly query: DeviceQuery; readonly whole: boolean }
  | { readonly do: 'fleet'; readonly rule: StateRule; readonly from: number; readonly to: number }
  | { readonly do: 'statistics'; readonly deviceId: string; readonly from: number; readonly to: number }
  | { readonly do: 'quarantine'; readonly query: QuarantineQuery }
  | { readonly do: 'discard'; readonly id: number }
  | { readonly do: 'series'; readonly query: SeriesQuery }
  | { readonly do: 'range'; readonly query: RangeQuery }
  | { readonly do: 'aggregate'; readonly query: AggregateQuery }
  | { readonly do: 'detections'; readonly query: DetectionQuery; readonly whole: boolean }
  | { readonly do: 'grid'; readonly query: GridQuery }
  | { readonly do: 'settle' }
  | { readonly do: 'reopen' };

const deviceIds = ['pi-1', 'pi-2', 'Box:3', 'a@b.c'];
const maxBacklogMs = 400 * 24 * hour;
const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** Few counters, ids and times, so that repetitions, conflicts and late data are frequent. */
const anyIdentity = fc.oneof(
  { weight: 6, arbitrary: fc.record({ epoch: fc.constantFrom('a', 'b', 'c'), seq: fc.nat({ max: 14 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ epoch: fc.constant('b'), seq: fc.constantFrom(2 ** 31, 2 ** 53 - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ eventId: fc.constantFrom('x', 'y', 'é\u{1f600}') }) },
  { weight: 2, arbitrary: fc.constant({}) },
);

const anyBody = fc.record({
  totalFilesSynced: fc.constantFrom(0, 0, 5, 2 ** 40),
  totalErrors: fc.constantFrom(0, 1, 1),
  // Quarters, so that sums are exact in any order.
  internetSpeed: fc.option(fc.nat({ max: 40 }).map((quarters) => quarters / 4)),
  syncDurationMs: fc.option(fc.nat({ max: 100_000 })),
  bytesSynced: fc.option(fc.nat({ max: 2 ** 40 })),
  metadata: fc.option(fc.constantFrom('{}', '{"a":[1,"ü"]}', `{"long":"${'x'.repeat(300)}"}`)),
});

/** Mostly one body for each identity, so that a repetition is more often a duplicate than a conflict. */
const usualBody = fc.constant({ totalFilesSynced: 0, totalErrors: 1 });

const anyTime = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 6 }).map((step) => now - step * 20 * 60_000) },
  { weight: 2, arbitrary: fc.constantFrom(now - 30 * 24 * hour, now - maxBacklogMs, now) },
  { weight: 1, arbitrary: fc.constantFrom(0, now + 9000 * hour, -62_167_219_200_000, 253_402_300_799_999) },
);

const anyObservation: fc.Arbitrary<Observation> = fc
  .record({
    deviceId: fc.constantFrom(...deviceIds),
    identity: anyIdentity,
    body: fc.oneof({ weight: 2, arbitrary: usualBody }, { weight: 1, arbitrary: anyBody }),
    deviceTime: fc.option(anyTime, { freq: 8 }),
    sentAt: fc.option(anyTime),
    receivedAt: fc.nat({ max: 3 }).map((step) => now + step * 1000),
  })
  .map(({ identity, body, ...fields }) => {
    const { deviceTime, sentAt, receivedAt } = fields;
    return observation({
      ...identity,
      ...body,
      ...fields,
      ...correctClock(deviceTime, sentAt, receivedAt, maxBacklogMs),
    });
  });

const anyRejected = fc.record({
  raw: fc.constantFrom('{', '{"a":1}', ''),
  code: fc.constantFrom('invalid_type', 'out_of_range'),
  deviceId: fc.option(fc.constantFrom('pi-1', 'stranger')),
  receivedAt: fc.nat({ max: 3 }).map((step) => now + step * 1000),
});

/** Few series and times, so that points are replaced often; all kinds of values. */
const anyPointTime = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 12 }).map((step) => now * 1000 + step * 500) },
  { weight: 1, arbitrary: fc.constantFrom(Number.MIN_SAFE_INTEGER + 1, 0, Number.MAX_SAFE_INTEGER - 1) },
);
const anyKey = fc.constantFrom('t', 't,a=1', 't,a=1,b=2', 'Temp\\ x,a=ü');
const anyPoint: fc.Arbitrary<PlainPoint> = fc.record({
  deviceId: fc.constantFrom('pi-1', 'pi-2', 'sensor'),
  key: anyKey,
  time: anyPointTime,
  value: fc.oneof(
    fc.constantFrom<PlainPoint['value']>(
      0,
      -0,
      1,
      1,
      20.25,
      1e300,
      5e-324,
      true,
      false,
      'on',
      'é\u{1f600}',
      '',
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
});
const anySeries: fc.Arbitrary<SeriesQuery> = fc.record({
  deviceIds: option(fc.array(fc.constantFrom('pi-1', 'sensor', 'stranger'), { maxLength: 3 })),
  devicePrefix: option(fc.constantFrom('pi-', 's', '')),
  metrics: option(fc.constantFrom(['t'], ['Temp x'], ['Temp x', 't', 'nothing'])),
  tags: option(fc.constantFrom({ a: '1' }, { a: '1', b: '2' }, { a: 'ü' })),
  search: option(fc.constantFrom('T', 'emp')),
  limit: fc.integer({ min: 1, max: 6 }),
  after: option(fc.nat({ max: 8 })),
});
const anySeriesName = fc.record({
  deviceId: fc.constantFrom('pi-1', 'pi-2', 'sensor', 'stranger'),
  key: anyKey,
});
const anyStretch = {
  from: fc.oneof(anyPointTime, fc.constant(Number.MIN_SAFE_INTEGER)),
  to: fc.oneof(anyPointTime, fc.constant(Number.MAX_SAFE_INTEGER)),
};
const anyRange: fc.Arbitrary<RangeQuery> = fc.record({
  ...anyStretch,
  series: anySeriesName,
  limit: fc.constantFrom(1, 2, 5, 1000),
});
/** Only what is exact whatever the order in which points are added. */
const anyAggregate: fc.Arbitrary<AggregateQuery> = fc.record({
  ...anyStretch,
  series: fc
    .uniqueArray(anySeriesName, { minLength: 1, selector: ({ deviceId, key }) => `${deviceId} ${key}` })
    .chain((names) =>
      fc.tuple(...names.map((name) => fc.nat({ max: 2 }).map((group) => ({ ...name, group })))),
    ),
  bucket: fc.constantFrom('1s', '1h'),
  timeZone: fc.constant('UTC'),
  names: fc.constant(['count', 'min', 'max', 'first', 'last', 'p50'] as const),
  maxBuckets: fc.constant(1000),
});

/** Detections that share counters with events and telemetry. */
const anyCountedDetections = fc
  .tuple(anyDetections, fc.array(anyIdentity, { maxLength: 12 }))
  .map(([list, identities]) =>
    list.slice(0, 12).map((detection, at) => ({ ...detection, eventId: null, ...identities[at] })),
  );

const anyGroup: fc.Arbitrary<CommitGroup> = fc
  .record({
    observations: fc.array(anyObservation, { maxLength: 25, size: 'max' }),
    rejected: fc.array(anyRejected.map(rejectedItem), { maxLength: 2 }),
    points: option(fc.array(anyPoint, { maxLength: 30, size: 'max' }).map(pointBatch)),
    contactAt: fc.nat({ max: 3 }).map((step) => now + step * 50_000),
    numbers: fc.uniqueArray(fc.nat({ max: 14 }), { maxLength: 4 }),
    detections: option(anyCountedDetections),
  })
  .map(({ numbers, ...group }) => ({ ...group, counted: countedOf(group.points?.count ?? 0, numbers) }));

/** Gives each of the first points to an observation of its own. */
function countedOf(points: number, numbers: readonly number[]): CountedPoints[] {
  return numbers
    .slice(0, points)
    .map((seq, from) => ({ deviceId: 'pi-1', epoch: 'a', seq, from, to: from + 1 }));
}

const anyDetectionQuery: fc.Arbitrary<DetectionQuery> = fc.record({
  filter: anyFilter,
  limit: fc.constantFrom(1, 3, 1000),
});
const anyGrid: fc.Arbitrary<GridQuery> = fc.record({
  filter: fc.record({ filter: anyFilter, box: anyBox }).map(({ filter, box }) => ({ ...filter, box })),
  zoom: fc.constantFrom(0, 5, 14),
  limit: fc.constantFrom(2, 1000),
});

const anyBound = fc.oneof(
  fc.nat({ max: 8 }).map((step) => now - step * 20 * 60_000 + 60_000),
  fc.constantFrom(0, now, now - 31 * 24 * hour, now + hour),
);
const anyDevice = fc.constantFrom(...deviceIds, 'stranger');
const anyRule = fc.record({
  failingStreak: fc.integer({ min: 1, max: 4 }),
  silentAfterMs: fc.constantFrom(0, 1500, hour),
  now: fc.constantFrom(now + 3000, now + 5000),
});

const anyHistory = fc
  .record({
    deviceId: anyDevice,
    from: option(anyBound),
    to: option(anyBound),
    status: option(fc.constantFrom<SyncStatus>('success', 'partial', 'failed')),
    limit: fc.constantFrom(1, 2, 3, 10, 1000),
    offset: option(fc.nat({ max: 12 })),
    after: option(
      fc.record({ timestamp: anyBound, epochIndex: fc.nat({ max: 3 }), tie: fc.nat({ max: 20 }) }),
    ),
  })
  .map((query) => (query.after === undefined ? query : { ...query, offset: undefined }));

const anyDeviceQuery: fc.Arbitrary<DeviceQuery> = fc.record({
  rule: anyRule,
  search: option(fc.constantFrom('PI', 'b', ':')),
  state: option(fc.constantFrom(...deviceStates)),
  moreThan: option(
    fc.record({
      measure: fc.constantFrom('consecutive_failures' as const, 'total_failures' as const),
      count: fc.nat({ max: 5 }),
    }),
  ),
  sort: fc.constantFrom('device_id', 'last_seen', 'consecutive_failures', 'total_failures', 'syncs'),
  descending: fc.boolean(),
  limit: fc.integer({ min: 1, max: 5 }),
});

/** Number of a rejected item, as it appeared; sometimes one that was not given yet. */
const anyNumber = fc.integer({ min: 1, max: 9 });

const anyQuarantine = fc.record({
  deviceId: option(fc.constantFrom('pi-1', 'stranger', 'nobody')),
  code: option(fc.constantFrom('invalid_type', 'out_of_range')),
  limit: fc.integer({ min: 1, max: 4 }),
  before: option(anyNumber),
});

/** Any sequence of commands; about half of them commit. */
export const anyCommands: fc.Arbitrary<readonly StoreCommand[]> = fc.array(
  fc.oneof<fc.WeightedArbitrary<StoreCommand>[]>(
    { weight: 10, arbitrary: fc.record({ do: fc.constant('commit'), group: anyGroup }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('history'), query: anyHistory, whole: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('device'), deviceId: anyDevice }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('devices'), query: anyDeviceQuery, whole: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('fleet'), rule: anyRule, from: anyBound, to: anyBound }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('statistics'),
        deviceId: anyDevice,
        from: anyBound,
        to: anyBound,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('quarantine'), query: anyQuarantine }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('discard'), id: anyNumber }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('series'), query: anySeries }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('range'), query: anyRange }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('aggregate'), query: anyAggregate }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('detections'),
        query: anyDetectionQuery,
        whole: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('grid'), query: anyGrid }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('settle') }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen') }) },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);
