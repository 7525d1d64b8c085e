import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeDetection } from '@pisync/protocol';
import { getClusters } from '../../../src/http/routes/detections/get-clusters.ts';
import { getDetectionGrid } from '../../../src/http/routes/detections/get-detection-grid.ts';
import { listDetections } from '../../../src/http/routes/detections/list-detections.ts';
import { assertProblem } from '../harness.ts';
import { everyPage, heard, now, serve, storeOf } from './detection-server.ts';

const sent = [
  heard({
    timestamp: now - 1000,
    identity: '00:1a:2b:00:00:01',
    metadata: { b: 1 },
    capabilities: '[WPA2-PSK-CCMP][ESS]',
    frequency_mhz: 2437,
    epoch: 'e',
    seq: 3,
    position: { lat: 48.2, lon: 16.3, altitude: 171.5, accuracy: 4, heading: 90, speed: 2 },
  }),
  heard({
    timestamp: now - 2000,
    identity: '00:1A:2B:00:00:02',
    name: '=cmd|calc',
    signal_dbm: -90,
    security: 'open',
  }),
  heard({ timestamp: now - 3000, type: 'ble', identity: 'AA-BB-CC-DD-EE-FF', name: null, security: null }),
  heard({
    timestamp: now - 4000,
    device_id: 'pw-2',
    type: 'cellular',
    identity: '232-01-1101-28012',
    name: 'A1',
    security: null,
    signal_dbm: null,
    position: null,
  }),
  heard({ timestamp: now - 5000, device_id: 'pw-2', position: { lat: -16.5, lon: 179.99 } }),
  heard({ timestamp: now - 6000, device_id: 'pw-2', position: { lat: -16.5, lon: -179.99 } }),
];
const server = await serve([listDetections, getDetectionGrid, getClusters], storeOf(sent));

/** Seconds before `now` at which the listed detections were made. */
async function found(query: string): Promise<number[]> {
  const reply = await server.get(`/api/detections?${query}`);
  assert.equal(reply.status, 200, reply.text);
  return reply.body.items.map((item: { timestamp: string }) => (now - Date.parse(item.timestamp)) / 1000);
}

describe('GET /api/detections', () => {
  test('shows detections newest first, in the words in which they are sent', async () => {
    const { body } = await server.get('/api/detections');
    assert.equal(body.items.length, 6);
    assert.deepEqual(body.items[0], {
      device_id: 'pw-1',
      timestamp: '2026-11-20T08:29:59.000Z',
      type: 'wifi',
      identity: '00:1A:2B:00:00:01',
      vendor: 'Ayecom',
      name: 'Cafe',
      security: 'wpa2',
      channel: 6,
      frequency_mhz: 2437,
      signal_dbm: -61,
      position: { lat: 48.2, lon: 16.3, altitude: 171.5, accuracy: 4, heading: 90, speed: 2 },
      capabilities: '[WPA2-PSK-CCMP][ESS]',
      metadata: { b: 1 },
      device_time: '2026-11-20T08:29:59.000Z',
      received_at: '2026-11-20T08:30:00.000Z',
      clock_quality: 'ok',
      epoch: 'e',
      seq: 3,
      event_id: null,
    });
    assert.deepEqual([body.items[3].vendor, body.items[3].position], [null, null], 'a cell has no vendor');
  });

  test('what it shows is decoded to the same detection when it is sent again', async () => {
    const { body } = await server.get('/api/detections');
    for (const [at, item] of body.items.entries()) {
      const { vendor, received_at, clock_quality, device_time, ...rest } = item;
      assert.deepEqual(decodeDetection(rest), decodeDetection({ ...sent[at] }), JSON.stringify(item));
    }
  });

  test('each condition leaves out what does not meet it', async () => {
    const conditions: [string, number[]][] = [
      ['type=ble,cellular', [3, 4]],
      ['security=open', [2]],
      ['security=wpa2', [1, 5, 6]],
      ['min_signal=-70', [1, 3, 5, 6]],
      ['max_signal=-80.5', [2]],
      ['device_id=pw-2', [4, 5, 6]],
      ['device_id=pw-2,pw-1', [1, 2, 3, 4, 5, 6]],
      ['identity=00-1a-2b-00-00-02', [2]],
      ['identity=232-1-1101-28012', [4]],
      ['name=A1', [4]],
      ['search=CAF', [1, 5, 6]],
      [`from=${now - 3000}`, [1, 2, 3]],
      [`to=${now - 3000}`, [4, 5, 6]],
      [`from=2026-11-20T08:29:57Z&to=2026-11-20T08:29:58.500Z`, [2, 3]],
      ['box=16,48,17,49', [1, 2, 3]],
      ['box=16.36,48.21,16.36,48.21', [2, 3]],
      ['box=179,-17,-179,-16', [5, 6]],
      ['box=179,-17,181,-16', [5, 6]],
      ['box=-181,-17,-179,-16', [5, 6]],
      ['box=-300,-90,300,90', [1, 2, 3, 5, 6]],
      ['near=48.2,16.3&radius=10', [1]],
      ['near=48.2,16.3&radius=10000', [1, 2, 3]],
      ['type=wifi&device_id=pw-2&near=-16.5,180&radius=2000', [5, 6]],
      ['type=wifi&name=none', []],
    ];
    for (const [query, expected] of conditions) assert.deepEqual(await found(query), expected, query);
  });

  test('a cursor shows everything once, and belongs to its filters', async () => {
    for (const [filter, total] of [
      ['', 6],
      ['&type=wifi', 4],
    ] as const) {
      const items = await everyPage(server, `/api/detections?limit=1${filter}`);
      const seen = items.map(({ timestamp }) => timestamp);
      assert.equal(seen.length, total);
      assert.equal(new Set(seen).size, total);
    }
    const atOnce = Array.from({ length: 5 }, (_, channel) => heard({ channel }));
    const items = await everyPage(await serve([listDetections], storeOf(atOnce)), '/api/detections?limit=2');
    assert.deepEqual(
      items.map(({ channel }) => channel),
      [4, 3, 2, 1, 0],
      'also of those of one moment',
    );
    const { body } = await server.get('/api/detections?limit=1');
    const other = await server.get(`/api/detections?limit=1&type=wifi&cursor=${body.next_cursor}`);
    assertProblem(other, 400, 'invalid_cursor', 'cursor');
    assertProblem(await server.get('/api/detections?cursor=x'), 400, 'invalid_cursor', 'cursor');
  });

  test('gives the wanted fields only, and nothing where the client has it', async () => {
    const reply = await server.get('/api/detections?fields=identity,vendor');
    assert.deepEqual(Object.keys(reply.body.items[0]), ['identity', 'vendor']);
    const tag = reply.headers.get('etag') ?? '';
    const again = await server.get('/api/detections?fields=identity,vendor', { 'if-none-match': tag });
    assert.equal(again.status, 304);
  });

  test('a wrong parameter is named, with what to send', async () => {
    const wrong: [string, string, RegExp][] = [
      ['box=1,2,3', 'box', /west,south,east,north/],
      ['box=16,50,17,48', 'box', /south not over north/],
      ['box=16,-91,17,48', 'box', /degrees/],
      ['box=200,0,190,10', 'box', /degrees/],
      ['box=a,b,c,d', 'box', /degrees/],
      ['box=1e1,0,20,10', 'box', /degrees/],
      ['near=48.2,16.3', 'radius', /both/],
      ['radius=5', 'near', /both/],
      ['near=91,0&radius=5', 'near', /latitude,longitude/],
      ['near=48.2,16.3&radius=-1', 'radius', /a number from 0/],
      ['type=wifi,zigbee', 'type', /wifi, bluetooth, ble, cellular/],
      ['security=wpa9', 'security', /one of open, wep/],
      ['min_signal=5', 'min_signal', /-200 to 0/],
      ['min_signal=-50&max_signal=-60', 'max_signal', /under min_signal/],
      ['from=2026-11-20T08:00:00Z&to=2026-11-20T07:00:00Z', 'to', /under from/],
      ['device_id=a%20b', 'device_id', /device ids/],
      ['identity=00:11', 'identity', /00:1A:2B:3C:4D:5E/],
      ['limit=0', 'limit', /1 to 1000/],
      ['ssid=x', 'ssid', /No such parameter/],
      ['fields=bssid', 'fields', /identity/],
    ];
    for (const [query, field, detail] of wrong) {
      const reply = await server.get(`/api/detections?${query}`);
      assertProblem(reply, 400, 'invalid_parameter', field);
      assert.match(reply.body.detail, detail, query);
    }
  });
});

describe('maps', () => {
  test('a grid counts by cell, in tiles as fine as asked for', async () => {
    const { body } = await server.get('/api/detections/grid?box=16,48,17,49&zoom=10.7');
    assert.deepEqual([body.zoom, body.cell_zoom, body.complete], [10, 14, true]);
    assert.deepEqual(
      body.cells.map(({ count, lat, lon }: Record<string, number>) => [count, lat, lon]),
      [
        [1, 48.2, 16.3],
        [2, 48.21, 16.36],
      ],
    );
    assert.equal(body.cells[1].strongest_signal_dbm, -61);
    assert.equal(body.cells[1].x, Math.floor(((16.36 + 180) / 360) * 2 ** 14));
    const coarse = await server.get('/api/detections/grid?box=16,48,17,49&zoom=4&cell_pixels=64');
    assert.deepEqual(
      [coarse.body.cell_zoom, coarse.body.cells.length, coarse.body.cells[0].count],
      [6, 1, 3],
    );
    const fine = await server.get('/api/detections/grid?box=16,48,17,49&zoom=24&cell_pixels=4&type=ble');
    assertProblem(fine, 400, 'invalid_parameter', 'zoom');
    const best = Number(/zoom (\d+) or less/.exec(fine.body.detail)?.[1]);
    const path = (zoom: number) => `/api/detections/grid?box=16,48,17,49&zoom=${zoom}&cell_pixels=4&type=ble`;
    const told = await server.get(path(best));
    assert.deepEqual([told.status, told.body.cells.length], [200, 1], 'the zoom that it advises works');
    assert.equal((await server.get(path(best + 1))).status, 400, 'and is the deepest that does');
  });

  test('a view across the antimeridian holds both sides', async () => {
    const { body } = await server.get('/api/detections/grid?box=179,-17,181,-16&zoom=8');
    assert.deepEqual(
      body.cells.map(({ count }: Record<string, number>) => count),
      [1, 1],
    );
  });

  test('a box that is larger than any screen is refused on both sides of the antimeridian', async () => {
    for (const box of ['179,-17,-179,-16', '-180,-85,180,85', '0,-85,-1,85']) {
      const reply = await server.get(`/api/detections/grid?box=${box}&zoom=23&cell_pixels=4`);
      assertProblem(reply, 400, 'invalid_parameter', 'zoom');
    }
  });

  test('clusters join what is near on the screen', async () => {
    const at = async (zoom: number) => {
      const { body } = await server.get(`/api/detections/clusters?box=16,48,17,49&zoom=${zoom}`);
      return body.clusters;
    };
    assert.deepEqual(
      (await at(4)).map(({ count }: Record<string, number>) => count),
      [3],
    );
    const apart = await at(14);
    assert.deepEqual(
      apart.map(({ count, lat, lon }: Record<string, number>) => [count, lat, lon]),
      [
        [2, 48.21, 16.36],
        [1, 48.2, 16.3],
      ],
    );
    const [joined] = await at(8);
    assert.ok((await at(joined.splits_at_zoom)).length > 1, 'the zoom at which it falls apart');
    assert.equal((await at(joined.splits_at_zoom - 1)).length, 1);
  });

  test('needs the part of the map that is shown', async () => {
    assertProblem(await server.get('/api/detections/grid?zoom=3'), 400, 'invalid_parameter', 'box');
    assertProblem(await server.get('/api/detections/clusters?box=0,0,1,1'), 400, 'invalid_parameter', 'zoom');
  });
});
