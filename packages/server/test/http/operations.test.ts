import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import { assertProblem, event, get, post, send, start, storedOf } from './harness.ts';
import { startOn } from './store-harness.ts';

const server = await start();

describe('health', () => {
  test('livez and readyz answer 200 on a healthy server', async () => {
    assert.deepEqual((await get(server, '/livez')).body, { status: 'alive' });
    assert.deepEqual((await get(server, '/readyz')).body, { status: 'ready', notes: [] });
  });

  test('readyz is 503 with the reason while the store recovers, and ingest is refused', async () => {
    const unavailable = new PisyncError('store_unavailable', { detail: 'No space left on the device.' });
    const broken = await startOn((store) => ({
      status: () => ({ ...store.status(), state: 'recovering', notes: ['No space left on the device.'] }),
      commit: () => Promise.reject(unavailable),
    }));
    const ready = await get(broken, '/readyz');
    assertProblem(ready, 503, 'store_unavailable');
    assert.deepEqual(ready.body.notes, ['No space left on the device.']);
    assert.equal((await get(broken, '/livez')).status, 200);
    for (const [path, body] of [
      ['/api/sync-event', event()],
      ['/api/sync-events', [event(), event({ total_errors: -1 })]],
      ['/api/batches', { device_id: 'pi-1', observations: [event()] }],
      ['/api/sync-event', event({ total_errors: -1 })],
    ] as const) {
      const reply = await post(broken, path, body);
      assertProblem(reply, 503, 'store_unavailable');
      assert.match(reply.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    }
  });
});

describe('metrics', () => {
  test('count items by outcome, and requests by route and status', async () => {
    const body = event({ device_id: 'metrics-device', epoch: 'a', seq: 0 });
    await post(server, '/api/sync-event', body);
    await post(server, '/api/sync-event', body);
    await post(
      server,
      '/api/sync-event',
      event({ device_id: 'metrics-device', epoch: 'a', seq: 0, total_errors: 5 }),
    );
    await post(server, '/api/sync-events', [event({ device_id: 'metrics-device', total_errors: -1 })]);
    await get(server, '/api/devices/metrics-device');
    const { text, headers } = await get(server, '/metrics');
    assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    for (const outcome of ['stored', 'duplicate', 'conflict', 'rejected']) {
      assert.match(text, new RegExp(`^pisync_items_total\\{outcome="${outcome}"\\} 1$`, 'm'));
    }
    assert.match(
      text,
      /pisync_http_request_duration_seconds_count\{route="POST \/api\/sync-event",status="201"\} 1/,
    );
    assert.match(
      text,
      /pisync_http_request_duration_seconds_bucket\{le="\+Inf",route="GET \/api\/devices\/:id",status="200"\} 1/,
    );
    assert.match(text, /^pisync_store_devices 1$/m);
    assert.match(text, /^pisync_event_loop_delay_seconds\{quantile="0\.99"\} /m);
    assert.doesNotMatch(text, /metrics-device/, 'no device id in a label');
  });

  test('every name has a unit and a help', async () => {
    const { text } = await get(server, '/metrics');
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    assert.ok(names.length >= 12);
    for (const [, name = '', type] of names) {
      assert.match(name, /^pisync_[a-z_]+$/);
      if (type === 'counter') assert.match(name, /_total$/);
      if (type === 'histogram') assert.match(name, /_seconds$/);
      assert.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'));
    }
  });

  test('say what blocked the event loop', async () => {
    const busy = await startOn((store) => ({
      fleet(...parameters) {
        const end = performance.now() + 120;
        while (performance.now() < end);
        return store.fleet(...parameters);
      },
    }));
    await sleep(60);
    await get(busy, '/api/fleet/summary');
    await sleep(100);
    const { text } = await get(busy, '/metrics');
    assert.match(text, /pisync_event_loop_blockages_total\{work="GET \/api\/fleet\/summary"\} 1/);
    const line = busy.lines.find((one) => one['msg'] === 'event loop was blocked');
    assert.equal(line?.['work'], 'GET /api/fleet/summary');
    assert.ok((line?.['duration_ms'] as number) > 50);
  });
});

describe('the log', () => {
  test('names slow queries and what they asked for', async () => {
    const slow = await startOn(
      (store) => ({
        async device(id) {
          await sleep(60);
          return store.device(id);
        },
      }),
      { slowQueryMs: 50 },
    );
    await get(slow, '/api/devices/lazy');
    const line = slow.lines.find((one) => one['msg'] === 'slow query');
    assert.equal(line?.['query'], 'device');
    assert.deepEqual(line?.['parameters'], { deviceId: 'lazy' });
  });

  test('has one line per request at debug level, with its id and nothing secret', async () => {
    const reply = await get(server, '/api/devices/nobody-at-all', {
      authorization: 'Bearer secret-1',
      cookie: 'secret-2',
    });
    const line = server.lines.find((one) => one['url'] === '/api/devices/nobody-at-all');
    assert.equal(line?.['status'], 404);
    assert.equal(line?.['request_id'], reply.body.request_id);
    assert.doesNotMatch(JSON.stringify(server.lines), /secret-/);
  });

  test('has what the client is not told of an unexpected error', async () => {
    const broken = await startOn(() => ({
      devices: () => Promise.reject(new TypeError('secret of the server')),
    }));
    const reply = await get(broken, '/api/devices');
    assertProblem(reply, 500, 'internal');
    assert.doesNotMatch(reply.text, /secret/);
    const line = broken.lines.find((one) => one['request_id'] === reply.body.request_id);
    assert.match(JSON.stringify(line), /secret of the server/);
  });
});

describe('unknown routes', () => {
  test('are 404, and wrong methods 405 with Allow', async () => {
    assertProblem(await get(server, '/nothing'), 404, 'route_unknown');
    assertProblem(await send(server, 'POST', '/api/sync-evnt', '{}'), 404, 'route_unknown');
    assertProblem(await get(server, '/api/devices/%zz'), 400, 'bad_request');
    const wrong: readonly (readonly [string, string, string])[] = [
      ['PUT', '/api/devices', 'GET, HEAD'],
      ['GET', '/api/sync-event', 'POST'],
      ['PATCH', '/api/quarantine/1', 'GET, HEAD, DELETE'],
      ['DELETE', '/livez', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of wrong) {
      const response = await fetch(server.url + path, { method });
      assert.equal(response.status, 405, path);
      assert.equal(response.headers.get('allow'), allow);
      assert.equal(((await response.json()) as { code: string }).code, 'method_not_allowed');
    }
  });
});

describe('stopping', () => {
  test('answers what runs, refuses what is new, then closes', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const stopping = await startOn(
      (store) => ({
        async commit(group) {
          await held;
          return store.commit(group);
        },
      }),
      { shutdownGraceMs: 5000 },
    );
    // Two requests: so that a connection is busy, and one stays open for the late request.
    const running = post(stopping, '/api/sync-event', event({ device_id: 'drain', epoch: 'a', seq: 0 }));
    await sleep(100);
    const closed = stopping.running.close();
    await assert.rejects(post(stopping, '/api/sync-event', event({ device_id: 'drain' })), /fetch failed/);
    release();
    const reply = await running;
    assert.equal(reply.status, 201);
    const begun = performance.now();
    await closed;
    assert.ok(performance.now() - begun < 1000, 'does not wait for idle connections');
    await stopping.running.close();
  });

  test('a connection that is open already gets 503 for a new request, and is closed', async () => {
    const { connect } = await import('node:net');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const stopping = await startOn(
      (store) => ({
        async commit(group) {
          await held;
          return store.commit(group);
        },
      }),
      { shutdownGraceMs: 5000 },
    );
    const body = JSON.stringify(event());
    const request = `POST /api/sync-event HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const { hostname, port } = new URL(stopping.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const ended = new Promise<void>((resolve) => socket.on('end', resolve));
    socket.write(request);
    await sleep(100);
    const closed = stopping.running.close();
    socket.write(request);
    await sleep(50);
    release();
    await ended;
    socket.end();
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(statuses, ['201', '503']);
    assert.match(text, /"code":"shutting_down"/);
    assert.match(text, /connection: close/i);
    assert.match(text, /retry-after: \d+/i);
    await closed;
  });

  test('cuts off what does not finish within the grace time', async () => {
    const stuck = await startOn(() => ({ commit: () => new Promise(() => undefined) }), {
      shutdownGraceMs: 200,
    });
    const running = post(stuck, '/api/sync-event', event()).catch((error: Error) => error.message);
    await sleep(50);
    const begun = performance.now();
    await stuck.running.close();
    const took = performance.now() - begun;
    assert.ok(took >= 150 && took < 1500, `${took} ms`);
    assert.equal(await running, 'fetch failed');
  });

  test('a whole server keeps what it acknowledged until it is gone', async () => {
    const whole = await start();
    await post(whole, '/api/sync-event', event({ device_id: 'whole' }));
    assert.equal(await storedOf(whole, 'whole'), 1);
    await whole.running.close();
    await assert.rejects(get(whole, '/livez'), /fetch failed/);
  });
});
