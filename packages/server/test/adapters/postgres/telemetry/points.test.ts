import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type PointBatch, PointBatchBuilder } from '@pisync/protocol';
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const DAY = 86_400_000_000;

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

interface Opened {
  readonly store: PostgresStore;
  readonly sql: (text: string) => Promise<readonly Record<string, unknown>[]>;
}

async function withStore(use: (opened: Opened) => Promise<void>): Promise<void> {
  const url = await server.createDatabase();
  const store = await openPostgresStore(url, { partial: 'failure' });
  try {
    await use({
      store,
      sql: async (text) => {
        const results = await server.query(`SET search_path TO pisync; ${text}`, name(url));
        // One for each statement, of which the driver does not tell.
        return (results as unknown as readonly { rows: Record<string, unknown>[] }[]).at(-1)?.rows ?? [];
      },
    });
  } finally {
    await store.close();
    await server.dropDatabase(url);
  }
}

function name(url: string): string {
  return new URL(url).pathname.slice(1);
}

type Value = number | boolean | string;

function batch(points: readonly (readonly [key: string, time: number, value: Value])[]): PointBatch {
  const builder = new PointBatchBuilder();
  for (const [key, time, value] of points) {
    const series = builder.seriesIndex('pi-1', key);
    if (typeof value === 'string') builder.addText(series, time, value);
    else if (typeof value === 'boolean') builder.addBoolean(series, time, value);
    else builder.addNumber(series, time, value);
  }
  return builder.finish();
}

async function commit(store: PostgresStore, ...points: Parameters<typeof batch>[0]): Promise<void> {
  await store.commit({ observations: [], rejected: [], points: batch(points) });
}

async function read(store: PostgresStore, key: string): Promise<readonly (readonly [number, number])[]> {
  const answer = await store.telemetry.range({
    series: { deviceId: 'pi-1', key },
    from: Number.MIN_SAFE_INTEGER,
    to: Number.MAX_SAFE_INTEGER + 1,
    limit: 1_000_000,
  });
  const { points } = answer ?? assert.fail('no such series');
  return Array.from({ length: points.count }, (_, at) => [
    points.times[at] as number,
    points.values[at] as number,
  ]);
}

const partitions = `SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
  WHERE inhparent = 'point'::regclass ORDER BY relname`;

test('times are exact at both ends, copied or inserted', () =>
  withStore(async ({ store }) => {
    const ends = [Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER + 1, -1, 0, 1];
    ends.push(Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER);
    await commit(store, ...ends.map((time, at) => ['inserted', time, at] as const));
    const many = Array.from({ length: 100 }, (_, at) => ['copied', at * 7 + 2, at] as const);
    await commit(store, ...many, ...ends.map((time, at) => ['copied', time, -at] as const));
    assert.deepEqual(
      (await read(store, 'inserted')).map(([time]) => time),
      ends,
    );
    const copied = (await read(store, 'copied')).map(([time]) => time);
    assert.deepEqual(
      copied,
      [...ends, ...many.map(([, time]) => time)].sort((a, b) => a - b),
    );
    const { items } = await store.telemetry.series({ limit: 10 });
    assert.deepEqual(
      items.map(({ time }) => time),
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    );
  }));

test('a day has a table, whose bounds are those of UTC; far days share two', () =>
  withStore(async ({ store, sql }) => {
    const today = Math.floor((Date.now() * 1000) / DAY) * DAY;
    const before = await sql(partitions);
    assert.deepEqual(before, [{ name: 'point_future' }, { name: 'point_past' }]);
    const times = [today - 1, today, today + DAY - 1, today - 399 * DAY];
    times.push(today - 401 * DAY, today + 100 * DAY, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    for (const time of times) await commit(store, ['t', time, time]);
    const table = (time: number) =>
      `point_${new Date(time / 1000).toISOString().slice(0, 10).replaceAll('-', '_')}`;
    const made = [today - DAY, today, today - 399 * DAY].map(table);
    assert.deepEqual(
      (await sql(partitions)).map((row) => row['name']),
      [...made, 'point_future', 'point_past'].sort(),
    );
    const counts = await sql('SELECT tableoid::regclass::text AS name, count(*)::int FROM point GROUP BY 1');
    const counted = Object.fromEntries(counts.map((row) => [row['name'], row['count']]));
    const [yesterday, now, old] = made as [string, string, string];
    assert.deepEqual(counted, { [yesterday]: 1, [now]: 2, [old]: 1, point_past: 2, point_future: 2 });
    assert.deepEqual(
      await read(store, 't'),
      [...times].sort((a, b) => a - b).map((time) => [time, time]),
    );
  }));

test('the bound of the future moves on when its days come, and nothing is lost', () =>
  withStore(async ({ store, sql }) => {
    const today = Math.floor((Date.now() * 1000) / DAY) * DAY;
    // As if the store had been made 40 days ago.
    await sql(`ALTER TABLE point DETACH PARTITION point_future; UPDATE point_bounds SET future = future - 40;
      DO $$ BEGIN EXECUTE format('ALTER TABLE point ATTACH PARTITION point_future FOR VALUES FROM (%L) TO (MAXVALUE)',
        (SELECT timestamptz 'epoch' + future * interval '24 hours' FROM point_bounds)); END $$; SELECT`);
    await commit(store, ['t', today + 3 * DAY, 1], ['t', today + 50 * DAY, 2]);
    assert.deepEqual(
      (await sql(partitions)).map((row) => row['name']),
      ['point_future', 'point_past'],
    );
    await commit(store, ['t', today, 3], ['t', today + 3 * DAY, 4]);
    assert.deepEqual(await read(store, 't'), [
      [today, 3],
      [today + 3 * DAY, 4],
      [today + 50 * DAY, 2],
    ]);
    assert.equal((await sql(partitions)).length, 4);
    const [row] = await sql('SELECT future FROM point_bounds');
    assert.equal(row?.['future'], today / DAY + 34);
    await commit(store, ['t', today + 3 * DAY, 5]);
    assert.deepEqual((await read(store, 't'))[1], [today + 3 * DAY, 5]);
  }));

test('a table that somebody dropped is made again', () =>
  withStore(async ({ store, sql }) => {
    const today = Math.floor((Date.now() * 1000) / DAY) * DAY;
    await commit(store, ['t', today, 1]);
    const table = (await sql(partitions))[0]?.['name'];
    await sql(`DROP TABLE ${table}; DELETE FROM point_day; SELECT`);
    await commit(store, ['t', today + 1, 2]);
    assert.deepEqual(await read(store, 't'), [[today + 1, 2]]);
  }));

test('numbers of series that a failed commit gave are given again', () =>
  withStore(async ({ store }) => {
    const now = Date.now() * 1000;
    const points = batch([['a', now, 1]]);
    store.injectFault('io_error');
    await assert.rejects(store.commit({ observations: [], rejected: [], points }));
    await commit(store, ['b', now, 2]);
    // The same object as before: what was noted of it must not be what was rolled back.
    await store.commit({ observations: [], rejected: [], points });
    const { items } = await store.telemetry.series({ limit: 10 });
    assert.deepEqual(
      items.map((item) => [item.number, item.name.key, item.value]),
      [
        [0, 'b', 2],
        [1, 'a', 1],
      ],
    );
  }));

test('a key may be longer than an index takes, and texts may hold anything', () =>
  withStore(async ({ store }) => {
    const now = Date.now() * 1000;
    const noise = Array.from({ length: 4000 }, (_, at) => String.fromCharCode(33 + ((at * 7919) % 89))).join(
      '',
    );
    const key = noise.replace(/[\\,= ]/g, '_');
    const text = '\0\uffff"\\{},\n\u{1f600}';
    for (const count of [1, 60]) {
      const points = Array.from({ length: count }, (_, at) => [key, now + at, `${text}${at}`] as const);
      await commit(store, ...points);
      const answer = await store.telemetry.range({
        series: { deviceId: 'pi-1', key },
        from: now,
        to: now + 100,
        limit: 1000,
      });
      assert.deepEqual(
        answer?.points.texts,
        points.map(([, , value]) => value),
      );
      const { items } = await store.telemetry.series({ limit: 10 });
      assert.equal(items[0]?.value, `${text}${count - 1}`);
      assert.equal(items[0]?.name.key, key);
    }
  }));

test('a question that gives up while points come leaves the connection usable', () =>
  withStore(async ({ store }) => {
    const now = Date.now() * 1000;
    const points = Array.from({ length: 20_000 }, (_, at) => ['t', now + at * 1_000_000, at] as const);
    await commit(store, ...points);
    for (let round = 0; round < 20; round++) {
      await assert.rejects(
        store.telemetry.aggregate({
          series: [{ deviceId: 'pi-1', key: 't', group: 0 }],
          from: now,
          to: now + 20_000_000_000,
          bucket: '1s',
          timeZone: 'UTC',
          names: ['count'],
          maxBuckets: 10,
        }),
        { code: 'invalid_parameter' },
      );
    }
    assert.equal((await read(store, 't')).length, 20_000);
  }));
