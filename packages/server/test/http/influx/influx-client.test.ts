import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  HttpError,
  InfluxDB,
  Point,
  setLogger,
  type WriteOptions,
  type WritePrecisionType,
} from '@influxdata/influxdb-client';
import { get, type Reply, send, start } from '../harness.ts';
import { startOn } from '../store-harness.ts';

setLogger({ error: () => undefined, warn: () => undefined });

const now = Date.UTC(2026, 10, 20, 8, 30);
const server = await start({}, { clock: { now: () => now, monotonic: () => performance.now() } });
const influx = new InfluxDB({ url: server.url, token: 'any', timeout: 5000 });

/** Writes as a program does that knows nothing of PiSync. @returns the error that the client tells, undefined where it tells none */
async function write(
  points: readonly Point[],
  precision: WritePrecisionType = 'ns',
  options: Partial<WriteOptions> = {},
): Promise<HttpError | undefined> {
  const api = influx.getWriteApi('any', 'any', precision, { maxRetries: 0, flushInterval: 0, ...options });
  let failure: HttpError | undefined;
  api.writePoints([...points]);
  try {
    await api.close();
  } catch (error) {
    assert.ok(error instanceof HttpError, String(error));
    failure = error;
  }
  return failure;
}

async function pointsOf(deviceId: string, metric: string): Promise<[string, unknown][]> {
  const reply = await get(server, `/api/telemetry/range?device_id=${deviceId}&metric=${metric}`);
  assert.equal(reply.status, 200, reply.text);
  return reply.body.points.map((point: { timestamp: string; value: unknown }) => [
    point.timestamp,
    point.value,
  ]);
}

describe('the client library of InfluxDB, unchanged', () => {
  test('writes values of all kinds, with tags and names that need escapes', async () => {
    const point = new Point('weather, at home')
      .tag('host', 'ic-1')
      .tag('room name', 'a=b, c\\d')
      .floatField('temp', -0.125)
      .intField('count', 9_007_199_254_740_991)
      .uintField('size', 7)
      .booleanField('fan', true)
      .stringField('note', 'said "no", \\ and\nleft')
      .timestamp(new Date(now - 1000));
    assert.equal(await write([point]), undefined);
    const list = await get(server, '/api/telemetry/series?device_id=ic-1');
    const latest = list.body.items.map(
      (one: { metric: string; tags: object; latest: { value: unknown } }) => [
        one.metric.replace('weather, at home.', ''),
        one.latest.value,
      ],
    );
    assert.deepEqual(Object.fromEntries(latest), {
      temp: -0.125,
      count: 9_007_199_254_740_991,
      size: 7,
      fan: true,
      note: 'said "no", \\ and\nleft',
    });
    assert.deepEqual(list.body.items[0].tags, { 'room name': 'a=b, c\\d' });
  });

  for (const precision of ['ns', 'us', 'ms', 's'] as const) {
    test(`means the same time in ${precision}`, async () => {
      const at = new Date(now - 60_000);
      const point = new Point('m').tag('device_id', `ic-${precision}`).floatField('value', 1).timestamp(at);
      assert.equal(await write([point], precision), undefined);
      assert.deepEqual(await pointsOf(`ic-${precision}`, 'm'), [['2026-11-20T08:29:00.000Z', 1]]);
    });
  }

  test('gives points its own time where they have none', async () => {
    // The client reads its own clock, which is not the server's of this test: any time is taken.
    const point = new Point('m').tag('device', 'ic-2').floatField('value', 1);
    assert.equal(await write([point], 'ms'), undefined);
    assert.equal((await pointsOf('ic-2', 'm')).length, 1);
  });

  test('sends many points, packed', async () => {
    const points = Array.from({ length: 5000 }, (_, at) =>
      new Point('m')
        .tag('host', 'ic-3')
        .intField('value', at)
        .timestamp(new Date(now - at * 1000)),
    );
    const encodings: unknown[] = [];
    const note = (message: unknown): void => {
      const { request } = message as { request: ClientRequest };
      encodings.push(request.getHeader('content-encoding'));
    };
    subscribe('http.client.request.start', note);
    assert.equal(await write(points, 'ms', { gzipThreshold: 100, batchSize: 2000 }), undefined);
    unsubscribe('http.client.request.start', note);
    assert.deepEqual(encodings, ['gzip', 'gzip', 'gzip']);
    // The client's close waits for the last batch only; those before may still be on their way.
    const counted = async (): Promise<number> => {
      const path = '/api/telemetry/aggregate?device_id=ic-3&metric=m&bucket=1d&functions=count';
      const buckets = (await get(server, path)).body.buckets as readonly { count: number }[] | undefined;
      return buckets?.reduce((sum, { count }) => sum + count, 0) ?? 0;
    };
    for (let left = 100; left > 0 && (await counted()) < 5000; left -= 1) await setTimeout(20);
    assert.equal(await counted(), 5000);
  });

  test('takes the options of a cluster', async () => {
    const point = new Point('m').tag('host', 'ic-4').intField('value', 1).timestamp(new Date(now));
    assert.equal(await write([point], 'ms', { consistency: 'one', defaultTags: { site: 'a' } }), undefined);
    const list = await get(server, '/api/telemetry/series?device_id=ic-4');
    assert.deepEqual(list.body.items[0].tags, { site: 'a' });
  });

  test('reads which line was rejected, and does not send it again', async () => {
    const good = new Point('m').tag('host', 'ic-5').intField('value', 1).timestamp(new Date(now));
    const homeless = new Point('m').intField('value', 2).timestamp(new Date(now));
    const failure = await write([good, homeless], 'ms', { maxRetries: 3 });
    assert.equal(failure?.statusCode, 400);
    assert.equal(failure.code, 'invalid');
    assert.equal(failure.canRetry(), false);
    assert.match(failure.message, /partial write: unable to parse "m value=2i/);
    assert.deepEqual(await pointsOf('ic-5', 'm'), [['2026-11-20T08:30:00.000Z', 1]]);
    const kept = await get(server, '/api/quarantine?limit=1');
    assert.equal(kept.body.items[0].raw, `m value=2i ${now}`);
    assert.equal(kept.body.items[0].count, 1);
  });

  test('asks whether the server is there and well', async () => {
    const { transport } = influx;
    let version: unknown;
    await transport.request('/ping', '', { method: 'GET' }, (headers, status) => {
      version = headers['x-influxdb-version'];
      assert.equal(status, 204);
    });
    assert.match(String(version), /^1\.8\.\d+$/);
    const health = await transport.request('/health', '', { method: 'GET' });
    assert.deepEqual([health.status, health.message, health.checks], ['pass', 'ready for writes', []]);
  });
});

describe('what clients of InfluxDB ask at their start', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const ask = (q: string): Promise<Reply> => get(server, `/query?${new URLSearchParams({ q })}`);
  const tell = (q: string): Promise<Reply> =>
    send(server, 'POST', '/query', new URLSearchParams({ q }).toString(), form);

  test('ping has the version and no body, by GET and by HEAD', async () => {
    for (const method of ['GET', 'HEAD']) {
      const reply = await fetch(`${server.url}/ping`, { method });
      assert.equal(reply.status, 204);
      assert.equal(reply.headers.get('x-influxdb-version'), '1.8.10');
      assert.equal(await reply.text(), '');
    }
    const verbose = await get(server, '/ping?verbose=true&wait_for_leader=1s');
    assert.deepEqual([verbose.status, verbose.body], [200, { version: '1.8.10' }]);
  });

  test('a database is there as soon as it is created, whatever its name', async () => {
    for (const q of [
      'CREATE DATABASE "telegraf"',
      'create database telegraf_2 ;',
      String.raw`CREATE DATABASE "a \" ; b"`,
      'CREATE DATABASE x WITH DURATION 3d REPLICATION 1 SHARD DURATION 1h NAME "y"',
    ]) {
      const reply = await tell(q);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.text, '{"results":[{"statement_id":0}]}');
      assert.equal(reply.headers.get('x-influxdb-version'), '1.8.10');
    }
    const inUrl = await send(server, 'POST', `/query?${new URLSearchParams({ q: 'CREATE DATABASE x' })}`);
    assert.equal(inUrl.status, 200, inUrl.text);
  });

  test('the databases are listed as InfluxDB lists them', async () => {
    const series = '"series":[{"name":"databases","columns":["name"],"values":[["pisync"]]}]';
    assert.equal((await ask('SHOW DATABASES')).text, `{"results":[{"statement_id":0,${series}}]}`);
    const both = await ask('CREATE DATABASE x; SHOW DATABASES;');
    assert.equal(both.text, `{"results":[{"statement_id":0},{"statement_id":1,${series}}]}`);
    const asked = await get(server, '/query?q=SHOW+DATABASES&db=x&epoch=ms&u=a&p=b&chunked=true&pretty=true');
    assert.equal(asked.status, 200);
  });

  test('any other query is refused, and the error says where to ask', async () => {
    for (const q of [
      'SELECT * FROM cpu',
      'DROP DATABASE "x"',
      'SHOW DATABASES; SELECT 1',
      'CREATE DATABASE "x',
      'SHOW DATABASES;"',
      'CREATE DATABASE',
      'CREATE DATABASE x y',
      ';',
      'q'.repeat(4097),
    ]) {
      for (const reply of [await tell(q), ...(q.length > 4096 ? [] : [await ask(q)])]) {
        assert.equal(reply.status, 400, `${q} ${reply.text}`);
        assert.equal(reply.body.code, 'invalid_parameter');
        assert.equal(reply.body.error, reply.body.detail);
        assert.match(reply.body.error, /\/api\/telemetry/);
      }
    }
    for (const reply of [await get(server, '/query'), await send(server, 'POST', '/query', '', form)]) {
      assert.equal(reply.status, 400);
      assert.equal(reply.body.error, 'missing required parameter "q"');
    }
    const json = await send(server, 'POST', '/query', '{"q":"SHOW DATABASES"}');
    assert.equal(json.status, 415);
  });

  test('health fails where the store does', async () => {
    const failing = await startOn((store) => ({
      status: () => ({ ...store.status(), state: 'recovering', notes: ['The disk is full.'] }),
    }));
    const reply = await get(failing, '/health');
    assert.deepEqual(
      [reply.status, reply.body.status, reply.body.message],
      [503, 'fail', 'The disk is full.'],
    );
    assert.ok(Number(reply.headers.get('retry-after')) >= 1);
  });
});

describe('line_device_tags', () => {
  test('choose the tags that name the device, in their order', async () => {
    const other = await start({ line_device_tags: 'unit, host' });
    const lines = 'm,host=a,unit=u-1 value=1\nm,host=h-1,device_id=d value=2\nm,device_id=d value=3';
    const reply = await send(other, 'POST', '/write', lines, { 'content-type': 'text/plain' });
    assert.equal(reply.status, 400);
    assert.match(reply.body.error, /no tag that names its device; add unit or host \(line 3\); 1 of 3 lines/);
    const tags = async (id: string) =>
      (await get(other, `/api/telemetry/series?device_id=${id}`)).body.items.map(
        (one: { tags: object }) => one.tags,
      );
    assert.deepEqual(await tags('u-1'), [{ host: 'a' }]);
    assert.deepEqual(await tags('h-1'), [{ device_id: 'd' }]);
    assert.deepEqual(await tags('d'), []);
  });
});
