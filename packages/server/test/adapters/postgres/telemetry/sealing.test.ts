import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { PointBatchBuilder } from '@pisync/protocol';
import fc from 'fast-check';
import pg from 'pg';
import { openMemoryStore } from '../../../../src/adapters/store/memory/memory-store.ts';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import { sessionOf } from '../../../../src/adapters/store/postgres/connection/session.ts';
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { PackedPoints } from '../../../../src/adapters/store/postgres/telemetry/sealing/packed-points.ts';
import { telemetryReads } from '../../../../src/adapters/store/postgres/telemetry/telemetry-reads.ts';
import type { CommitGroup, Store } from '../../../../src/ports/store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const policy = { partial: 'failure' } as const;
const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
/** A day that a store that is made now has room for. */
const firstDay = Math.floor((Date.now() * 1000) / DAY) - 30;
const start = firstDay * DAY;
const later = firstDay + 25;

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

interface Opened {
  readonly store: PostgresStore;
  readonly packed: PackedPoints;
  /** Somebody else on the database. */
  readonly stranger: pg.Client;
  readonly sql: (text: string) => Promise<readonly Record<string, unknown>[]>;
}

async function withStore(use: (opened: Opened) => Promise<void>): Promise<void> {
  const url = await server.createDatabase();
  const store = await openPostgresStore(url, policy);
  const database = new Database(url, usualDatabaseOptions);
  const name = new URL(url).pathname.slice(1);
  const stranger = new pg.Client({ connectionString: url });
  await stranger.connect();
  try {
    await use({
      stranger,
      store,
      packed: new PackedPoints(database),
      sql: async (text) => {
        const results: unknown = await server.query(`SET search_path TO pisync; ${text}`, name);
        return (results as readonly { rows: Record<string, unknown>[] }[]).at(-1)?.rows ?? [];
      },
    });
  } finally {
    await stranger.end();
    await database.close();
    await store.close();
    await server.dropDatabase(url);
  }
}

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

const stretches = [
  { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER },
  { from: start + 5 * HOUR, to: start + 50 * HOUR },
  { from: start + DAY, to: start + 2 * DAY },
];

/** Everything that telemetry can be asked, with sums to the last digit. */
async function answers({ telemetry }: Store): Promise<readonly unknown[]> {
  const series = [2, 0, 3, 1].map((place, at) => ({ deviceId: 'pi-1', key: `s${place}`, group: at % 2 }));
  const names = ['count', 'sum', 'avg', 'min', 'max', 'first', 'last', 'stddev', 'p95'] as const;
  const more = { bucket: '6h', timeZone: 'UTC', names, maxBuckets: 10_000 };
  const all: unknown[] = [await telemetry.series({ limit: 100 })];
  for (const stretch of stretches) {
    all.push(await telemetry.aggregate({ series, ...stretch, ...more }));
    for (const { group: _group, ...one } of series) {
      for (const limit of [7, 10_000]) all.push(await telemetry.range({ series: one, ...stretch, limit }));
      all.push(await telemetry.downsample({ series: one, ...stretch, points: 10, method: 'min_max' }));
    }
  }
  return all;
}

/** Tells only which answer differs: to lay thousands of points side by side takes minutes. */
function sameAnswers(actual: readonly unknown[], expected: readonly unknown[]): void {
  for (const [at, one] of expected.entries()) {
    assert.ok(isDeepStrictEqual(actual[at], one), `answer ${at} is another one`);
  }
}

const anyPoints = fc.array(
  fc.record({
    series: fc.nat(3),
    time: fc.nat(400).map((step) => start + step * 600_000_000),
    value: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((value) => value / 7) },
      { weight: 2, arbitrary: fc.constantFrom(true, false, 'text', '\0', -0) },
    ),
  }),
  { minLength: 1, maxLength: 120, size: 'max' },
);

/** Commits, and between them days that are packed before a certain one. */
const anySteps = fc.array(fc.record({ points: anyPoints, seal: fc.option(fc.nat(4)) }), {
  minLength: 2,
  maxLength: 10,
  size: 'max',
});

test('packed or not, in any order of packing and late points: answers are those of the model', () =>
  fc.assert(
    fc.asyncProperty(anySteps, (steps) =>
      withStore(async ({ store, packed, sql }) => {
        const model = await openMemoryStore(policy);
        for (const { points, seal } of steps) {
          await store.commit(groupOf(points));
          await model.commit(groupOf(points));
          if (seal !== null) await packed.sealPoints(firstDay + seal);
          sameAnswers(await answers(store), await answers(model));
        }
        await packed.sealPoints(later);
        sameAnswers(await answers(store), await answers(model));
        assert.deepEqual(await sql('SELECT FROM point'), []);
        const runs = await sql('SELECT day FROM point_block GROUP BY day HAVING count(DISTINCT run) > 5');
        assert.deepEqual(runs, []);
      }),
    ),
    { numRuns: 5, endOnFailure: true, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  ));

/** So many points of few series that they fill several blocks. */
function dense(from: number, count: number): readonly Point[] {
  return Array.from({ length: count }, (_, at) => ({
    series: at % 3,
    time: start + Math.floor((from + at) / 3) * 1_000_000,
    value: Math.round(Math.sin(at / 50) * 1000) / 10,
  }));
}

test('blocks of one series and blocks that several share give the same points', () =>
  withStore(async ({ store, packed, sql }) => {
    const model = await openMemoryStore(policy);
    for (const points of [dense(0, 40_000), dense(60_000, 9_000), [{ series: 3, time: start, value: 1 }]]) {
      await store.commit(groupOf(points));
      await model.commit(groupOf(points));
    }
    const [done, ...rest] = await packed.sealPoints(firstDay + 1);
    assert.match(done ?? '', /: 49001 points in 6 blocks$/);
    assert.deepEqual(rest, []);
    assert.deepEqual(await sql('SELECT sum(count)::int AS points FROM point_block'), [{ points: 49_001 }]);
    sameAnswers(await answers(store), await answers(model));
  }));

test('late points pack no more of a day anew than they are a share of, and are at their places', () =>
  withStore(async ({ store, packed, sql }) => {
    const model = await openMemoryStore(policy);
    const put = async (points: readonly Point[]) => {
      await store.commit(groupOf(points));
      await model.commit(groupOf(points));
      const [done] = await packed.sealPoints(later);
      return Number(/: (\d+) points/.exec(done ?? '')?.[1]);
    };
    const runs = () =>
      sql('SELECT run, sum(count)::int AS points FROM point_block GROUP BY run ORDER BY run');
    assert.equal(await put(dense(0, 30_000)), 30_000);
    const whole = await sql('SELECT id FROM point_block');
    let packedAnew = 0;
    for (let round = 0; round < 16; round++) {
      packedAnew += await put(dense(60_000 + round * 6, 4));
      const all = await runs();
      assert.ok(all.length < 6);
      const points = all.reduce((sum, run) => sum + Number(run['points']), 0);
      assert.equal(points, 30_000 + 4 * (round + 1));
    }
    // 64 points came; the day was left alone.
    assert.ok(packedAnew < 64 * 5, `${packedAnew}`);
    // These replace points of the day, and each other.
    for (let round = 0; round < 8; round++) {
      await put(dense(round % 3, 4).map((point) => ({ ...point, value: round })));
    }
    sameAnswers(await answers(store), await answers(model));
    const kept = new Set((await sql('SELECT id FROM point_block')).map(({ id }) => id));
    assert.ok(whole.every(({ id }) => kept.has(id)));
    // Many of them are worth the whole day.
    let most = 0;
    for (let round = 0; round < 6; round++) {
      most = Math.max(most, await put(dense(40_000 + round * 4_000, 4_000)));
    }
    assert.ok(most > 30_000, `${most}`);
    assert.ok((await runs()).length < 6);
    sameAnswers(await answers(store), await answers(model));
  }));

/** Where a packing stands still, so that it can be killed there: as it begins to read, and when its blocks are written. */
const stops = [
  "DO $$ BEGIN EXECUTE 'LOCK TABLE ' || (SELECT min(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'point'::regclass) || ' IN ACCESS EXCLUSIVE MODE'; END $$",
  'LOCK TABLE ONLY point IN ACCESS SHARE MODE',
];

test('a killed packing leaves the rows or the blocks', () =>
  withStore(async ({ store, packed, sql, stranger }) => {
    await store.commit(groupOf(dense(0, 20_000)));
    const expected = await answers(store);
    const state = () =>
      sql(`SELECT (SELECT count(*) FROM point)::int AS rows,
        (SELECT coalesce(sum(count), 0) FROM point_block)::int AS packed`);
    for (const stop of stops) {
      await stranger.query(`BEGIN; SET LOCAL search_path TO pisync; ${stop}`);
      const round = packed.sealPoints(later).catch((error: unknown) => error);
      let killed = 0;
      while (killed === 0) {
        const waiting = await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`);
        killed = waiting.length;
      }
      assert.ok((await round) instanceof Error);
      await stranger.query('ROLLBACK');
      assert.deepEqual(await state(), [{ rows: 20_000, packed: 0 }]);
      sameAnswers(await answers(store), expected);
    }
    await packed.sealPoints(later);
    assert.deepEqual(await state(), [{ rows: 0, packed: 20_000 }]);
    sameAnswers(await answers(store), expected);
  }));

test('points that come while a day is packed are not lost, and questions meanwhile are right', () =>
  withStore(async ({ store, packed, sql }) => {
    const model = await openMemoryStore(policy);
    const put = async (points: readonly Point[]) => {
      await store.commit(groupOf(points));
      await model.commit(groupOf(points));
    };
    await put(dense(0, 30_000));
    let ended = false;
    const packing = (async () => {
      for (let round = 0; round < 12; round++) await packed.sealPoints(later);
      ended = true;
    })();
    const asking = (async () => {
      const series = { deviceId: 'pi-1', key: 's1' };
      while (!ended) {
        const answer = await store.telemetry.range({
          series,
          ...(stretches[0] as { from: number; to: number }),
          limit: 100_000,
        });
        assert.ok((answer?.points.count ?? 0) >= 10_000, `${answer?.points.count}`);
      }
    })();
    for (let step = 0; !ended; step++) {
      await put(dense(step * 7, 20).map((point) => ({ ...point, value: step })));
      await delay(3);
    }
    await Promise.all([packing, asking]);
    sameAnswers(await answers(store), await answers(model));
    await packed.sealPoints(later);
    assert.deepEqual(await sql('SELECT FROM point'), []);
    sameAnswers(await answers(store), await answers(model));
  }));

test('what was packed is dropped by day', () =>
  withStore(async ({ store, packed }) => {
    await store.commit(
      groupOf([
        { series: 0, time: start, value: 1 },
        { series: 0, time: start + DAY, value: 2 },
      ]),
    );
    await packed.sealPoints(later);
    const [done, ...rest] = await packed.dropSealedPoints(firstDay + 1);
    assert.match(done ?? '', /: 1 points in blocks$/);
    assert.deepEqual(rest, []);
    const answer = await store.telemetry.range({
      series: { deviceId: 'pi-1', key: 's0' },
      from: 0,
      to: Number.MAX_SAFE_INTEGER,
      limit: 10,
    });
    assert.deepEqual([...(answer?.points.times ?? [])], [start + DAY]);
  }));

test('a question that sees the state before a packing is refused, not answered without the day', () =>
  withStore(async ({ store, packed, stranger }) => {
    await store.commit(groupOf([{ series: 0, time: start, value: 1 }]));
    // As on a replica, where the state is chosen before telemetry is asked.
    await stranger.query(
      'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path TO pisync; SELECT FROM store',
    );
    await packed.sealPoints(later);
    const query = {
      series: { deviceId: 'pi-1', key: 's0' },
      from: 0,
      to: Number.MAX_SAFE_INTEGER,
      limit: 10,
    };
    const late = telemetryReads((question) => question(sessionOf(stranger)));
    await assert.rejects(late.range(query), /sealed/);
    await stranger.query('ROLLBACK');
    assert.equal((await store.telemetry.range(query))?.points.count, 1);
  }));
