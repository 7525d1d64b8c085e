import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertProblem, event, get, post, send, start, storedOf } from './harness.ts';

const server = await start();

describe('POST /api/sync-event', () => {
  test('answers 201 once and 200 for every repetition', async () => {
    const body = event({ device_id: 'single-1', epoch: 'a', seq: 0 });
    const first = await post(server, '/api/sync-event', body);
    assert.equal(first.status, 201);
    assert.equal(first.body.result, 'stored');
    assert.equal(first.body.sync_status, 'success');
    assert.ok(Math.abs(Date.parse(first.body.server_time) - Date.now()) < 5000);
    for (let times = 0; times < 3; times += 1) {
      const again = await post(server, '/api/sync-event', body);
      assert.equal(again.status, 200);
      assert.equal(again.body.result, 'duplicate');
    }
    assert.equal(await storedOf(server, 'single-1'), 1);
  });

  test('answers 409 where the identity has another body, and keeps the first', async () => {
    await post(server, '/api/sync-event', event({ device_id: 'single-2', epoch: 'a', seq: 0 }));
    const other = event({ device_id: 'single-2', epoch: 'a', seq: 0, total_errors: 9 });
    const reply = await post(server, '/api/sync-event', other);
    assertProblem(reply, 409, 'conflict');
    const history = await get(server, '/api/devices/single-2/sync-history');
    assert.equal(history.body.items.length, 1);
    assert.equal(history.body.items[0].total_errors, 0);
  });

  test('takes the Idempotency-Key header as event_id, bare or quoted', async () => {
    const body = event({ device_id: 'single-3', timestamp: undefined });
    const first = await post(server, '/api/sync-event', body, { 'idempotency-key': 'key-1' });
    const second = await post(server, '/api/sync-event', body, { 'idempotency-key': '"key-1"' });
    const third = await post(server, '/api/sync-event', body, { 'idempotency-key': 'key-2' });
    assert.deepEqual([first.status, second.status, third.status], [201, 200, 201]);
    const bad = await post(server, '/api/sync-event', body, { 'idempotency-key': 'k'.repeat(201) });
    assertProblem(bad, 400, 'invalid_text', 'idempotency-key');
  });

  test('takes camelCase', async () => {
    const body = { deviceId: 'single-4', totalFilesSynced: 0, totalErrors: 2, timestamp: Date.now() };
    const reply = await post(server, '/api/sync-event', body);
    assert.equal(reply.status, 201);
    assert.equal(reply.body.sync_status, 'failed');
  });

  test('writes times as RFC 3339 with milliseconds, the same as the history does', async () => {
    const times = [Date.now() - 1, Date.now() - 86_400_000, Date.UTC(2026, 9, 31, 23, 59, 59, 7)];
    for (const [seq, timestamp] of times.entries()) {
      const reply = await post(
        server,
        '/api/sync-event',
        event({ device_id: 'single-5', epoch: 'a', seq, timestamp }),
      );
      assert.equal(reply.body.timestamp, new Date(timestamp).toISOString());
    }
  });

  test('takes gzip and a body in many chunks', async () => {
    const { gzipSync } = await import('node:zlib');
    const zipped = gzipSync(JSON.stringify(event({ device_id: 'single-6' })));
    const reply = await send(server, 'POST', '/api/sync-event', zipped, { 'content-encoding': 'gzip' });
    assert.equal(reply.status, 201);
    const text = JSON.stringify(event({ device_id: 'single-7', metadata: { note: 'ü'.repeat(500) } }));
    const chunks = Buffer.from(text);
    const stream = new ReadableStream({
      async start(controller) {
        for (let at = 0; at < chunks.length; at += 100) {
          controller.enqueue(chunks.subarray(at, at + 100));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        controller.close();
      },
    });
    const init = {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    const response = await fetch(`${server.url}/api/sync-event`, init as RequestInit);
    assert.equal(response.status, 201);
    const history = await get(server, '/api/devices/single-7/sync-history');
    assert.equal(history.body.items[0].metadata.note, 'ü'.repeat(500));
  });

  test('takes no query parameters', async () => {
    const reply = await post(server, '/api/sync-event?dry_run=1', event({ device_id: 'single-9' }));
    assertProblem(reply, 400, 'invalid_parameter', 'dry_run');
    assert.equal(await storedOf(server, 'single-9'), 0);
  });

  test('puts a rejected event into the quarantine', async () => {
    const reply = await post(server, '/api/sync-event', event({ device_id: 'single-8', total_errors: -1 }));
    assertProblem(reply, 400, 'out_of_range', 'total_errors');
    assert.equal(reply.body.device_id, 'single-8');
    const list = await get(server, '/api/quarantine?device_id=single-8');
    assert.equal(list.body.items.length, 1);
    assert.equal(list.body.items[0].source, 'sync-event');
    assert.equal(JSON.parse(list.body.items[0].raw).total_errors, -1);
  });
});
