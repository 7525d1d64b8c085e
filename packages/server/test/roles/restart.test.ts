import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { defaults } from '../../src/config/schema.ts';
import { type Running, startAll } from '../../src/roles/all.ts';

const folder = await mkdtemp(join(tmpdir(), 'pisync-restart-'));
after(() => rm(folder, { recursive: true, force: true }));

const config = { ...defaults, store: `sqlite:${join(folder, 'pisync.db')}`, port: 0 };
const log = pino({ level: 'silent' });

async function post(
  running: Running,
  body: object,
): Promise<{ status: number; reply: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${running.url}/api/sync-events`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, reply: (await response.json()) as Record<string, unknown> };
}

async function read(running: Running, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(running.url + path)).json()) as Record<string, unknown>;
}

test('what was acknowledged is there after a restart, once, and so is what was rejected', async () => {
  const items = [
    { device_id: 'pi-1', epoch: 'a', seq: 0, total_files_synced: 0, total_errors: 1 },
    { device_id: 'pi-1', epoch: 'a', seq: 1, total_files_synced: 0, total_errors: 2 },
    { device_id: 'pi-2', event_id: 'x', total_files_synced: 1, total_errors: 0 },
    { device_id: 'pi-2', total_errors: -1 },
  ];
  const first = await startAll(config, { log });
  const begun = await post(first, items);
  assert.deepEqual([begun.status, begun.reply['stored'], begun.reply['rejected']], [200, 3, 1]);
  await first.close();

  const second = await startAll(config, { log });
  try {
    const again = await post(second, items);
    assert.deepEqual([again.reply['stored'], again.reply['duplicate']], [0, 3]);
    const device = await read(second, '/api/devices/pi-1');
    assert.deepEqual([device['consecutive_failures'], device['total_failures']], [2, 2]);
    assert.equal((await read(second, '/api/quarantine'))['total'], 1);
  } finally {
    await second.close();
  }
});

test('a second server on the same store is refused', async () => {
  const first = await startAll(config, { log });
  try {
    await assert.rejects(startAll(config, { log }), { code: 'store_locked' });
  } finally {
    await first.close();
  }
});
