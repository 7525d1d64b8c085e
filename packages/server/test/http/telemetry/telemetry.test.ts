import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { assertAlive, assertProblem, get, post, type Reply, send, start } from '../harness.ts';

const now = Date.UTC(2026, 10, 20, 8, 30);
const clock = { now: () => now, monotonic: () => performance.now() };
const server = await start({ max_points: 1000, max_item_bytes: 1000, max_body_bytes: 65_536 }, { clock });

function write(body: string | Uint8Array, query = 'precision=s', headers = {}): Promise<Reply> {
  return send(server, 'POST', `/api/v2/write?${query}`, body, { 'content-type': 'text/plain', ...headers });
}

async function pointsOf(deviceId: string, metric: string, more = ''): Promise<[string, unknown][]> {
  const reply = await get(server, `/api/telemetry/range?device_id=${deviceId}&metric=${metric}${more}`);
  assert.equal(reply.status, 200, reply.text);
  return reply.body.points.map(({ timestamp, value }: { timestamp: string; value: unknown }) => [
    timestamp,
    value,
  ]);
}

const seconds = now / 1000;

describe('line protocol', () => {
  test('is stored as series of device, metric and tags, with values of each kind', async () => {
    const reply = await write(
      `weather,host=lp-1,site=a temp=23.5,fan=true,note="a b",n=3i ${seconds - 60}\n`,
    );
    assert.equal(reply.status, 204);
    assert.equal(reply.text, '');
    const list = await get(server, '/api/telemetry/series?device_id=lp-1');
    const latest = list.body.items.map((one: { metric: string; latest: { value: unknown } }) => [
      one.metric,
      one.latest.value,
    ]);
    assert.deepEqual(latest, [
      ['weather.temp', 23.5],
      ['weather.fan', true],
      ['weather.note', 'a b'],
      ['weather.n', 3],
    ]);
    assert.deepEqual(list.body.items[0].tags, { site: 'a' });
    assert.deepEqual(await pointsOf('lp-1', 'weather.temp'), [['2026-11-20T08:29:00.000Z', 23.5]]);
  });

  test('is taken by both versions of the route, in every precision, compressed or not', async () => {
    const units = { n: 1e9, us: 1e6, ms: 1e3, s: 1 };
    for (const [precision, factor] of Object.entries(units)) {
      const time = BigInt(seconds - 10) * BigInt(factor);
      const body = gzipSync(`m,device=lp-${precision} value=1 ${time}`);
      const reply = await send(server, 'POST', `/write?db=x&precision=${precision}`, body, {
        'content-encoding': 'gzip',
      });
      assert.equal(reply.status, 204);
      assert.deepEqual(await pointsOf(`lp-${precision}`, 'm'), [['2026-11-20T08:29:50.000Z', 1]]);
    }
    assertProblem(await write('m,host=x value=1', 'precision=d'), 400, 'invalid_parameter', 'precision');
  });

  test('a line without a time gets that of the receipt', async () => {
    await write('m,host=lp-2 value=1');
    assert.deepEqual(await pointsOf('lp-2', 'm'), [['2026-11-20T08:30:00.000Z', 1]]);
  });

  test('bad lines are rejected as InfluxDB reports them, kept in the quarantine, and harm no other', async () => {
    const reply = await write(
      `m,host=lp-3 value=1 ${seconds}\nnonsense\nm value=2\nm,host=lp-3 value=3 ${seconds - 1}`,
    );
    assert.equal(reply.status, 400);
    assert.match(
      reply.body.error,
      /^partial write: unable to parse "nonsense": .* \(line 2\); 2 of 4 lines rejected/,
    );
    assert.equal(reply.body.message, reply.body.error);
    assert.equal(reply.body.code, 'invalid');
    assert.deepEqual(
      (await pointsOf('lp-3', 'm')).map(([, value]) => value),
      [3, 1],
    );
    const kept = await get(server, '/api/quarantine?limit=2');
    assert.deepEqual(kept.body.items.map((item: { raw: string }) => item.raw).sort(), [
      'm value=2',
      'nonsense',
    ]);
  });

  test('more points than a request may hold are refused as a whole', async () => {
    const lines = Array.from({ length: 1001 }, (_, at) => `m,host=lp-4 value=${at} ${seconds - at}`);
    assertProblem(await write(lines.join('\n')), 413, 'too_many_items');
    assert.equal((await get(server, '/api/telemetry/series?device_id=lp-4')).body.items.length, 0);
    await assertAlive(server);
  });
});

describe('POST /api/telemetry', () => {
  test('takes objects and columns, and keeps microseconds', async () => {
    const reply = await post(server, '/api/telemetry', [
      { device_id: 'js-1', metric: 't', value: -0.1, timestamp: '2026-11-20T08:00:00.000250Z' },
      {
        deviceId: 'js-1',
        metrics: { u: { timestamps: [now - 1000, now], values: [1, 'off'], tags: { a: 'b' } } },
      },
    ]);
    assert.deepEqual(
      [reply.status, reply.body.points, reply.body.stored, reply.body.results],
      [200, 3, 2, []],
    );
    assert.deepEqual(await pointsOf('js-1', 't'), [['2026-11-20T08:00:00.000250Z', -0.1]]);
    assert.deepEqual(await pointsOf('js-1', 'u', '&tags=a=b'), [
      ['2026-11-20T08:29:59.000Z', 1],
      ['2026-11-20T08:30:00.000Z', 'off'],
    ]);
  });

  test('one bad item is rejected by name, its neighbours are stored', async () => {
    const item = (value: unknown) => ({ device_id: 'js-2', metric: 't', value, timestamp: now });
    const reply = await post(server, '/api/telemetry', [item(1), item(null), { ...item(2), metric: 'u' }]);
    assert.deepEqual([reply.status, reply.body.points, reply.body.rejected], [200, 2, 1]);
    const [bad] = reply.body.results;
    assert.deepEqual([bad.index, bad.result, bad.field, bad.device_id], [1, 'rejected', 'value', 'js-2']);
    assert.deepEqual(await pointsOf('js-2', 't'), [['2026-11-20T08:30:00.000Z', 1]]);
  });

  test('the same again changes nothing, another value replaces the first', async () => {
    const item = { device_id: 'js-3', metric: 't', value: 1, timestamp: now };
    for (const value of [1, 1, 2, 2]) await post(server, '/api/telemetry', { ...item, value });
    assert.deepEqual(await pointsOf('js-3', 't'), [['2026-11-20T08:30:00.000Z', 2]]);
  });

  test('what came before a break is stored, and the reply says where it broke', async () => {
    const whole = JSON.stringify(
      [0, 1, 2].map((value) => ({ device_id: 'js-4', metric: `m${value}`, value })),
    );
    const reply = await send(server, 'POST', '/api/telemetry', whole.slice(0, -5));
    assertProblem(reply, 400, 'invalid_json');
    assert.deepEqual([reply.body.stored, reply.body.rejected], [2, 1]);
    assert.equal((await get(server, '/api/telemetry/series?device_id=js-4')).body.items.length, 2);
  });

  test('more points than a request may hold are refused as a whole', async () => {
    const values = Array.from({ length: 1001 }, (_, at) => at);
    const columns = {
      device_id: 'js-5',
      metrics: { t: { timestamps: values.map((at) => now - at), values } },
    };
    assertProblem(await post(server, '/api/telemetry', columns), 413, 'too_many_items');
    assert.equal((await get(server, '/api/telemetry/series?device_id=js-5')).body.items.length, 0);
  });
});

describe('the clock of a device that is wrong', () => {
  test('two minutes ahead stays, beyond it the newest point counts as just taken', async () => {
    await write(`m,host=clock-1 value=1 ${seconds + 100}`);
    assert.deepEqual(await pointsOf('clock-1', 'm'), [['2026-11-20T08:31:40.000Z', 1]]);
    await write(
      [900, 910, 930].map((ahead, at) => `m,host=clock-2 value=${at} ${seconds + ahead}`).join('\n'),
    );
    assert.deepEqual(await pointsOf('clock-2', 'm'), [
      ['2026-11-20T08:29:30.000Z', 0],
      ['2026-11-20T08:29:40.000Z', 1],
      ['2026-11-20T08:30:00.000Z', 2],
    ]);
  });

  test('a device that begins in 1970 keeps its distances, and its neighbour its times', async () => {
    await write(
      `m,host=clock-3 value=1 60\nm,host=clock-4 value=9 ${seconds - 5}\nm,host=clock-3 value=2 90`,
    );
    assert.deepEqual(await pointsOf('clock-3', 'm'), [
      ['2026-11-20T08:29:30.000Z', 1],
      ['2026-11-20T08:30:00.000Z', 2],
    ]);
    assert.deepEqual(await pointsOf('clock-4', 'm'), [['2026-11-20T08:29:55.000Z', 9]]);
  });
});

describe('reading', () => {
  test('ranges are paged and bounded, in JSON, NDJSON and CSV', async () => {
    const lines = [0, 1, 2, 3, 4].map((at) => `m,host=read-1 value=${at} ${seconds - 10 + at}`);
    await write(lines.join('\n'));
    const path = '/api/telemetry/range?device_id=read-1&metric=m';
    const bounded = `&from=${now - 9000}&to=${now - 6000}`;
    assert.deepEqual(
      (await pointsOf('read-1', 'm', bounded)).map(([, value]) => value),
      [1, 2, 3],
    );
    const seen: unknown[] = [];
    for (let cursor = ''; ; ) {
      const page = await get(server, `${path}&limit=2${cursor}`);
      seen.push(...page.body.points.map((point: { value: unknown }) => point.value));
      if (page.body.next_cursor === null) break;
      cursor = `&cursor=${page.body.next_cursor}`;
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
    const csv = await get(server, `${path}&format=csv&limit=1`);
    assert.equal(csv.text, 'timestamp,value\n2026-11-20T08:29:50.000Z,0\n');
    assert.notEqual(csv.headers.get('x-next-cursor'), null);
    const ndjson = await get(server, `${path}&format=ndjson&limit=1`);
    assert.equal(ndjson.text, '{"timestamp":"2026-11-20T08:29:50.000Z","value":0}\n');
  });

  test('text never becomes a formula in CSV', async () => {
    await write(`m,host=read-2 value="=1+1 \\"x\\"" ${seconds}`);
    const reply = await get(server, '/api/telemetry/range?device_id=read-2&metric=m&format=csv');
    assert.equal(reply.text, `timestamp,value\n2026-11-20T08:30:00.000Z,"'=1+1 ""x"""\n`);
  });

  test('the catalogue is filtered by device, metric, tags and search, and paged', async () => {
    await write(
      ['a', 'b'].map((room) => `air,host=read-3,room=${room} co2=400,Temp=20 ${seconds}`).join('\n'),
    );
    const list = async (query: string) =>
      (await get(server, `/api/telemetry/series?device_id=read-3${query}`)).body.items.map(
        (one: { metric: string; tags: { room: string } }) => `${one.metric} ${one.tags.room}`,
      );
    assert.deepEqual(await list('&search=TEMP'), ['air.Temp a', 'air.Temp b']);
    assert.deepEqual(await list('&tags=room=b'), ['air.co2 b', 'air.Temp b']);
    assert.deepEqual(await list('&metric=air.co2&tags=room=a'), ['air.co2 a']);
    const first = await get(server, '/api/telemetry/series?device_id=read-3&limit=3');
    assert.equal(first.body.items.length, 3);
    assert.deepEqual(await list(`&limit=3&cursor=${first.body.next_cursor}`), ['air.Temp b']);
    assertProblem(
      await get(server, `/api/telemetry/series?device_id=other&cursor=${first.body.next_cursor}`),
      400,
      'invalid_cursor',
    );
  });

  test('what is not one series is told apart', async () => {
    assertProblem(await get(server, '/api/telemetry/range?device_id=nobody&metric=m'), 404, 'series_unknown');
    assertProblem(await get(server, '/api/telemetry/range?metric=m'), 400, 'invalid_parameter', 'device_id');
    const several = await get(server, '/api/telemetry/range?device_id=read-3&metric=air.co2');
    assertProblem(several, 400, 'invalid_parameter', 'tags');
    assert.match(several.body.detail, /air\.co2,room=a or air\.co2,room=b/);
  });

  test('buckets hold what was asked for, in a time zone, filled or not', async () => {
    const times = [0, 30, 60, 60 * 26].map((minutes) => now - 30 * 3_600_000 + minutes * 60_000);
    const columns = { timestamps: times, values: [1, 3, 5, 9] };
    await post(server, '/api/telemetry', { device_id: 'read-4', metrics: { t: columns } });
    const path = '/api/telemetry/aggregate?device_id=read-4&metric=t';
    const days = await get(server, `${path}&bucket=1d&time_zone=Europe/Berlin&functions=count,sum,stddev`);
    assert.equal(days.status, 200, days.text);
    assert.deepEqual(days.body.buckets, [
      { timestamp: '2026-11-18T23:00:00.000Z', count: 3, sum: 9, stddev: 2 },
      { timestamp: '2026-11-19T23:00:00.000Z', count: 1, sum: 9, stddev: null },
    ]);
    const hours = await get(server, `${path}&bucket=1h&functions=count,last&fill=previous`);
    assert.equal(hours.body.buckets.length, 27);
    assert.deepEqual(hours.body.buckets[2], { timestamp: '2026-11-19T04:00:00.000Z', count: 0, last: 5 });
    assertProblem(await get(server, `${path}&bucket=7m`), 400, 'invalid_parameter', 'bucket');
    assertProblem(await get(server, `${path}&time_zone=Mars/Base`), 400, 'invalid_parameter', 'time_zone');
    assertProblem(await get(server, `${path}&functions=mean`), 400, 'invalid_parameter', 'functions');
    assertProblem(await get(server, `${path}&bucket=1s&fill=null`), 400, 'invalid_parameter');
  });

  test('a chart has as many points as were asked for, and the spike among them', async () => {
    const lines = Array.from(
      { length: 500 },
      (_, at) => `m,host=read-5 value=${at === 321 ? 99 : at % 7} ${seconds - 500 + at}`,
    );
    await write(lines.join('\n'));
    const reply = await get(server, '/api/telemetry/downsample?device_id=read-5&metric=m&points=30');
    assert.equal(reply.status, 200, reply.text);
    assert.ok(reply.body.points.length <= 30);
    assert.ok(reply.body.points.some((one: { value: number }) => one.value === 99));
  });
});
