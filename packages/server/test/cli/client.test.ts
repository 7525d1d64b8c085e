import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import { ApiClient, problemOf, retryAfter } from '../../src/cli/client.ts';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { runCli } from './run-cli.ts';

async function withServer(
  listener: RequestListener,
  work: (client: ApiClient) => Promise<void>,
): Promise<void> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new ApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    timeoutMs: 200,
  });
  try {
    await work(client);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
}

async function failureOf(promise: Promise<unknown>): Promise<PisyncError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PisyncError, String(error));
  return error;
}

describe('the HTTP client', () => {
  it('turns problem+json into the error that it names', async () => {
    const problem = { code: 'device_unknown', detail: 'Nobody here.', field: 'id', title: 'No such device' };
    await withServer(
      (_, response) =>
        response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem)),
      async (client) => {
        const error = await failureOf(client.ask('GET', '/x'));
        assert.deepEqual([error.code, error.message, error.field], ['device_unknown', 'Nobody here.', 'id']);
        assert.equal(exitCodeOf(error), 1);
      },
    );
  });

  it('says so where something else answers', async () => {
    for (const [status, text] of [
      [200, '<h1>It works!</h1>'],
      [200, ''],
    ] as const) {
      await withServer(
        (_, response) => response.writeHead(status).end(text),
        async (client) => {
          const error = await failureOf(client.ask('GET', '/x'));
          assert.equal(error.code, 'server_unreachable');
          assert.match(error.message, /not PiSync/);
        },
      );
    }
    await withServer(
      (_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'),
      async (client) => assert.match((await failureOf(client.ask('GET', '/x'))).message, /502/),
    );
  });

  it('gives up on silence, a broken answer and a closed port', async () => {
    await withServer(
      () => undefined,
      async (client) =>
        assert.match((await failureOf(client.send('GET', '/x'))).message, /no answer within 200 ms/),
    );
    await withServer(
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{');
        setImmediate(() => response.destroy());
      },
      async (client) => assert.equal((await failureOf(client.send('GET', '/x'))).code, 'server_unreachable'),
    );
    const error = await failureOf(new ApiClient('http://127.0.0.1:1').send('GET', '/x'));
    assert.equal(exitCodeOf(error), 3);
  });

  it('keeps the path of a server behind a prefix', async () => {
    await withServer(
      (request, response) => response.end(JSON.stringify({ url: request.url })),
      async (client) => {
        const behind = new ApiClient(`${client.url}/pisync/`);
        assert.deepEqual(await behind.ask('GET', '/api/devices?limit=1'), {
          url: '/pisync/api/devices?limit=1',
        });
        behind.close();
      },
    );
  });

  it('refuses what is no server', () => {
    for (const url of ['', 'localhost:3000', 'ftp://x', 'file:///etc/passwd']) {
      assert.throws(
        () => new ApiClient(url),
        (error) => error instanceof PisyncError && error.code === 'invalid_config',
        url,
      );
    }
  });
});

describe('hostile answers', () => {
  it('do not reach the terminal as they are', async () => {
    const detail = '\u001b]0;pwned\u0007\u202e\u009b2J';
    await withServer(
      (_, response) => response.writeHead(404).end(JSON.stringify({ code: 'device_unknown', detail })),
      async (client) => {
        const { code, stderr } = await runCli(['history', 'pi-1', '--url', client.url]);
        assert.equal(code, 1);
        assert.match(stderr, /^pisync: \\u\{1b\}\]0;pwned\\u\{7\}\\u\{202e\}\\u\{9b\}2J\n$/);
      },
    );
  });
});

describe('problems', () => {
  it('of a newer server keep their name', () => {
    const error = problemOf({
      status: 418,
      headers: {},
      body: { code: 'teapot', detail: 'short and stout' },
    });
    assert.equal(error.code, 'bad_request');
    assert.equal(error.message, 'teapot: short and stout');
    assert.equal(problemOf({ status: 500, headers: {}, body: { code: '__proto__' } }).code, 'internal');
  });

  it('carry Retry-After in seconds or as a date', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const cases: [string | undefined, number | undefined][] = [
      [undefined, undefined],
      ['2', 2_000],
      ['0', 0],
      ['Thu, 01 Jan 2026 00:00:05 GMT', 5_000],
      ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
      ['soon', undefined],
    ];
    for (const [header, expected] of cases) {
      assert.equal(
        retryAfter({ headers: header === undefined ? {} : { 'retry-after': header } }, now),
        expected,
      );
    }
    assert.equal(
      problemOf({ status: 429, headers: { 'retry-after': '3' }, body: { code: 'rate_limited' } })
        .retryAfterMs,
      3_000,
    );
  });

  it('map to exit codes', () => {
    const codes = {
      store_locked: 4,
      store_unavailable: 4,
      invalid_config: 2,
      unsafe_config: 2,
      server_unreachable: 3,
      device_unknown: 1,
      internal: 1,
    } as const;
    for (const [code, expected] of Object.entries(codes)) {
      assert.equal(exitCodeOf(new PisyncError(code as keyof typeof codes)), expected, code);
    }
    assert.equal(exitCodeOf(new TypeError('bug')), 1);
  });
});
