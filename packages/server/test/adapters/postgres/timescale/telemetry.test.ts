import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PointBatchBuilder } from '@pisync/protocol';
import fc from 'fast-check';
import { openMemoryStore } from '../../../../src/adapters/store/memory/memory-store.ts';
import { sumsFor } from '../../../../src/adapters/store/postgres/telemetry/hypertables/read-sums.ts';
import type { AggregateName } from '../../../../src/core/telemetry/aggregate.ts';
import type { CommitGroup, Store } from '../../../../src/ports/store.ts';
import { type TimescalePlace, TimescaleServer } from './timescale-place.ts';

const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const start = Date.UTC(2026, 5, 1) * 1000;
const exact = ['count', 'min', 'max', 'first', 'last'] as const;

let server: TimescaleServer;
before(async () => {
  server = await TimescaleServer.start();
});
after(() => server.close());

interface Point {
  readonly series: number;
  readonly time: number;
  readonly value: number | boolean | string;
}

function groupOf(points: readonly Point[]): CommitGroup {
  const builder = new PointBatchBuilder();
  for (const { series, time, value } of points) {
    const place = builder.seriesIndex('pi-1', `s${series}`);
    if (typeof value === 'string') builder.addText(place, time, value);
    else if (typeof value === 'boolean') builder.addBoolean(place, time, value);
    else builder.addNumber(place, time, value);
  }
  return { observations: [], rejected: [], points: builder.finish() };
}

/** Times that come again, over five days, so that batches replace and come late. */
const anyPoint = fc.record({
  series: fc.nat(3),
  time: fc.nat(240).map((step) => start + step * 1_800_000_000),
  value: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -100, max: 100 }).map((value) => value / 7) },
    { weight: 1, arbitrary: fc.constantFrom(true, false, 'text', -0) },
  ),
});

type Step =
  | { readonly do: 'commit'; readonly points: readonly Point[] }
  | { readonly do: 'pack' }
  /** Sums up the days before one, counted from the first. */
  | { readonly do: 'sum up'; readonly before: number };

const anyCommit = (points: fc.ArrayConstraints): fc.Arbitrary<Step> =>
  fc.record({ do: fc.constant('commit' as const), points: fc.array(anyPoint, points) });

/** So many that they are copied. */
const large = { minLength: 80, maxLength: 200, size: 'max' } as const;

/** Whatever comes falls into days that are summed up. */
const anySteps: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    anyCommit(large),
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: anyCommit({ minLength: 1, maxLength: 8 }) },
        { weight: 1, arbitrary: anyCommit(large) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('pack' as const) }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('sum up' as const), before: fc.nat(6) }) },
      ),
      { minLength: 2, maxLength: 8, size: 'max' },
    ),
  )
  .map(([first, others]) => [first, { do: 'sum up', before: 6 }, ...others]);

const PACK = `SELECT public.compress_chunk(chunk, if_not_compressed => true) FROM public.show_chunks('point') AS chunk`;

const questions = (
  [
    { bucket: '1h', names: exact },
    { bucket: '6h', names: ['last', 'count'] },
    { bucket: '1d', names: exact },
    { bucket: '1w', names: ['first', 'max'] },
    { bucket: '1mo', names: exact },
    { bucket: '1d', names: ['sum', 'avg', 'count', 'stddev'] },
    { bucket: '15m', names: exact },
    { bucket: '1d', names: exact, timeZone: 'Europe/Berlin' },
  ] as const
).map((question) => ({ timeZone: 'UTC', maxBuckets: 10_000, ...question }));

const stretches = [
  { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER },
  { from: start + DAY, to: start + 3 * DAY },
  { from: start + 5 * HOUR + 1, to: start + 50 * HOUR + 1 },
  { from: start + DAY, to: start - DAY },
];

async function answers({ telemetry }: Store): Promise<readonly unknown[]> {
  const series = [2, 0, 3, 1].map((place, at) => ({ deviceId: 'pi-1', key: `s${place}`, group: at % 2 }));
  const all: unknown[] = [await telemetry.series({ limit: 100 })];
  for (const stretch of stretches) {
    for (const question of questions)
      all.push(await telemetry.aggregate({ series, ...stretch, ...question }));
    for (const { group: _group, ...one } of series) {
      all.push(await telemetry.range({ series: one, ...stretch, limit: 50 }));
      all.push(await telemetry.downsample({ series: one, ...stretch, points: 10, method: 'min_max' }));
    }
  }
  return all;
}

test('telemetry in hypertables is answered as the model answers it, packed, summed up, late and replaced', async () => {
  await fc.assert(
    fc.asyncProperty(anySteps, async (steps) => {
      await server.withStore(async (place) => {
        const model = await openMemoryStore({ partial: 'failure' });
        for (const step of steps) {
          if (step.do === 'pack') await place.sql(PACK);
          else if (step.do === 'sum up') await place.round(start / 1000 + (step.before * DAY) / 1000);
          else {
            const group = groupOf(step.points);
            assert.deepEqual(await place.store.commit(group), await model.commit(group));
          }
          assert.deepEqual(await answers(place.store), await answers(model));
        }
      });
    }),
    { numRuns: Number(process.env['PISYNC_MODEL_RUNS'] ?? 8), endOnFailure: true },
  );
});

/** A point each half hour over four days, summed up. */
async function summed(place: TimescalePlace): Promise<void> {
  const points = Array.from({ length: 192 }, (_, at) => ({
    series: 0,
    time: start + at * (HOUR / 2),
    value: at / 7,
  }));
  await place.store.commit(groupOf(points));
  await place.round((start + 4 * DAY) / 1000);
}

async function byDay(
  { store }: TimescalePlace,
  names: readonly AggregateName[],
  bucket = '1d',
): Promise<unknown> {
  const [answer] =
    (await store.telemetry.aggregate({
      series: [{ deviceId: 'pi-1', key: 's0', group: 0 }],
      ...{ from: start, to: start + 4 * DAY, bucket, timeZone: 'UTC', names, maxBuckets: 1000 },
    })) ?? [];
  return [
    [...(answer?.starts ?? [])].map((time) => (time - start) / HOUR),
    answer?.columns.map((column) => [...column]),
  ];
}

describe('continuous aggregates', () => {
  test('answer what they answer exactly, and points all else', () =>
    server.withStore(async (place) => {
      await summed(place);
      const [before, hours, sums] = [
        await byDay(place, exact),
        await byDay(place, exact, '1h'),
        await byDay(place, ['sum']),
      ];
      // Behind PiSync's back, so that whoever reads points finds none.
      await place.sql("SELECT public.drop_chunks('point', older_than => timestamptz '2100-01-01')");
      assert.deepEqual(await byDay(place, exact), before);
      assert.deepEqual(await byDay(place, exact, '1h'), hours);
      assert.notDeepEqual(await byDay(place, ['sum']), sums);
      assert.deepEqual(await byDay(place, ['sum']), [[], [[]]]);
    }));

  test('do not answer for a day that points came for since, until it is summed up again', () =>
    server.withStore(async (place) => {
      await summed(place);
      const late = { series: 0, time: start + DAY + 1, value: 1000 };
      await place.sql(PACK);
      await place.store.commit(groupOf([late]));
      const max = [[0, 24, 48, 72], [[47 / 7, 1000, 143 / 7, 191 / 7]]];
      assert.deepEqual(await byDay(place, ['max']), max);
      const view = async () =>
        (
          await place.sql(
            `SELECT max FROM telemetry_day WHERE day = timestamptz 'epoch' + interval '${(start + DAY) / 1e6} seconds'`,
          )
        )[0];
      const stale = await view();
      const { sealed } = await place.round((start + 4 * DAY) / 1000);
      assert.deepEqual(sealed, ['sums of 2026-06-02 to 2026-06-02']);
      assert.deepEqual([stale, await view()], [{ max: 95 / 7 }, { max: 1000 }]);
      assert.deepEqual(await byDay(place, ['max']), max);
    }));

  test('do not answer for days that a policy has dropped, or will drop today', () =>
    server.withStore(async (place) => {
      await summed(place);
      await place.sql("INSERT INTO policy VALUES ('telemetry_retention', '2')");
      await place.sql("SELECT public.drop_chunks('point', older_than => timestamptz '2100-01-01')");
      assert.deepEqual(await byDay(place, exact), [[], [[], [], [], [], []]]);
    }));

  test('fit buckets of whole hours and days of UTC', () => {
    const fits = (bucket: string, timeZone = 'UTC', names: readonly AggregateName[] = ['count']) =>
      sumsFor({ series: [], from: 0, to: 0, bucket, timeZone, names, maxBuckets: 1 })?.view ?? null;
    assert.deepEqual(
      ['1h', '2h', '12h'].map((bucket) => fits(bucket)),
      Array(3).fill('telemetry_hour'),
    );
    assert.deepEqual(
      ['1d', '1w', '1mo'].map((bucket) => fits(bucket)),
      Array(3).fill('telemetry_day'),
    );
    for (const bucket of ['1s', '30m']) assert.equal(fits(bucket), null);
    for (const bucket of ['1h', '1d', '1mo']) assert.equal(fits(bucket, 'Asia/Kolkata'), null);
    for (const name of ['sum', 'avg', 'stddev', 'p95'] as const)
      assert.equal(fits('1d', 'UTC', ['count', name]), null);
  });
});

describe('points in packed chunks', () => {
  test('are replaced in any number by one commit', () =>
    server.withStore(async (place) => {
      const points = Array.from({ length: 12 }, (_, at) => ({ series: at % 3, time: start + at, value: at }));
      await place.store.commit(groupOf(points));
      await place.sql(PACK);
      // Unpacks more than the server would allow a statement that does not ask for it.
      await place.sql('SET timescaledb.max_tuples_decompressed_per_dml_transaction = 2');
      try {
        await assert.rejects(place.sql('UPDATE point SET value = 5'), { code: '53400' });
        const outcomes = await place.store.commit(
          groupOf(points.map((point) => ({ ...point, value: -point.value }))),
        );
        assert.deepEqual(outcomes, []);
      } finally {
        await place.sql('RESET timescaledb.max_tuples_decompressed_per_dml_transaction');
      }
      assert.deepEqual(await byDay(place, ['min']), [[0], [[-9]]]);
    }));
});
