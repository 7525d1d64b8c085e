import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { assertProblem, event, get, post, type Reply, send, start } from './harness.ts';

const server = await start();
const base = Date.now() - 50 * 60_000;

before(async () => {
  const items: object[] = [];
  // Device n fails n times in the end, after 10 - n successes.
  for (let n = 0; n < 10; n += 1) {
    for (let seq = 0; seq < 10; seq += 1) {
      const failed = seq >= 10 - n;
      const counts = failed ? { total_files_synced: 0, total_errors: seq } : { total_errors: 0 };
      items.push(
        event({ device_id: `unit-${n}`, epoch: 'a', seq, timestamp: base + seq * 60_000, ...counts }),
      );
    }
  }
  const reply = await post(server, '/api/sync-events', items);
  assert.equal(reply.body.stored, 100);
});

describe('GET /api/devices/:id/sync-history', () => {
  test('pages newest first, under both paths', async () => {
    for (const path of ['/api/devices/unit-3/sync-history', '/api/device/unit-3/sync-history']) {
      const first = await get(server, `${path}?limit=4`);
      assert.deepEqual(
        first.body.items.map((one: { seq: number }) => one.seq),
        [9, 8, 7, 6],
      );
      assert.deepEqual(
        [first.body.page, first.body.pages, first.body.total, first.body.limit],
        [1, 3, 10, 4],
      );
      const third = await get(server, `${path}?limit=4&page=3`);
      assert.deepEqual(
        third.body.items.map((one: { seq: number }) => one.seq),
        [1, 0],
      );
      assert.equal(third.body.next_cursor, null);
    }
  });

  test('the cursor visits every item once, also while events arrive', async () => {
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Reply = await get(
        server,
        `/api/devices/unit-4/sync-history?limit=3${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...page.body.items.map((one: { seq: number }) => one.seq));
      cursor = page.body.next_cursor;
      await post(
        server,
        '/api/sync-event',
        event({ device_id: 'unit-4', epoch: 'a', seq: 100 + seen.length, timestamp: Date.now() }),
      );
    }
    assert.deepEqual(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  test('filters by time and status', async () => {
    const from = new Date(base + 3 * 60_000).toISOString();
    const window = await get(server, `/api/devices/unit-3/sync-history?from=${from}&to=${base + 6 * 60_000}`);
    assert.deepEqual(
      window.body.items.map((one: { seq: number }) => one.seq),
      [5, 4, 3],
    );
    assert.equal(window.body.pages, null);
    const failed = await get(server, '/api/devices/unit-3/sync-history?status=failed');
    assert.equal(failed.body.items.length, 3);
    const offset = `${new Date(base + 2 * 3_600_000 + 3 * 60_000).toISOString().slice(0, 19)}+02:00`;
    const zoned = await get(server, `/api/devices/unit-3/sync-history?from=${offset}`);
    assert.equal(zoned.status, 200, 'a plus sign in a time is understood');
    assert.equal(zoned.body.items.length, 7);
  });

  test('gives the wanted fields only', async () => {
    const reply = await get(server, '/api/devices/unit-3/sync-history?limit=1&fields=seq,timestamp');
    assert.deepEqual(Object.keys(reply.body.items[0]).sort(), ['seq', 'timestamp']);
  });
});

describe('GET /api/devices', () => {
  test('sorts, searches, filters and pages', async () => {
    const worst = await get(server, '/api/devices?search=UNIT&sort=-consecutive_failures&limit=3');
    assert.deepEqual(
      worst.body.items.map((one: { device_id: string }) => one.device_id),
      ['unit-9', 'unit-8', 'unit-7'],
    );
    assert.equal(worst.body.total, 10);
    const next = await get(
      server,
      `/api/devices?search=UNIT&sort=-consecutive_failures&limit=3&cursor=${worst.body.next_cursor}`,
    );
    assert.deepEqual(
      next.body.items.map((one: { device_id: string }) => one.device_id),
      ['unit-6', 'unit-5', 'unit-3'],
    );
    const ordered = await get(server, '/api/devices?sort=consecutive_failures&order=desc&limit=1');
    assert.equal(ordered.body.items[0].device_id, 'unit-9');
    const warning = await get(server, '/api/devices?status=warning');
    assert.deepEqual(
      warning.body.items.map((one: { device_id: string }) => one.device_id),
      ['unit-1', 'unit-2'],
    );
  });

  test('one device tells its state, streak, clock and statistics', async () => {
    const { body } = await get(server, '/api/devices/unit-3?window_hours=1');
    assert.equal(body.status, 'failing');
    assert.equal(body.consecutive_failures, 3);
    assert.equal(body.clock_quality, 'ok');
    assert.deepEqual([body.window.syncs, body.window.failed, body.window.errors], [10, 3, 24]);
    assert.equal(Date.parse(body.window.to) % 60_000, 0, 'so that the ETag holds for a minute');
    assert.ok(Date.parse(body.window.to) > Date.now() - 60_000);
    assert.equal(body.failing_since, new Date(base + 7 * 60_000).toISOString());
  });

  test('an unknown device is 404, whatever its name', async () => {
    for (const id of [
      'nobody',
      '__proto__',
      'constructor',
      '..%2F..%2Fetc%2Fpasswd',
      '%00',
      '%3Cscript%3E',
      'a'.repeat(300),
    ]) {
      assertProblem(await get(server, `/api/devices/${id}`), 404, 'device_unknown');
      const history = await get(server, `/api/device/${id}/sync-history`);
      assertProblem(history, 404, 'device_unknown');
      assert.doesNotMatch(history.text, /script|passwd/, 'what was asked is not repeated');
    }
  });

  test('an id of 128 characters, all percent-encoded, is found', async () => {
    const id = `a${':@'.repeat(63)}b`;
    await post(server, '/api/sync-event', event({ device_id: id }));
    const encoded = [...id].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
    assert.equal((await get(server, `/api/devices/${encoded}`)).body.device_id, id);
  });
});

describe('GET /api/devices/repeated-failures', () => {
  test('lists devices with more failures than the threshold, worst first', async () => {
    const total = await get(server, '/api/devices/repeated-failures');
    assert.deepEqual([total.body.threshold, total.body.mode], [3, 'total']);
    const ids = total.body.items.map((one: { device_id: string }) => one.device_id);
    assert.deepEqual(ids, ['unit-9', 'unit-8', 'unit-7', 'unit-6', 'unit-5', 'unit-4']);
    const first = total.body.items[0];
    assert.deepEqual([first.total_failures, first.consecutive_failures], [9, 9]);
    assert.equal(first.last_failure.total_errors, 9);
    const consecutive = await get(
      server,
      '/api/devices/repeated-failures?mode=consecutive&threshold=5&limit=2',
    );
    const worst = consecutive.body.items.map((one: { device_id: string }) => one.device_id);
    assert.deepEqual(worst, ['unit-9', 'unit-8']);
    const cursor = consecutive.body.next_cursor;
    const rest = await get(
      server,
      `/api/devices/repeated-failures?mode=consecutive&threshold=5&limit=2&cursor=${cursor}`,
    );
    assert.deepEqual(
      rest.body.items.map((one: { device_id: string }) => one.device_id),
      ['unit-7', 'unit-6'],
    );
  });
});

describe('GET /api/fleet/summary', () => {
  test('counts states and hours', async () => {
    const { body } = await get(server, '/api/fleet/summary?hours=2');
    const devices = Object.values(body.states as Record<string, number>).reduce((sum, n) => sum + n, 0);
    assert.equal(devices, body.devices);
    assert.equal(body.states.failing, 6);
    const syncs = body.hours.reduce((sum: number, hour: { syncs: number }) => sum + hour.syncs, 0);
    assert.equal(syncs, body.totals.syncs);
  });
});

describe('parameters', () => {
  const history = '/api/devices/unit-3/sync-history';
  const cases: readonly (readonly [path: string, field: string, says: RegExp])[] = [
    [`${history}?limit=0`, 'limit', /1 to 1000/],
    [`${history}?limit=1001`, 'limit', /1 to 1000/],
    [`${history}?limit=ten`, 'limit', /integer/],
    [`${history}?limit=1e3`, 'limit', /integer/],
    [`${history}?limit=`, 'limit', /integer/],
    [`${history}?limit=5&limit=6`, 'limit', /once/],
    [`${history}?page=0`, 'page', /1 to/],
    [`${history}?page=101&limit=1000`, 'page', /cursor/],
    [`${history}?page=1&cursor=x`, 'page', /not both/],
    [`${history}?limt=5`, 'limt', /Did you mean limit\?/],
    [`${history}?__proto__=5`, '__proto__', /Known are/],
    [`${history}?status=broken`, 'status', /success, partial, failed/],
    [`${history}?from=2026-02-30T00:00:00Z`, 'from', /./],
    [`${history}?to=yesterday`, 'to', /./],
    [`${history}?fields=seq,nope`, 'fields', /total_errors/],
    ['/api/devices?sort=name', 'sort', /device_id/],
    ['/api/devices?sort=-syncs&order=asc', 'order', /once/],
    ['/api/devices?search=', 'search', /1 to 128/],
    ['/api/devices/unit-3?window_hours=0', 'window_hours', /1 to/],
    ['/api/devices/repeated-failures?threshold=-1', 'threshold', /0 to/],
    ['/api/devices/repeated-failures?mode=sum', 'mode', /total, consecutive/],
    ['/api/fleet/summary?hours=1000000', 'hours', /1 to/],
    ['/api/quarantine/1?limit=5', 'limit', /takes none/],
    ['/api/quarantine?limit=9999', 'limit', /1 to 1000/],
  ];
  for (const [path, field, says] of cases) {
    test(`${path} is refused`, async () => {
      const reply = await get(server, path);
      assertProblem(reply, 400, 'invalid_parameter', field);
      assert.match(reply.body.detail, says);
    });
  }

  test('a cursor holds for its list and filters only', async () => {
    const page = await get(server, '/api/devices?limit=2&sort=-syncs');
    const { next_cursor: cursor } = page.body;
    for (const path of [
      `/api/devices?limit=2&sort=syncs&cursor=${cursor}`,
      `/api/devices?limit=2&sort=-syncs&search=u&cursor=${cursor}`,
      `/api/devices/repeated-failures?cursor=${cursor}`,
      `${history}?cursor=${cursor}`,
      `${history}?cursor=abc`,
      `${history}?cursor=..%2F..`,
      `/api/quarantine?cursor=${cursor}`,
    ]) {
      assertProblem(await get(server, path), 400, 'invalid_cursor', 'cursor');
    }
  });
});

describe('ETags', () => {
  test('a repeated read is 304, a changed one is not', async () => {
    const path = '/api/devices/unit-5/sync-history';
    const first = await get(server, path);
    const tag = first.headers.get('etag') ?? '';
    assert.match(tag, /^W\/"/);
    const second = await send(server, 'GET', path, undefined, { 'if-none-match': `"other", ${tag}` });
    assert.deepEqual([second.status, second.text], [304, '']);
    await post(server, '/api/sync-event', event({ device_id: 'unit-5' }));
    const third = await send(server, 'GET', path, undefined, { 'if-none-match': tag });
    assert.equal(third.status, 200);
  });

  test('HEAD answers like GET without a body', async () => {
    const response = await fetch(`${server.url}/api/devices`, { method: 'HEAD' });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '');
    assert.ok(Number(response.headers.get('content-length')) > 100);
  });
});
