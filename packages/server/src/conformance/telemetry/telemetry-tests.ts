import assert from 'node:assert/strict';
import { createBucketing, parseBucket } from '../../core/telemetry/buckets.ts';
import { type AggregateAnswer, kindBit, type SeriesQuery } from '../../ports/telemetry-store.ts';
import { now } from '../make-events.ts';
import { readTelemetry } from '../read-store.ts';
import type { OpenedStore, StoreSuite } from '../suite-recorder.ts';
import { type PlainPoint, plainPoints, pointBatch } from './make-points.ts';

const start = now * 1000;
const day = 24 * 3_600_000_000;
const ever = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER, limit: 1000 };

function point(step: number, value: PlainPoint['value'], fields: Partial<PlainPoint> = {}): PlainPoint {
  return { deviceId: 'pi-1', key: 't', time: start + step, value, ...fields };
}

async function commit({ store }: OpenedStore, ...points: readonly PlainPoint[]): Promise<void> {
  await store.commit({ observations: [], rejected: [], points: pointBatch(points) });
}

/** Registers what must hold for telemetry; sequences of commands prove the rest. */
export function telemetryTests(suite: StoreSuite): void {
  valueTests(suite);
  rangeTests(suite);
  sumTests(suite);
  denseTests(suite);
  groupTests(suite);
  chartTests(suite);
  listTests(suite);
  settleTests(suite);
}

function valueTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('keeps every kind of value as it was given', async (opened) => {
    const values = [
      0,
      -0,
      20.25,
      0.1,
      5e-324,
      -1.7976931348623157e308,
      2 ** 53,
      true,
      false,
      '',
      'é\u{1f600}\n',
    ];
    await commit(opened, ...values.map((value, step) => point(step, value)));
    await settle?.(opened.store);
    const answer = await opened.store.telemetry.range({ series: { deviceId: 'pi-1', key: 't' }, ...ever });
    const found = plainPoints(answer?.points).map(([, value]) => value);
    assert.equal(found.length, values.length);
    for (const [at, value] of values.entries()) assert.ok(Object.is(found[at], value), `${String(value)}`);
  });

  suite.test(
    'keeps one point for a series and time, with the value that was committed last',
    async (opened) => {
      await commit(opened, point(0, 1), point(0, 2), point(1, 5));
      await settle?.(opened.store);
      await commit(opened, point(0, 3), point(1, 5));
      const read = async () => {
        const answer = await opened.store.telemetry.range({
          series: { deviceId: 'pi-1', key: 't' },
          ...ever,
        });
        return plainPoints(answer?.points);
      };
      const expected = [
        [start, 3],
        [start + 1, 5],
      ];
      assert.deepEqual(await read(), expected);
      await settle?.(opened.store);
      assert.deepEqual(await read(), expected);
      await commit(opened, point(0, 'three'));
      assert.deepEqual((await read())[0], [start, 'three']);
    },
  );
}

function rangeTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('knows the newest point whatever the order of arrival', async (opened) => {
    await commit(opened, point(5, 'new'));
    await commit(opened, point(3, 1), point(4, 2));
    const { items } = await opened.store.telemetry.series({ limit: 10 });
    assert.deepEqual(items, [
      {
        name: { deviceId: 'pi-1', key: 't' },
        number: 0,
        time: start + 5,
        value: 'new',
        kinds: kindBit(0) + kindBit(2),
      },
    ]);
    await commit(opened, point(5, 6));
    assert.equal((await opened.store.telemetry.series({ limit: 10 })).items[0]?.value, 6);
  });

  suite.test('reads a stretch in order, and says where it goes on', async (opened) => {
    await commit(opened, ...[7, 1, 3].map((step) => point(step, step)));
    await settle?.(opened.store);
    await commit(opened, ...[5, 2].map((step) => point(step, step)));
    const read = async (from: number, to: number, limit: number) => {
      const series = { deviceId: 'pi-1', key: 't' };
      const answer = await opened.store.telemetry.range({
        series,
        from: start + from,
        to: start + to,
        limit,
      });
      const next = answer?.next ?? null;
      return [plainPoints(answer?.points).map(([, value]) => value), next === null ? null : next - start];
    };
    assert.deepEqual(await read(0, 10, 10), [[1, 2, 3, 5, 7], null]);
    assert.deepEqual(await read(2, 7, 10), [[2, 3, 5], null]);
    assert.deepEqual(await read(0, 10, 2), [[1, 2], 3]);
    assert.deepEqual(await read(0, 10, 5), [[1, 2, 3, 5, 7], null]);
    assert.deepEqual(await read(8, 10, 5), [[], null]);
    // A stretch may end days before it begins.
    assert.deepEqual(await read(0, -2 * day, 5), [[], null]);
    const empty = { series: [{ deviceId: 'pi-1', key: 't', group: 0 }], from: start, to: start - 2 * day };
    const rest = { bucket: '1h', timeZone: 'UTC', names: ['count'] as const, maxBuckets: 10 };
    const [answer] = (await opened.store.telemetry.aggregate({ ...empty, ...rest })) ?? [];
    assert.equal(answer?.starts.length, 0);
    const other = { deviceId: 'pi-1', key: 'u' };
    assert.equal(await opened.store.telemetry.range({ series: other, ...ever }), undefined);
  });
}

function sumTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const series = { deviceId: 'pi-1', key: 't' };
  const minute = 60_000_000;

  suite.test('sums up a stretch in buckets, sealed or not; text counts nowhere', async (opened) => {
    const at = (minutes: number, value: PlainPoint['value']) => point(minutes * minute, value);
    await commit(opened, at(0, 1), at(1, 4), at(2, 'text'), at(61, 10), at(62, true));
    await settle?.(opened.store);
    await commit(opened, at(1, 3), at(180, 7));
    const names = ['count', 'sum', 'min', 'max', 'first', 'last', 'p50'] as const;
    const query = {
      series: [{ ...series, group: 0 }],
      maxBuckets: 100,
      from: start - 30 * minute,
      to: start + 180 * minute,
      bucket: '1h',
      timeZone: 'UTC',
      names,
    };
    const [found] = (await opened.store.telemetry.aggregate(query)) ?? [];
    // The stretch begins at half past eight.
    assert.deepEqual([...(found?.starts ?? [])], [start - 30 * minute, start + 30 * minute]);
    const [count, sum, min, max, first, last, p50] = found?.columns.map((column) => [...column]) ?? [];
    assert.deepEqual(
      [count, sum, min, max, first, last],
      [
        [2, 2],
        [4, 11],
        [1, 1],
        [3, 10],
        [1, 10],
        [3, 1],
      ],
    );
    assert.ok(Math.abs((p50?.[0] as number) - 1) <= 0.01);
    assert.equal(
      await opened.store.telemetry.aggregate({ ...query, series: [{ deviceId: 'x', key: 't', group: 0 }] }),
      undefined,
    );
    await assert.rejects(opened.store.telemetry.aggregate({ ...query, bucket: '7m' }), {
      code: 'invalid_parameter',
    });
  });
}

/** Points so dense that an adapter may keep sums of hours and days, which must not show. */
function denseTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const minute = 60_000_000;

  suite.test('sums up hours and days as their points say, also where points come late', async (opened) => {
    const values = new Map<number, number>();
    const put = async (from: number, count: number, add: number): Promise<void> => {
      const points = Array.from({ length: count }, (_, at) =>
        point(((from + at) * minute) / 10, (from + at) * add),
      );
      for (const { time, value } of points) values.set(time, value as number);
      await commit(opened, ...points);
    };
    const check = async (bucket: string, timeZone: string): Promise<void> => {
      const names = ['count', 'sum', 'min', 'max', 'first', 'last'] as const;
      const [found] =
        (await opened.store.telemetry.aggregate({
          ...{ from: ever.from, to: ever.to, bucket, timeZone, names, maxBuckets: 1000 },
          series: [{ deviceId: 'pi-1', key: 't', group: 0 }],
        })) ?? [];
      const bucketing = createBucketing(parseBucket(bucket), timeZone);
      const expected = new Map<number, number[]>();
      for (const [time, value] of [...values].sort(([a], [b]) => a - b)) {
        const own = expected.get(bucketing.bucketStart(time)) ?? [];
        expected.set(bucketing.bucketStart(time), [...own, value]);
      }
      assert.deepEqual([...(found?.starts ?? [])], [...expected.keys()]);
      for (const [at, own] of [...expected.values()].entries()) {
        const sum = own.reduce((total, value) => total + value, 0);
        assert.deepEqual(
          found?.columns.map((column) => column[at]),
          [own.length, sum, Math.min(...own), Math.max(...own), own[0], own.at(-1)],
        );
      }
    };
    const checkAll = async (): Promise<void> => {
      await check('1h', 'UTC');
      await check('6h', 'Europe/Berlin');
      await check('1d', 'Asia/Kolkata');
      await check('1d', 'UTC');
    };
    await put(0, 9000, 1);
    await settle?.(opened.store);
    await checkAll();
    await put(1000, 700, 3);
    await put(12_000, 700, 1);
    await checkAll();
    await settle?.(opened.store);
    await checkAll();
  });
}

function groupTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const second = 1_000_000;

  suite.test('sums up the series of a group as one, whatever is settled', async (opened) => {
    const devices = Array.from({ length: 30 }, (_, at) => `pi-${at}`);
    const reading = (device: number, step: number) => ((device * 7 + step * 3) % 11) + device / 64;
    for (let step = 0; step < 12; step++) {
      await commit(
        opened,
        ...devices.map((deviceId, at) => point(step * second + at, reading(at, step), { deviceId })),
      );
      if (step % 5 === 4) await settle?.(opened.store);
    }
    const names = ['count', 'sum', 'stddev', 'first', 'last', 'max'] as const;
    const from = start + 2 * second;
    const to = start + 11 * second;
    const stranger = { deviceId: 'stranger', key: 't', group: 2 };
    const series = [...devices.map((deviceId, at) => ({ deviceId, key: 't', group: at % 2 })), stranger];
    const query = { series, from, to, bucket: '10s', timeZone: 'UTC', names, maxBuckets: 10 };
    const found = await opened.store.telemetry.aggregate(query);
    assert.equal(found?.length, 3);
    assert.deepEqual([...(found?.[2]?.starts ?? [0])], []);
    for (const group of [0, 1]) {
      const answer: AggregateAnswer | undefined = found?.[group];
      assert.deepEqual([...(answer?.starts ?? [])], [start, start + 10 * second]);
      const own = (steps: readonly number[]) =>
        steps.flatMap((step) => devices.flatMap((_, at) => (at % 2 === group ? [reading(at, step)] : [])));
      for (const [place, steps] of [[2, 3, 4, 5, 6, 7, 8, 9], [10]].entries()) {
        const values = own(steps);
        const sum = values.reduce((total, value) => total + value, 0);
        const mean = sum / values.length;
        const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
        const shown: number[] = answer?.columns.map((column) => column[place] as number) ?? [];
        assert.deepEqual([shown[0], shown[3]], [values.length, values[0]]);
        assert.deepEqual([shown[4], shown[5]], [values.at(-1), Math.max(...values)]);
        assert.ok(Math.abs((shown[1] as number) - sum) < 1e-9);
        assert.ok(Math.abs((shown[2] as number) - Math.sqrt(squares / (values.length - 1))) < 1e-9);
      }
    }
    await assert.rejects(opened.store.telemetry.aggregate({ ...query, maxBuckets: 3 }), {
      code: 'invalid_parameter',
    });
  });
}

function chartTests(suite: StoreSuite): void {
  const { settle } = suite.options;
  const series = { deviceId: 'pi-1', key: 't' };

  suite.test('chooses the points of a chart and loses no spike', async (opened) => {
    const points = Array.from({ length: 500 }, (_, step) => point(step, step === 333 ? 1000 : step % 10));
    await commit(opened, ...points, point(500, 'text'));
    await settle?.(opened.store);
    const query = { series, from: start, to: start + 501, points: 20 };
    for (const method of ['min_max', 'largest_triangle'] as const) {
      const found = plainPoints(await opened.store.telemetry.downsample({ ...query, method }));
      assert.ok(found.length > 5 && found.length <= 20);
      assert.deepEqual(
        [found[0], found.at(-1)],
        [
          [start, 0],
          [start + 499, 9],
        ],
      );
      assert.ok(found.some(([, value]) => value === 1000));
    }
  });
}

function listTests(suite: StoreSuite): void {
  suite.test('lists series by device, metric, tags and search, page by page', async (opened) => {
    const keys = ['Temp', 'Temp,a=1', 'Temp,a=1,b=2', 'u'];
    for (const deviceId of ['pi-2', 'pi-1'])
      await commit(opened, ...keys.map((key) => point(0, 1, { deviceId, key })));
    const list = async (query: Omit<SeriesQuery, 'limit'>) => {
      const found: string[] = [];
      for (let after: number | undefined; ; ) {
        const page = await opened.store.telemetry.series({ ...query, limit: 3, after });
        found.push(...page.items.map(({ name }) => `${name.deviceId} ${name.key}`));
        if (page.next === null) return found;
        after = page.next;
      }
    };
    assert.equal((await list({})).length, 8);
    assert.deepEqual(
      await list({ deviceIds: ['pi-1', 'nobody', 'pi-1'] }),
      keys.map((key) => `pi-1 ${key}`),
    );
    assert.deepEqual(
      await list({ deviceIds: ['pi-1'], metrics: ['Temp'] }),
      keys.slice(0, 3).map((key) => `pi-1 ${key}`),
    );
    assert.deepEqual(await list({ deviceIds: ['pi-2'], tags: { a: '1' } }), [
      'pi-2 Temp,a=1',
      'pi-2 Temp,a=1,b=2',
    ]);
    assert.deepEqual(await list({ search: 'TEM', tags: { b: '2' } }), [
      'pi-2 Temp,a=1,b=2',
      'pi-1 Temp,a=1,b=2',
    ]);
    assert.deepEqual(await list({ devicePrefix: 'pi-1', metrics: ['u', 'Temp'], tags: {} }), [
      ...keys.map((key) => `pi-1 ${key}`),
    ]);
    assert.equal((await list({ devicePrefix: 'pi-' })).length, 8);
    assert.deepEqual(await list({ devicePrefix: 'i-' }), []);
    assert.deepEqual(await list({ metrics: [] }), []);
  });
}

function settleTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test(
    'answers the same after it has settled what it holds, and after it was opened again',
    async (opened) => {
      for (let round = 0; round < 4; round++) {
        const steps = Array.from({ length: 50 }, (_, at) => (at * 7 + round * 13) % 90);
        await commit(
          opened,
          ...steps.map((step) =>
            point(step, step % 9 === 0 ? `text ${round}` : step + round / 10, { key: step % 2 ? 't' : 'u' }),
          ),
        );
        const before = await readTelemetry(opened.store);
        await settle?.(opened.store);
        assert.deepEqual(await readTelemetry(opened.store), before);
        if (!suite.options.supports.durable) continue;
        await opened.reopen();
        assert.deepEqual(await readTelemetry(opened.store), before);
      }
    },
  );
}
