import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertAlive, assertProblem, event, post, send, start, storedOf } from './harness.ts';

const server = await start({ max_items: 2500 });

function lines(id: string, count: number): string[] {
  return Array.from({ length: count }, (_, seq) => JSON.stringify(event({ device_id: id, epoch: 'a', seq })));
}

describe('POST /api/sync-events', () => {
  test('answers every item in order, over several commits', async () => {
    const items = lines('batch-1', 2500);
    const reply = await send(server, 'POST', '/api/sync-events', `[${items.join(',')}]`);
    assert.equal(reply.status, 200);
    assert.equal(reply.body.stored, 2500);
    reply.body.results.forEach((one: { index: number; seq: number }, at: number) => {
      assert.equal(one.index, at);
      assert.equal(one.seq, at);
    });
    const again = await send(server, 'POST', '/api/sync-events', items.join('\n'), {
      'content-type': 'application/jsonl',
    });
    assert.deepEqual([again.body.stored, again.body.duplicate], [0, 2500]);
    assert.equal(await storedOf(server, 'batch-1'), 2500);
  });

  test('takes an empty array, and refuses an empty body', async () => {
    const empty = await post(server, '/api/sync-events', []);
    assert.deepEqual([empty.status, empty.body.results], [200, []]);
    assertProblem(await send(server, 'POST', '/api/sync-events', ''), 400, 'empty_body');
    assertProblem(await send(server, 'POST', '/api/sync-events', '  \n '), 400, 'empty_body');
  });

  test('stores items up to the limit and refuses the rest, with the results so far', async () => {
    const reply = await send(server, 'POST', '/api/sync-events', `[${lines('batch-2', 2501).join(',')}]`);
    assertProblem(reply, 413, 'too_many_items');
    assert.equal(reply.body.stored, 2500);
    assert.equal(reply.body.results.length, 2500);
    assert.equal(await storedOf(server, 'batch-2'), 2500);
  });

  test('stores what came before a break, and says where it broke', async () => {
    const whole = `[${lines('batch-3', 5).join(',')}]`;
    const reply = await send(server, 'POST', '/api/sync-events', whole.slice(0, -20));
    assertProblem(reply, 400, 'invalid_json');
    assert.match(reply.body.detail, /byte \d+/);
    assert.equal(reply.body.stored, 4);
    assert.equal(reply.body.rejected, 1);
    assert.equal(await storedOf(server, 'batch-3'), 4);
  });

  test('refuses what is neither an array nor NDJSON', async () => {
    assertProblem(await send(server, 'POST', '/api/sync-events', 'hello'), 400, 'invalid_json');
    assertProblem(await send(server, 'POST', '/api/sync-events', '"x"'), 400, 'invalid_json');
  });

  test('one bad line harms no other', async () => {
    const [first, second, third] = lines('batch-4', 3);
    const reply = await send(
      server,
      'POST',
      '/api/sync-events',
      `${first}\n{"device_id": oops\n${second}\r\n\n${third}`,
      {
        'content-type': 'application/x-ndjson',
      },
    );
    assert.equal(reply.status, 200);
    assert.deepEqual([reply.body.stored, reply.body.rejected], [3, 1]);
    assert.equal(reply.body.results[1].code, 'item_invalid_json');
  });

  test('a conflict names its code', async () => {
    const reply = await post(server, '/api/sync-events', [
      event({ device_id: 'batch-5', epoch: 'a', seq: 0 }),
      event({ device_id: 'batch-5', epoch: 'a', seq: 0, total_errors: 4 }),
      event({ device_id: 'batch-5', event_id: 'quote " and \\' }),
    ]);
    assert.deepEqual([reply.body.stored, reply.body.conflict], [2, 1]);
    assert.equal(reply.body.results[1].code, 'conflict');
    assert.equal(reply.body.results[2].event_id, 'quote " and \\');
  });

  test('the same batch over 50 connections at once is stored once', async () => {
    const items = `[${lines('batch-6', 200).join(',')}]`;
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => send(server, 'POST', '/api/sync-events', items)),
    );
    const stored = replies.reduce((sum, reply) => sum + reply.body.stored, 0);
    const duplicate = replies.reduce((sum, reply) => sum + reply.body.duplicate, 0);
    assert.deepEqual([stored, duplicate], [200, 49 * 200]);
    assert.equal(await storedOf(server, 'batch-6'), 200);
    await assertAlive(server);
  });
});

describe('POST /api/batches', () => {
  const envelope = (changes: object): object => ({
    device_id: 'outbox-1',
    epoch: 'e1',
    sent_at: Date.now(),
    ...changes,
  });
  const sync = (seq: number, changes: object = {}): object => ({
    kind: 'sync_event',
    seq,
    total_files_synced: 1,
    total_errors: 0,
    ...changes,
  });

  test('stores the observations of one device', async () => {
    const body = envelope({
      observations: [sync(0), sync(1, { total_errors: -1 }), sync(2, { device_id: 'other' }), sync(3)],
    });
    const reply = await post(server, '/api/batches', body);
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(
      reply.body.results.map((one: { result: string }) => one.result),
      ['stored', 'rejected', 'rejected', 'stored'],
    );
    assert.equal(reply.body.results[1].field, 'total_errors');
    assert.equal(reply.body.results[2].field, 'device_id');
    const again = await post(server, '/api/batches', body);
    assert.equal(again.body.duplicate, 2);
    assert.equal(await storedOf(server, 'outbox-1'), 2);
    assert.equal(await storedOf(server, 'other'), 0);
  });

  test('refuses an envelope that is wrong as a whole, naming the field', async () => {
    const cases: readonly (readonly [object, string, string])[] = [
      [envelope({}), 'missing_field', 'observations'],
      [envelope({ device_id: undefined, observations: [] }), 'missing_field', 'device_id'],
      [envelope({ observations: {} }), 'invalid_type', 'observations'],
      [envelope({ device_id: 'a/b', observations: [] }), 'invalid_device_id', 'device_id'],
      [envelope({ sent_at: '2026-02-30T00:00:00Z', observations: [] }), 'invalid_timestamp', 'sent_at'],
    ];
    for (const [body, code, field] of cases)
      assertProblem(await post(server, '/api/batches', body), 400, code, field);
    const many = envelope({ observations: Array.from({ length: 2501 }, (_, seq) => sync(seq)) });
    assertProblem(await post(server, '/api/batches', many), 413, 'too_many_items');
    assertProblem(await send(server, 'POST', '/api/batches', '{"device_id"'), 400, 'invalid_json');
  });

  test('an observation that cannot be read harms no other', async () => {
    const deep = `{"seq":11,"total_files_synced":1,"total_errors":0,"metadata":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    const twice = '{"seq":12,"total_files_synced":1,"total_errors":0,"total_errors":1}';
    const text = JSON.stringify(envelope({ observations: [sync(10), 'deep', 'twice', sync(13)] }))
      .replace('"deep"', deep)
      .replace('"twice"', twice);
    const reply = await send(server, 'POST', '/api/batches', text);
    assert.equal(reply.status, 200, reply.text);
    const found = reply.body.results.map((one: { result: string; code?: string }) => one.code ?? one.result);
    assert.deepEqual(found, ['stored', 'item_too_deep', 'duplicate_field', 'stored']);
    await assertAlive(server);
  });
});
