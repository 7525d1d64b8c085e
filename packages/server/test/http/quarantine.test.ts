import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import { assertProblem, event, get, post, send, start, storedOf } from './harness.ts';
import { startOn } from './store-harness.ts';

const server = await start();

/** Rejects an item and gives the id that the quarantine has for it. */
async function reject(item: unknown, headers: Record<string, string> = {}): Promise<number> {
  const reply = await post(server, '/api/sync-event', item, headers);
  assert.equal(reply.status, 400, reply.text);
  return newestId();
}

async function newestId(): Promise<number> {
  const list = await get(server, '/api/quarantine?limit=1');
  return list.body.items[0].id;
}

describe('the quarantine', () => {
  test('lists newest first, by device and code, page by page', async () => {
    for (let n = 0; n < 5; n += 1) await reject(event({ device_id: 'q-1', total_errors: -1 - n }));
    await reject(event({ device_id: 'q-1', timestamp: 'x' }));
    const first = await get(server, '/api/quarantine?device_id=q-1&code=out_of_range&limit=3');
    assert.equal(first.body.total, 5);
    const cursor = first.body.next_cursor;
    const rest = await get(
      server,
      `/api/quarantine?device_id=q-1&code=out_of_range&limit=3&cursor=${cursor}`,
    );
    const ids = [...first.body.items, ...rest.body.items].map((one: { id: number }) => one.id);
    assert.equal(ids.length, 5);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => b - a),
    );
    assert.equal(rest.body.next_cursor, null);
  });

  test('keeps what is sent again and again once, and counts it', async () => {
    const item = event({ device_id: 'q-2', total_errors: -1, timestamp: '2026-11-20T08:30:00Z' });
    for (let times = 0; times < 3; times += 1) await post(server, '/api/sync-event', item);
    const list = await get(server, '/api/quarantine?device_id=q-2');
    assert.equal(list.body.items.length, 1);
    assert.equal(list.body.items[0].count, 3);
  });

  test('an item that is still wrong stays, and says why', async () => {
    const id = await reject(event({ device_id: 'q-3', total_errors: -1 }));
    const reply = await send(server, 'POST', `/api/quarantine/${id}/replay`);
    assertProblem(reply, 400, 'out_of_range', 'total_errors');
    assert.equal((await get(server, `/api/quarantine/${id}`)).status, 200);
  });

  test('a corrected item is stored once, and leaves', async () => {
    const item = event({ device_id: 'q-4', epoch: 'a', seq: 0, total_errors: -1 });
    const id = await reject(item);
    const reply = await post(server, `/api/quarantine/${id}/replay`, { item: { ...item, total_errors: 1 } });
    assert.deepEqual([reply.status, reply.body.result], [200, 'stored']);
    assert.equal(await storedOf(server, 'q-4'), 1);
    assertProblem(await send(server, 'POST', `/api/quarantine/${id}/replay`), 404, 'quarantine_unknown');
    const other = await reject({ ...item, total_errors: -2 });
    const again = await post(server, `/api/quarantine/${other}/replay`, {
      item: { ...item, total_errors: 1 },
    });
    assert.equal(again.body.result, 'duplicate');
  });

  test('a correction that contradicts a stored event is 409, and the item stays', async () => {
    await post(server, '/api/sync-event', event({ device_id: 'q-5', epoch: 'a', seq: 0 }));
    const id = await reject(event({ device_id: 'q-5', epoch: 'a', seq: 0, total_errors: -1 }));
    const item = event({ device_id: 'q-5', epoch: 'a', seq: 0, total_errors: 7 });
    assertProblem(await post(server, `/api/quarantine/${id}/replay`, { item }), 409, 'not_replayable');
    assert.equal((await get(server, `/api/quarantine/${id}`)).status, 200);
  });

  test('an item without any identity is stored once, also where a replay broke off before the end', async () => {
    let broken = true;
    const unavailable = new PisyncError('store_unavailable');
    const failing = await startOn((store) => ({
      discard: (id) => (broken ? Promise.reject(unavailable) : store.discard(id)),
    }));
    const nameless = { device_id: 'q-11', total_files_synced: 1, total_errors: -1 };
    assert.equal((await post(failing, '/api/sync-event', nameless)).status, 400);
    const correction = { item: { ...nameless, total_errors: 1 } };
    assertProblem(await post(failing, '/api/quarantine/1/replay', correction), 503, 'store_unavailable');
    broken = false;
    const again = await post(failing, '/api/quarantine/1/replay', correction);
    assert.equal(again.body.result, 'duplicate');
    assert.equal(await storedOf(failing, 'q-11'), 1);
  });

  test('items of a batch are kept with their source and their text', async () => {
    const bad = event({ device_id: 'q-12', total_errors: -1 });
    await post(server, '/api/sync-events', [event({ device_id: 'q-12' }), bad]);
    const list = await get(server, '/api/quarantine?device_id=q-12');
    assert.equal(list.body.total, 1);
    assert.deepEqual(JSON.parse(list.body.items[0].raw), bad);
    assert.equal(list.body.items[0].source, 'sync-events');
  });

  test('an empty body is refused and not kept', async () => {
    const before = await get(server, '/api/quarantine');
    for (const path of ['/api/sync-event', '/api/sync-events', '/api/batches']) {
      assertProblem(await send(server, 'POST', path, ''), 400, 'empty_body');
    }
    const after = await get(server, '/api/quarantine');
    assert.equal(after.body.total, before.body.total);
  });

  test('an item of an envelope carries what the envelope said', async () => {
    const sent_at = Date.now() - 3_600_000;
    const body = {
      device_id: 'q-6',
      epoch: 'e',
      sent_at,
      observations: [{ seq: 4, total_files_synced: 1, total_errors: -1 }],
    };
    assert.equal((await post(server, '/api/batches', body)).body.rejected, 1);
    const { body: item } = await get(server, `/api/quarantine/${await newestId()}`);
    const raw = JSON.parse(item.raw);
    assert.deepEqual([raw.device_id, raw.epoch, raw.sent_at, raw.seq], ['q-6', 'e', sent_at, 4]);
  });

  test('an Idempotency-Key is kept with the item', async () => {
    const id = await reject(event({ device_id: 'q-7', total_errors: -1 }), { 'idempotency-key': 'k-7' });
    const { body: item } = await get(server, `/api/quarantine/${id}`);
    assert.equal(JSON.parse(item.raw).event_id, 'k-7');
  });

  test('an item that was cut cannot be replayed as it is', async () => {
    const line = JSON.stringify(event({ device_id: 'q-8', metadata: { x: 'y'.repeat(100_000) } }));
    const batch = await send(server, 'POST', '/api/sync-events', line, {
      'content-type': 'application/x-ndjson',
    });
    assert.equal(batch.body.results[0].code, 'item_too_large');
    const id = await newestId();
    const { body: item } = await get(server, `/api/quarantine/${id}`);
    assert.equal(item.truncated, true);
    assert.ok(Buffer.byteLength(item.raw) <= 65_536);
    assertProblem(await send(server, 'POST', `/api/quarantine/${id}/replay`), 409, 'not_replayable');
  });

  test('bodies that are not JSON are kept, too', async () => {
    assertProblem(await send(server, 'POST', '/api/sync-event', '{"device_id": pi-1}'), 400, 'invalid_json');
    assert.equal((await get(server, `/api/quarantine/${await newestId()}`)).body.source, 'sync-event');
    assertProblem(await send(server, 'POST', '/api/batches', 'what?'), 400, 'invalid_json');
    assert.equal((await get(server, `/api/quarantine/${await newestId()}`)).body.source, 'batches');
  });

  test('discards for good', async () => {
    const id = await reject(event({ device_id: 'q-9', total_errors: -1 }));
    assert.equal((await send(server, 'DELETE', `/api/quarantine/${id}`)).status, 204);
    assertProblem(await send(server, 'DELETE', `/api/quarantine/${id}`), 404, 'quarantine_unknown');
    assertProblem(await get(server, `/api/quarantine/${id}`), 404, 'quarantine_unknown');
    assertProblem(await get(server, '/api/quarantine/x'), 404, 'quarantine_unknown');
  });

  test('a replay takes {item} or nothing', async () => {
    const id = await reject(event({ device_id: 'q-10', total_errors: -1 }));
    assertProblem(
      await post(server, `/api/quarantine/${id}/replay`, { itm: {} }),
      400,
      'invalid_item',
      'item',
    );
    assertProblem(await post(server, `/api/quarantine/${id}/replay`, []), 400, 'invalid_item', 'item');
    assertProblem(await post(server, `/api/quarantine/${id}/replay`, { item: null }), 400, 'invalid_item');
  });
});
