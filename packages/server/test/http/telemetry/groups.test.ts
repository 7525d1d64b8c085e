import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import { assertProblem, get, post, type Reply, send, start } from '../harness.ts';

const now = Date.UTC(2026, 10, 20, 8, 30);
const minute = 60_000;
const clock = { now: () => now, monotonic: () => performance.now() };
const server = await start({ max_points: 200_000, max_body_bytes: 8 * 2 ** 20 }, { clock });

async function store(
  deviceId: string,
  metric: string,
  values: readonly (number | string | boolean)[],
  tags = {},
): Promise<void> {
  const timestamps = values.map((_, at) => now + (at - values.length) * minute);
  const item = { device_id: deviceId, metrics: { [metric]: { timestamps, values, tags } } };
  const reply = await post(server, '/api/telemetry', item);
  assert.equal(reply.body.rejected, 0, reply.text);
}

async function arrow(path: string) {
  const response = await fetch(server.url + path);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/vnd.apache.arrow.stream');
  return tableFromIPC(new Uint8Array(await response.arrayBuffer()));
}

describe('newest points', () => {
  const shown = (reply: Reply): string[] => {
    assert.equal(reply.status, 200, reply.text);
    return reply.body.items.map(
      (item: { device_id: string; metric: string; value: unknown }) =>
        `${item.device_id} ${item.metric} ${item.value}`,
    );
  };

  test('are those of a device, of several, and of a group by tags or by the beginning of ids', async () => {
    await store('la-1', 't', [1, 2], { site: 'a' });
    await store('la-1', 'h', [40], {});
    await store('la-2', 't', [3, 'off'], { site: 'b', room: '1' });
    await store('lb-1', 't', [true], { site: 'a' });
    const list = async (query: string) => shown(await get(server, `/api/telemetry/latest?${query}`));
    assert.deepEqual(await list('device_id=la-1'), ['la-1 t 2', 'la-1 h 40']);
    assert.deepEqual(await list('device_id=lb-1,la-2,nobody'), ['la-2 t off', 'lb-1 t true']);
    assert.deepEqual(await list('device_prefix=la-'), ['la-1 t 2', 'la-1 h 40', 'la-2 t off']);
    assert.deepEqual(await list('tags=site=a'), ['la-1 t 2', 'lb-1 t true']);
    assert.deepEqual(await list('device_prefix=la-&metric=h,x'), ['la-1 h 40']);
    assert.deepEqual(await list('device_id=nobody'), []);
    const first = await get(server, '/api/telemetry/latest?device_id=la-1');
    assert.deepEqual(first.body.items[0], {
      device_id: 'la-1',
      metric: 't',
      tags: { site: 'a' },
      timestamp: '2026-11-20T08:29:00.000Z',
      value: 2,
    });
  });

  test('are asked for by a body where a list is long, and come by pages', async () => {
    for (let at = 0; at < 3; at++) await store(`lp-${at}`, 't', [at]);
    const ids = Array.from({ length: 1000 }, (_, at) => `lp-${at}`);
    const first = await post(server, '/api/telemetry/latest', { device_ids: ids, metrics: ['t'], limit: 2 });
    assert.deepEqual(shown(first), ['lp-0 t 0', 'lp-1 t 1']);
    const body = { device_ids: ids, metrics: ['t'], limit: 2, cursor: first.body.next_cursor };
    const second = await post(server, '/api/telemetry/latest', body);
    assert.deepEqual(shown(second), ['lp-2 t 2']);
    assert.equal(second.body.next_cursor, null);
    const { device_ids: _, ...other } = body;
    assertProblem(await post(server, '/api/telemetry/latest', other), 400, 'invalid_cursor', 'cursor');
  });

  test('are refused for what cannot be meant, by the name of the member', async () => {
    const ask = (body: unknown) => post(server, '/api/telemetry/latest', body);
    const ids = Array.from({ length: 1001 }, (_, at) => `pi-${at}`);
    assertProblem(await ask({ device_ids: ids }), 400, 'invalid_parameter', 'device_ids');
    assertProblem(await ask({ device_ids: 'pi-1' }), 400, 'invalid_parameter', 'device_ids');
    assertProblem(await ask({ device_ids: [' '] }), 400, 'invalid_parameter', 'device_ids');
    assertProblem(await ask({ metrics: [''] }), 400, 'invalid_parameter', 'metrics');
    assertProblem(await ask({ tags: { a: 1 } }), 400, 'invalid_parameter', 'tags');
    assertProblem(await ask({ limit: 10_001 }), 400, 'invalid_parameter', 'limit');
    const unknown = await ask({ device_id: ['pi-1'] });
    assertProblem(unknown, 400, 'invalid_parameter', 'device_id');
    assert.match(unknown.body.detail, /device_ids/);
    assertProblem(await ask([]), 400, 'invalid_parameter');
    assertProblem(await send(server, 'POST', '/api/telemetry/latest', '{'), 400, 'invalid_json');
    const query = `/api/telemetry/latest?metric=${'m,'.repeat(101)}m`;
    assertProblem(await get(server, query), 400, 'invalid_parameter', 'metric');
  });
});

describe('buckets of several series', () => {
  const path = '/api/telemetry/aggregate?metric=g&bucket=1h&functions=count,sum,last';

  test('are one, or one for each device or value of a tag', async () => {
    await store('ga-1', 'g', [1, 2], { site: 'a' });
    await store('ga-2', 'g', [3, 'x', 4], { site: 'a' });
    await store('gb-1', 'g', [5], {});
    const all = await get(server, path);
    assert.deepEqual(all.body, {
      metric: 'g',
      series: 3,
      bucket: '1h',
      time_zone: 'UTC',
      buckets: [{ timestamp: '2026-11-20T08:00:00.000Z', count: 5, sum: 15, last: 5 }],
    });
    const groups = async (query: string) => {
      const reply = await get(server, path + query);
      assert.equal(reply.status, 200, reply.text);
      return reply.body.groups.map((group: { group: string; series: number; buckets: { sum: number }[] }) => [
        group.group,
        group.series,
        ...group.buckets.map(({ sum }) => sum),
      ]);
    };
    assert.deepEqual(await groups('&group_by=device'), [
      ['ga-1', 1, 3],
      ['ga-2', 1, 7],
      ['gb-1', 1, 5],
    ]);
    assert.deepEqual(await groups('&group_by=tag:site'), [
      ['a', 2, 10],
      [null, 1, 5],
    ]);
    assert.deepEqual(await groups('&group_by=device&tags=site=a&device_prefix=ga-'), [
      ['ga-1', 1, 3],
      ['ga-2', 1, 7],
    ]);
    assert.deepEqual(await groups('&group_by=tag:site&device_id=gb-1,ga-1'), [
      ['a', 1, 3],
      [null, 1, 5],
    ]);
    const one = await get(server, `${path}&device_id=ga-1`);
    assert.deepEqual([one.body.device_id, one.body.tags, one.body.series], ['ga-1', { site: 'a' }, 1]);
  });

  test('of all groups lie on one grid where they are filled', async () => {
    await store('gf-1', 'f', [1]);
    const early = { device_id: 'gf-2', metric: 'f', value: 9, timestamp: now - 180 * minute };
    await post(server, '/api/telemetry', early);
    const reply = await get(
      server,
      '/api/telemetry/aggregate?metric=f&bucket=1h&functions=count,avg&fill=null&group_by=device',
    );
    assert.deepEqual(
      reply.body.groups.map((group: { buckets: { count: number; avg: number | null }[] }) =>
        group.buckets.map(({ count, avg }) => [count, avg]),
      ),
      [
        [
          [0, null],
          [0, null],
          [0, null],
          [1, 1],
        ],
        [
          [1, 9],
          [0, null],
          [0, null],
          [0, null],
        ],
      ],
    );
  });

  test('are refused for more than a thousand series, too many buckets, and unknown groups', async () => {
    const items = Array.from({ length: 1001 }, (_, at) => ({
      device_id: `many-${at}`,
      metric: 'many',
      value: at,
      timestamp: now - at * 1000,
    }));
    const sent = await post(server, '/api/telemetry', items);
    assert.equal(sent.body.rejected, 0, sent.text);
    const many = await get(server, '/api/telemetry/aggregate?metric=many');
    assertProblem(many, 400, 'invalid_parameter', 'device_id');
    assert.match(many.body.detail, /1000 series/);
    const wide = await get(
      server,
      '/api/telemetry/aggregate?metric=many&device_prefix=many-1&group_by=device&bucket=1s&fill=null',
    );
    assertProblem(wide, 400, 'invalid_parameter', 'bucket');
    const some = await get(server, '/api/telemetry/aggregate?metric=many&device_prefix=many-10&bucket=1d');
    assert.equal(some.body.buckets[0].count, 12);
    assertProblem(await get(server, `${path}&group_by=tag:`), 400, 'invalid_parameter', 'group_by');
    assertProblem(await get(server, `${path}&group_by=metric`), 400, 'invalid_parameter', 'group_by');
    assertProblem(await get(server, `${path}&device_id=nobody`), 404, 'series_unknown');
  });

  test('come as an Arrow stream, too', async () => {
    await store('gc-1', 'c', [1, 3], { site: 'a' });
    await store('gc-2', 'c', [8]);
    const table = await arrow(
      '/api/telemetry/aggregate?metric=c&bucket=1h&functions=count,avg,stddev&group_by=tag:site&format=arrow',
    );
    assert.deepEqual(
      table.toArray().map((row) => ({ ...row.toJSON(), timestamp: undefined })),
      [
        { group: 'a', timestamp: undefined, count: 2n, avg: 2, stddev: Math.SQRT2 },
        { group: null, timestamp: undefined, count: 1n, avg: 8, stddev: null },
      ],
    );
    assert.equal(Number(table.getChild('timestamp')?.get(0)), Date.UTC(2026, 10, 20, 8));
    const whole = await arrow('/api/telemetry/aggregate?metric=c&bucket=1h&format=arrow');
    assert.deepEqual(whole.schema.names, ['timestamp', 'count', 'avg', 'min', 'max']);
  });
});

describe('a series without tags', () => {
  test('is told from others of its metric by giving none', async () => {
    await store('un-1', 't', [1], { site: 'a' });
    const path = '/api/telemetry/range?device_id=un-1&metric=t';
    assert.deepEqual((await get(server, path)).body.tags, { site: 'a' });
    await store('un-1', 't', [2], { site: 'b' });
    assertProblem(await get(server, path), 400, 'invalid_parameter', 'tags');
    await store('un-1', 't', [3]);
    const { tags, points } = (await get(server, path)).body;
    assert.deepEqual([tags, points[0].value], [{}, 3]);
  });
});

describe('a range as an Arrow stream', () => {
  test('holds the whole stretch, and tells device, metric and tags', async () => {
    const values = Array.from({ length: 100_000 }, (_, at) => at / 4);
    const timestamps = values.map((_, at) => now - 100_000 + at);
    const tags = { site: 'a' };
    await post(server, '/api/telemetry', {
      device_id: 'ar-1',
      metrics: { t: { timestamps, values, tags } },
    });
    const table = await arrow('/api/telemetry/range?device_id=ar-1&metric=t&format=arrow');
    assert.equal(table.numRows, 100_000);
    assert.equal(table.getChild('value')?.get(99_999), 99_999 / 4);
    assert.equal(Number(table.getChild('timestamp')?.get(99_999)), now - 1);
    assert.deepEqual(Object.fromEntries(table.schema.metadata), {
      device_id: 'ar-1',
      metric: 't',
      tags: '{"site":"a"}',
    });
    const part = await arrow(
      `/api/telemetry/range?device_id=ar-1&metric=t&from=${now - 50}&to=${now - 20}&format=arrow`,
    );
    assert.equal(part.numRows, 30);
  });

  test('has a column for each kind that the series ever had', async () => {
    await store('ar-2', 't', [1, true, 'x']);
    const path = '/api/telemetry/range?device_id=ar-2&metric=t&format=arrow';
    const rows = (await arrow(path)).toArray().map((row) => ({ ...row.toJSON(), timestamp: 0 }));
    assert.deepEqual(rows, [
      { timestamp: 0, number: 1, boolean: null, text: null },
      { timestamp: 0, number: null, boolean: true, text: null },
      { timestamp: 0, number: null, boolean: null, text: 'x' },
    ]);
  });

  test('has no pages, and is a problem document where it cannot begin', async () => {
    const path = '/api/telemetry/range?metric=t&format=arrow';
    assertProblem(await get(server, `${path}&device_id=nobody`), 404, 'series_unknown');
    assertProblem(await get(server, `${path}&device_id=ar-2&limit=5`), 400, 'invalid_parameter', 'limit');
    assertProblem(await get(server, `${path}&device_id=ar-2&cursor=x`), 400, 'invalid_parameter', 'cursor');
  });
});
