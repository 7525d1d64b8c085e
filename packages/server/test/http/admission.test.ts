import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../src/ports/store.ts';
import { assertProblem, event, get, post, type Reply, start, storedOf } from './harness.ts';
import { startOn } from './store-harness.ts';

function events(deviceId: string, count: number, first = 0): object[] {
  return Array.from({ length: count }, (_, at) =>
    event({ device_id: deviceId, epoch: 'a', seq: first + at }),
  );
}

function assertRetry(reply: Reply): void {
  const seconds = reply.headers.get('retry-after') ?? '';
  assert.match(seconds, /^[1-9]\d*$/);
}

describe('the limit of one device', () => {
  test('admits a burst, then refuses with 429 and stores nothing', async () => {
    const server = await start({ device_items_per_second: 1, device_burst_items: 10 });
    assert.equal((await post(server, '/api/sync-events', events('d1', 10))).status, 200);
    for (const [path, body] of [
      ['/api/sync-event', events('d1', 1, 10)[0]],
      ['/api/sync-events', events('d1', 3, 10)],
      ['/api/batches', { device_id: 'd1', observations: events('d1', 3, 10) }],
    ] as const) {
      const reply = await post(server, path, body);
      assertProblem(reply, 429, 'rate_limited');
      assertRetry(reply);
      assert.equal(reply.headers.get('ratelimit-policy'), '"device";q=10;w=10');
      assert.match(reply.headers.get('ratelimit') ?? '', /^"device";r=0;t=(9|10)$/);
    }
    assert.equal(await storedOf(server, 'd1'), 10);
    assert.equal(
      (await post(server, '/api/sync-event', event({ device_id: 'd2' }))).status,
      201,
      'another device is free',
    );
    const metrics = await get(server, '/metrics');
    assert.match(metrics.text, /pisync_admission_refusals_total\{code="rate_limited"\} 3/);
  });

  test('admits again after a while', async () => {
    const server = await start({ device_items_per_second: 20, device_burst_items: 1 });
    assert.equal((await post(server, '/api/sync-event', events('d3', 1, 0)[0])).status, 201);
    assert.equal((await post(server, '/api/sync-event', events('d3', 1, 1)[0])).status, 429);
    await sleep(120);
    assert.equal((await post(server, '/api/sync-event', events('d3', 1, 1)[0])).status, 201);
  });

  test('a batch of several devices is admitted whole, and a greedy device pays with its own next requests', async () => {
    const server = await start({ device_items_per_second: 1, device_burst_items: 10 });
    const mixed = [...events('greedy', 15), ...events('modest', 1)];
    const reply = await post(server, '/api/sync-events', mixed);
    assert.equal(reply.body.stored, 16);
    assertProblem(await post(server, '/api/sync-event', events('greedy', 1, 15)[0]), 429, 'rate_limited');
    assert.equal((await post(server, '/api/sync-event', events('modest', 1, 1)[0])).status, 201);
  });

  test('a request larger than a burst is possible for a rested device', async () => {
    const server = await start({ device_items_per_second: 1, device_burst_items: 5 });
    assert.equal((await post(server, '/api/sync-events', events('d4', 50))).body.stored, 50);
    assertProblem(await post(server, '/api/sync-event', events('d4', 1, 50)[0]), 429, 'rate_limited');
  });

  test('rejected items count', async () => {
    const server = await start({ device_items_per_second: 1, device_burst_items: 3 });
    const statuses: number[] = [];
    for (let times = 0; times < 5; times += 1) {
      statuses.push(
        (await post(server, '/api/sync-event', event({ device_id: 'd5', total_errors: -1 }))).status,
      );
    }
    assert.deepEqual(statuses, [400, 400, 400, 429, 429]);
  });
});

describe('the limit of the server', () => {
  test('refuses with 503 and stores nothing', async () => {
    const server = await start({ items_per_second: 20 });
    assert.equal((await post(server, '/api/sync-events', events('s1', 20))).status, 200);
    const reply = await post(server, '/api/sync-events', events('s2', 20));
    assertProblem(reply, 503, 'overloaded');
    assertRetry(reply);
    assert.equal(reply.headers.get('ratelimit-policy'), '"total";q=20;w=1');
    assert.equal(await storedOf(server, 's2'), 0);
  });
});

describe('a store that falls behind', () => {
  /** A store whose commits wait until they are let go. */
  async function heldServer(maxWaitingItems: number) {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await startOn(
      (store): Partial<Store> => ({
        async commit(group) {
          await held;
          return store.commit(group);
        },
      }),
      { maxWaitingItems },
    );
    return { server, release };
  }

  test('asks senders to wait from a quarter of the limit on, and refuses at the limit', async () => {
    const { server, release } = await heldServer(20);
    const waiting = [];
    for (let seq = 0; seq < 20; seq += 1)
      waiting.push(post(server, '/api/sync-event', events('w1', 1, seq)[0]));
    await sleep(200);
    const refused = await post(server, '/api/sync-event', events('w1', 1, 20)[0]);
    assertProblem(refused, 503, 'overloaded');
    assert.equal(refused.headers.get('ratelimit-policy'), '"waiting";q=20');
    assertRetry(refused);
    release();
    const replies = await Promise.all(waiting);
    assert.ok(replies.every((reply) => reply.status === 201));
    const advised = replies.filter((reply) => reply.body.next_sync_after_ms !== undefined);
    assert.ok(advised.length > 5 && advised.length <= 20, `${advised.length} were asked to wait`);
    const spread = new Set(advised.map((reply) => reply.body.next_sync_after_ms));
    assert.ok(spread.size > advised.length / 2, 'spread at random');
    await sleep(700);
    await post(server, '/api/sync-event', events('w1', 1, 22)[0]);
    const calm = await post(server, '/api/sync-event', events('w1', 1, 21)[0]);
    assert.equal(calm.body.next_sync_after_ms, undefined);
    assert.equal(await storedOf(server, 'w1'), 22);
  });
});
