import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import { pino } from 'pino';
import { defaults } from '../../src/config/schema.ts';
import { startAll } from '../../src/roles/all.ts';
import { createLog } from '../../src/roles/log.ts';

const log = pino({ level: 'silent' });
const config = { ...defaults, store: 'memory:', port: 0 };

describe('startAll', () => {
  test('refuses an open port without the word of the operator', async () => {
    await assert.rejects(startAll({ ...config, host: '0.0.0.0' }, { log }), (error) => {
      assert.ok(error instanceof PisyncError);
      assert.equal(error.code, 'unsafe_config');
      assert.match(error.message, /--allow-unauthenticated/);
      return true;
    });
  });

  test('says loudly that it has no protection, where that is allowed', async () => {
    const running = await startAll({ ...config, host: '0.0.0.0', allow_unauthenticated: true }, { log });
    try {
      assert.match(running.notes.join(), /WITHOUT AUTHENTICATION/);
    } finally {
      await running.close();
    }
  });

  test('listens on IPv6 loopback with a URL that works', async () => {
    const running = await startAll({ ...config, host: '::1' }, { log });
    try {
      assert.match(running.url, /^http:\/\/\[::1\]:\d+$/);
      assert.equal((await fetch(`${running.url}/livez`)).status, 200);
    } finally {
      await running.close();
    }
  });

  test('fails with the code of the system where the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as AddressInfo;
      await assert.rejects(startAll({ ...config, port }, { log }), { code: 'EADDRINUSE' });
    } finally {
      other.close();
    }
  });

  test('refuses a store that it does not know', async () => {
    await assert.rejects(startAll({ ...config, store: 'oracle:x' }, { log }), { code: 'invalid_config' });
  });

  test('counts partial syncs as it is told', async () => {
    for (const [counts, failures] of [
      ['failure', 1],
      ['ignore', 0],
      ['success', 0],
    ] as const) {
      const running = await startAll({ ...config, partial_counts_as: counts }, { log });
      try {
        const body = JSON.stringify({ device_id: 'p', total_files_synced: 1, total_errors: 1 });
        await fetch(`${running.url}/api/sync-event`, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
        });
        const device = (await (await fetch(`${running.url}/api/devices/p`)).json()) as {
          total_failures: number;
        };
        assert.equal(device.total_failures, failures, counts);
      } finally {
        await running.close();
      }
    }
  });
});

describe('the log', () => {
  test('never holds what opens a door', () => {
    let written = '';
    const lines = createLog('info', {
      write(line: string) {
        written += line;
      },
    });
    lines.info(
      {
        authorization: 'Bearer s3cret',
        headers: { cookie: 's3cret' },
        request: { headers: { authorization: 's3cret' } },
      },
      'x',
    );
    lines.info({ user: { token: 's3cret' } }, 'y');
    assert.equal(written.split('\n').length, 3);
    assert.doesNotMatch(written, /s3cret/);
    assert.match(written, /"level":"info","time":"\d{4}-/);
  });
});
