import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { getNetwork } from '../../../src/http/routes/networks/get-network.ts';
import { getNetworkGrid } from '../../../src/http/routes/networks/get-network-grid.ts';
import { listEvilTwins } from '../../../src/http/routes/networks/list-evil-twins.ts';
import { listNetworkChanges } from '../../../src/http/routes/networks/list-network-changes.ts';
import { listNetworks } from '../../../src/http/routes/networks/list-networks.ts';
import { assertProblem, type Reply } from '../harness.ts';
import { everyPage, heard, now, serve, storeOf } from './detection-server.ts';

const day = 86_400_000;
const routes = [listNetworks, getNetwork, getNetworkGrid, listNetworkChanges, listEvilTwins];
const cafe = '00:1A:2B:3C:4D:5E';
const server = await serve(
  routes,
  storeOf([
    heard({ timestamp: now - 100 * day, signal_dbm: -40 }),
    heard({ timestamp: now - 2 * day, security: 'wpa3' }),
    heard({ timestamp: now - day, security: 'wpa3', name: 'Bar' }),
    heard({ timestamp: now - day, identity: '02:00:00:00:00:01', name: 'Bar', security: 'open' }),
    heard({
      timestamp: now - 3 * day,
      type: 'ble',
      identity: cafe,
      name: null,
      position: null,
      security: null,
    }),
    heard({
      timestamp: now - 90 * day,
      type: 'cellular',
      identity: '232-1-1101-28012',
      name: 'A1',
      security: null,
      signal_dbm: null,
      position: { lat: 10, lon: 20 },
    }),
  ]),
);

function ids(reply: Reply): string[] {
  assert.equal(reply.status, 200, reply.text);
  return reply.body.items.map(({ id }: { id: string }) => id);
}

const [twin, ble, cell] = ['wifi:02:00:00:00:00:01', `ble:${cafe}`, 'cellular:232-1-1101-28012'];

describe('GET /api/networks', () => {
  test('shows each radio once, newest seen first, page by page', async () => {
    const reply = await server.get('/api/networks');
    assert.deepEqual(ids(reply), [`wifi:${cafe}`, twin, ble, cell]);
    assert.deepEqual(await everyPage(server, '/api/networks?limit=1'), reply.body.items);
    const [first, , unplaced, mast] = reply.body.items;
    assert.deepEqual(
      [first.name, first.security, first.detections, first.vendor],
      ['Bar', 'wpa3', 3, 'Ayecom'],
    );
    assert.deepEqual(first.strongest, { signal_dbm: -40, position: { lat: 48.21, lon: 16.36 } });
    assert.equal(first.position.observations, 3);
    assert.equal(first.first_seen_at, new Date(now - 100 * day).toISOString());
    assert.equal(first.last_seen_at, new Date(now - day).toISOString());
    assert.deepEqual([unplaced.position, unplaced.strongest.position], [null, null]);
    assert.deepEqual([mast.strongest, mast.vendor], [null, null]);
  });

  test('each condition leaves out what does not meet it', async () => {
    const conditions: [string, string[]][] = [
      ['type=ble,cellular', [ble, cell]],
      ['security=open', [twin]],
      ['min_signal=-50', [`wifi:${cafe}`]],
      ['name=Bar', [`wifi:${cafe}`, twin]],
      ['name=Cafe', []],
      ['search=1a:2b', [`wifi:${cafe}`, ble]],
      ['box=19,9,21,11', [cell]],
      [`first_seen_from=${now - 3 * day}`, [twin, ble]],
      [`last_seen_from=${now - 2 * day}`, [`wifi:${cafe}`, twin]],
    ];
    for (const [query, expected] of conditions) {
      assert.deepEqual(ids(await server.get(`/api/networks?${query}`)), expected, query);
    }
    const bound = (await server.get('/api/networks?limit=1')).body.next_cursor;
    const other = await server.get(`/api/networks?limit=1&type=wifi&cursor=${bound}`);
    assertProblem(other, 400, 'invalid_cursor', 'cursor');
  });

  test('one network is found under any usual spelling of its identity, and tells what it was seen as', async () => {
    for (const id of [`wifi:${cafe}`, 'wifi:00-1a-2b-3c-4d-5e', 'wifi:001A2B3C4D5E']) {
      const { body } = await server.get(`/api/networks/${encodeURIComponent(id)}`);
      assert.deepEqual(
        body.variants.map(({ name, security, detections }: Record<string, unknown>) => [
          name,
          security,
          detections,
        ]),
        [
          ['Cafe', 'wpa2', 1],
          ['Cafe', 'wpa3', 1],
          ['Bar', 'wpa3', 1],
        ],
      );
    }
    assert.equal((await server.get('/api/networks/cellular:232-001-1101-28012')).body.id, cell);
  });

  test('what is no network is unknown, with how an id looks', async () => {
    for (const id of [
      'wifi:00:00:00:00:00:01',
      `bluetooth:${cafe}`,
      'wifi',
      'wifi:',
      'x:y',
      `cellular:${cafe}`,
    ]) {
      assertProblem(await server.get(`/api/networks/${encodeURIComponent(id)}`), 404, 'network_unknown');
    }
    const reply = await server.get('/api/networks/x');
    assert.match(reply.body.detail, /wifi:00:1A:2B:3C:4D:5E/);
    assertProblem(await server.get(`/api/networks/wifi:${cafe}?box=1`), 400, 'invalid_parameter', 'box');
  });

  test('a grid counts each network once', async () => {
    const { body } = await server.get('/api/networks/grid?box=16,48,17,49&zoom=8');
    assert.deepEqual(
      body.cells.map(({ count, strongest_signal_dbm: signal }: Record<string, number>) => [count, signal]),
      [[2, -40]],
    );
  });
});

describe('GET /api/network-changes', () => {
  const path = `/api/network-changes?from=${now - 50 * day}`;

  test('tells what is new, newest first, of a week unless more is asked for', async () => {
    const { body } = await server.get('/api/network-changes');
    assert.deepEqual(
      body.items.map(({ kind, id }: Record<string, string>) => [kind, id]).sort(),
      [
        ['name_changed', `wifi:${cafe}`],
        ['new_network', ble],
        ['new_network', twin],
        ['security_changed', `wifi:${cafe}`],
      ].sort(),
    );
    assert.deepEqual([body.from, body.to], ['2026-11-13T08:31:00.000Z', '2026-11-20T08:31:00.000Z']);
    const changed = body.items.find(({ kind }: { kind: string }) => kind === 'security_changed');
    assert.deepEqual([changed.security, changed.before], ['wpa3', { name: 'Cafe', security: 'wpa2' }]);
    const all = await server.get(`/api/network-changes?from=${now - 200 * day}`);
    assert.equal(all.body.items.length, 6);
    assert.equal((await server.get('/api/network-changes?box=19,9,21,11')).body.items.length, 0);
  });

  test('a cursor shows each change once, also of those at one time', async () => {
    const { body } = await server.get(path);
    assert.equal(body.items.length, 4);
    assert.equal(body.items[0].timestamp, body.items[1].timestamp, 'two changes have one time');
    assert.deepEqual(await everyPage(server, `${path}&limit=1`), body.items);
    assert.equal(
      new Set((await everyPage(server, `${path}&limit=1`)).map((item) => JSON.stringify(item))).size,
      4,
    );
    const half = await server.get(`${path}&limit=3`);
    const rest = await server.get(`${path}&limit=3&cursor=${half.body.next_cursor}`);
    assert.deepEqual([...half.body.items, ...rest.body.items], body.items);
    assert.deepEqual([rest.body.from, rest.body.to, rest.body.next_cursor], [body.from, body.to, null]);
  });

  test('many more changes at one moment than fit a page are all shown', async () => {
    const mac = (at: number) =>
      `10:00:00:00:${String(Math.floor(at / 100)).padStart(2, '0')}:${String(at % 100).padStart(2, '0')}`;
    const many = await serve(
      [listNetworkChanges],
      storeOf(
        Array.from({ length: 25 }, (_, at) =>
          heard({ timestamp: now - day - Math.floor(at / 20), identity: mac(at) }),
        ),
      ),
    );
    const seen = (await everyPage(many, '/api/network-changes?limit=7')).map(({ id }) => id);
    assert.equal(seen.length, 25);
    assert.equal(new Set(seen).size, 25);
  });
});

describe('GET /api/evil-twins', () => {
  test('tells candidates with their reasons', async () => {
    const { body } = await server.get('/api/evil-twins');
    assert.equal(body.items.length, 1);
    const [{ network, beside, reasons, distance_m: distance }] = body.items;
    assert.deepEqual([network.id, beside.id, distance], [twin, `wifi:${cafe}`, 0]);
    assert.deepEqual(
      reasons.map(({ code }: { code: string }) => code),
      ['open_beside_secured', 'local_address', 'new_nearby'],
    );
    assert.equal(body.next_cursor, null);
    const old = await server.get('/api/evil-twins?new_days=365');
    assert.equal(old.body.items[0].reasons.length, 2, 'both count as new');
  });

  test('pages by name', async () => {
    const pair = (name: string, at: number) => [
      heard({ name, identity: `00:1A:2B:00:${at}0:01`, timestamp: now - 2000 }),
      heard({ name, identity: `00:1A:2B:00:${at}0:02`, timestamp: now - 1000, security: 'open' }),
    ];
    const twins = await serve(routes, storeOf(['b', 'a', 'c'].flatMap((name, at) => pair(name, at + 1))));
    const items = await everyPage(twins, '/api/evil-twins?limit=1');
    const names = items.map(({ network }) => (network as { name: string }).name);
    assert.deepEqual(names, ['a', 'b', 'c']);
  });
});
