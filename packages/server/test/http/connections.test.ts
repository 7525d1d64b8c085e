import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAlive, event, get, start, storedOf, talk } from './harness.ts';

const server = await start({ request_timeout_ms: 400 });

/** The problem document in a raw response. */
function problemIn(text: string): { code: string } {
  return JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
}

describe('slow clients', () => {
  const slow: Readonly<Record<string, string>> = {
    'in the request line': 'POST /api/sy',
    'in the headers': 'POST /api/sync-event HTTP/1.1\r\nhost: x\r\ncontent-ty',
    'in the body of one event':
      'POST /api/sync-event HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"dev',
    'in the body of a batch':
      'POST /api/sync-events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n[{"dev',
    'in the body of an envelope':
      'POST /api/batches HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"dev\r\n',
    'in a compressed body':
      'POST /api/sync-events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 500\r\n\r\n\x1f',
  };
  for (const [where, bytes] of Object.entries(slow)) {
    test(`one that stops ${where} gets 408 and is closed`, async () => {
      const { text, closed } = await talk(server, Buffer.from(bytes, 'latin1'), 3000);
      assert.ok(closed, 'closed');
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.match(text, /content-type: application\/problem\+json/);
      assert.equal(problemIn(text).code, 'request_timeout');
    });
  }
});

/** Waits until the first group of the aborted batch is stored, or a little for the others. */
async function committed(count: number): Promise<void> {
  await sleep(100);
  for (let tries = 0; tries < 100 && (await storedOf(server, 'aborted')) < count; tries += 1) await sleep(20);
}

describe('broken clients', () => {
  test('what is not HTTP gets 400 and is closed', async () => {
    const { text, closed } = await talk(server, 'hello, server\r\n\r\n', 3000);
    assert.ok(closed);
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.equal(problemIn(text).code, 'bad_request');
  });

  test('headers over 16 KiB get 431 and are closed', async () => {
    const { text } = await talk(
      server,
      `GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`,
      3000,
    );
    assert.match(text, /^HTTP\/1\.1 431 /);
    assert.equal(problemIn(text).code, 'bad_request');
  });

  test('aborted uploads leave nothing behind but whole items', async () => {
    const items = Array.from({ length: 1500 }, (_, seq) =>
      JSON.stringify(event({ device_id: 'aborted', epoch: 'a', seq })),
    );
    const body = `[${items.join(',')},{"device_id":"aborted","epoch":"a","seq":1500,"total_fi`;
    const { hostname, port } = new URL(server.url);
    await Promise.all(
      ['/api/sync-events', '/api/batches', '/api/sync-event'].map(async (path) => {
        const socket = connect(Number(port), hostname);
        socket.on('error', () => undefined);
        const length = path === '/api/sync-event' ? 60_000 : body.length + 10_000;
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
        );
        socket.write(path === '/api/sync-event' ? body.slice(1, 100) : body);
        await committed(path === '/api/sync-events' ? 1000 : 0);
        socket.destroy();
      }),
    );
    await sleep(100);
    assert.equal(
      await storedOf(server, 'aborted'),
      1000,
      'the first whole group was committed before the break',
    );
    const metrics = await get(server, '/metrics');
    assert.match(metrics.text, /^pisync_request_bodies_bytes 0$/m);
    const quarantine = await get(server, '/api/quarantine');
    assert.equal(quarantine.body.total, 0);
    assert.ok(!server.lines.some((line) => line['level'] === 'error'), JSON.stringify(server.lines.at(-1)));
    await assertAlive(server);
  });
});
