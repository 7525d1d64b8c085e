import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { assertAlive, assertProblem, event, send, start, storedOf, talk } from './harness.ts';

const server = await start({ max_body_bytes: 1_000_000 });

function lines(id: string, count: number): string {
  const items = Array.from({ length: count }, (_, seq) =>
    JSON.stringify(event({ device_id: id, epoch: 'a', seq })),
  );
  return items.join('\n');
}

const ndjson = { 'content-type': 'application/x-ndjson' };
const batchRoutes = ['/api/sync-events', '/api/batches'] as const;
const ingestRoutes = ['/api/sync-event', ...batchRoutes] as const;

describe('content type', () => {
  const wrong = [
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'json',
    '/',
  ];
  for (const path of ingestRoutes) {
    test(`${path} refuses types that it does not take`, async () => {
      for (const type of wrong) {
        const reply = await send(server, 'POST', path, JSON.stringify(event()), { 'content-type': type });
        assertProblem(reply, 415, 'unsupported_media_type', 'content-type');
        assert.match(reply.body.detail, /application\/json/);
      }
    });

    test(`${path} refuses charsets other than UTF-8`, async () => {
      for (const charset of ['utf-16', 'iso-8859-1', '"windows-1252"']) {
        const type = `application/json; charset=${charset}`;
        const reply = await send(server, 'POST', path, JSON.stringify(event()), { 'content-type': type });
        assertProblem(reply, 415, 'unsupported_charset', 'content-type');
      }
    });

    test(`${path} refuses encodings that it does not take`, async () => {
      for (const encoding of ['deflate', 'br', 'gzip, gzip', 'x']) {
        const reply = await send(server, 'POST', path, 'x', { 'content-encoding': encoding });
        assertProblem(reply, 415, 'unsupported_encoding', 'content-encoding');
      }
    });
  }

  test('a body without a type is refused', async () => {
    const head =
      'POST /api/sync-event HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}';
    const { text } = await talk(server, head, 2000);
    assert.match(text, /^HTTP\/1\.1 415 /);
  });

  test('UTF-8 is taken by any of its names', async () => {
    for (const [seq, type] of [
      'Application/JSON',
      'application/json;charset=UTF-8',
      'application/json; charset="utf-8"',
    ].entries()) {
      const body = JSON.stringify(event({ device_id: 'charset', epoch: 'a', seq }));
      const reply = await send(server, 'POST', '/api/sync-event', body, { 'content-type': type });
      assert.equal(reply.status, 201);
    }
  });
});

describe('compression', () => {
  test('gzip and zstd are taken', async () => {
    const plain = lines('zip-1', 100);
    const gzip = await send(server, 'POST', '/api/sync-events', gzipSync(plain), {
      ...ndjson,
      'content-encoding': 'gzip',
    });
    assert.equal(gzip.body.stored, 100);
    const zstd = await send(server, 'POST', '/api/sync-events', zstdCompressSync(plain), {
      ...ndjson,
      'content-encoding': 'zstd',
    });
    assert.equal(zstd.body.duplicate, 100);
  });

  const bomb = Buffer.alloc(64 * 1024 * 1024, 0x20);
  const bombs = { gzip: gzipSync(bomb), zstd: zstdCompressSync(bomb) };
  for (const [encoding, bytes] of Object.entries(bombs)) {
    for (const path of ingestRoutes) {
      test(`${path} refuses a ${encoding} bomb, in little memory`, async () => {
        const before = process.memoryUsage().rss;
        const replies = await Promise.all(
          Array.from({ length: 8 }, () =>
            send(server, 'POST', path, bytes, { 'content-encoding': encoding }),
          ),
        );
        for (const reply of replies) {
          assert.ok(reply.status === 413 || reply.status === 503, reply.text);
        }
        assert.ok(replies.some((reply) => reply.status === 413));
        assert.ok(process.memoryUsage().rss - before < 128 * 1024 * 1024, 'eight bombs would be 512 MiB');
      });
    }
  }

  test('truncated gzip keeps what came before', async () => {
    const zipped = gzipSync(lines('zip-2', 2000));
    const reply = await send(server, 'POST', '/api/sync-events', zipped.subarray(0, zipped.length - 500), {
      ...ndjson,
      'content-encoding': 'gzip',
    });
    assertProblem(reply, 400, 'invalid_compression');
    const stored = await storedOf(server, 'zip-2');
    assert.ok(stored > 0 && stored < 2000);
    assert.equal(reply.body.stored, stored);
  });

  for (const path of ingestRoutes) {
    test(`${path} refuses bytes that are not compressed as announced`, async () => {
      for (const encoding of ['gzip', 'zstd']) {
        const reply = await send(server, 'POST', path, 'this is no archive', {
          'content-encoding': encoding,
        });
        assertProblem(reply, 400, 'invalid_compression');
      }
    });
  }
});

describe('size', () => {
  for (const path of ingestRoutes) {
    test(`${path} refuses 2 GB by its announcement, without reading`, async () => {
      const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2147483648\r\n\r\n[`;
      const begun = performance.now();
      const { text, closed } = await talk(server, head, 3000);
      assert.ok(performance.now() - begun < 1500);
      assert.match(text, /^HTTP\/1\.1 413 /);
      assert.match(text, /"code":"payload_too_large"/);
      assert.match(text, /connection: close/i);
      assert.ok(closed, 'the connection is closed');
    });
  }

  test('a body without a length is cut off at the limit, and what came before is kept', async () => {
    const text = lines('size-1', 20_000);
    const stream = new ReadableStream({
      start(controller) {
        const bytes = Buffer.from(text);
        for (let at = 0; at < 1_200_000; at += 65_536) controller.enqueue(bytes.subarray(at, at + 65_536));
        controller.close();
      },
    });
    const init = { method: 'POST', body: stream, duplex: 'half', headers: ndjson };
    const response = await fetch(`${server.url}/api/sync-events`, init as RequestInit);
    const body = (await response.json()) as { code: string; stored: number };
    assert.deepEqual([response.status, body.code], [413, 'payload_too_large']);
    assert.ok(body.stored > 0);
    assert.equal(await storedOf(server, 'size-1'), body.stored);
  });

  test('one item over its limit harms no other', async () => {
    const big = JSON.stringify(
      event({ device_id: 'size-2', epoch: 'a', seq: 5, metadata: { x: 'y'.repeat(70_000) } }),
    );
    const reply = await send(
      server,
      'POST',
      '/api/sync-events',
      `${lines('size-2', 2)}\n${big}\n${lines('size-3', 1)}`,
      ndjson,
    );
    const found = reply.body.results.map((one: { code?: string; result: string }) => one.code ?? one.result);
    assert.deepEqual(found, ['stored', 'stored', 'item_too_large', 'stored']);
    const alone = await send(server, 'POST', '/api/sync-event', big);
    assertProblem(alone, 413, 'payload_too_large');
  });

  test('clients that announce much and send nothing keep nobody out', async () => {
    const head =
      'POST /api/sync-events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n[';
    const idle = Array.from({ length: 20 }, () => talk(server, head, 600));
    await sleep(100);
    await assertAlive(server);
    const batch = await send(server, 'POST', '/api/sync-events', lines('size-4', 100), ndjson);
    assert.equal(batch.body.stored, 100);
    await Promise.all(idle);
    await sleep(100);
  });

  test('the server is well afterwards', async () => {
    await assertAlive(server);
    const metrics = await send(server, 'GET', '/metrics');
    assert.match(metrics.text, /^pisync_request_bodies_bytes 0$/m);
    assert.match(metrics.text, /^pisync_store_waiting_items 0$/m);
  });
});
