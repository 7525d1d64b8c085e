import assert from 'node:assert/strict';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeDetection, PisyncError } from '@pisync/protocol';
import { exportDetections } from '../../../src/http/routes/detections/export-detections.ts';
import { exportNetworks } from '../../../src/http/routes/networks/export-networks.ts';
import type { DetectionPage, DetectionStore } from '../../../src/ports/detection-store.ts';
import { assertProblem } from '../harness.ts';
import { heard, now, serve, storeOf } from './detection-server.ts';

const routes = [exportDetections, exportNetworks];
/** More than one page of what the server reads at once. */
const rows = 12_000;
const mac = (at: number) => `00:1A:2B:00:${hex(at >> 8)}:${hex(at & 255)}`;
const hex = (byte: number) => byte.toString(16).padStart(2, '0').toUpperCase();
const sent = Array.from({ length: rows }, (_, at) =>
  heard({ timestamp: now - 1000 - Math.floor(at / 3), identity: mac(at % 6000), channel: at }),
);
const server = await serve(routes, storeOf(sent));

describe('exports', () => {
  test('hold all rows that meet the conditions, whatever their number, each once', async () => {
    const reply = await server.get('/api/detections/export?format=ndjson');
    const lines = reply.text.trimEnd().split('\n');
    const channels = lines.map((line) => {
      const decoded = decodeDetection(JSON.parse(line));
      return decoded.ok ? decoded.detection.channel : null;
    });
    assert.deepEqual(
      channels.toSorted((a, b) => Number(a) - Number(b)),
      Array.from({ length: rows }, (_, at) => at),
    );
    const networks = await server.get('/api/networks/export?format=ndjson');
    const identities = networks.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).identity);
    assert.deepEqual([identities.length, new Set(identities).size], [6000, 6000]);
    const one = await server.get(`/api/detections/export?identity=${mac(7)}&min_signal=-70`);
    assert.equal(one.text.trimEnd().split('\r\n').length, 1 + 2, 'a header and both rows');
    const none = await server.get('/api/detections/export?format=geojson&name=none');
    assert.deepEqual(JSON.parse(none.text).features, []);
  });

  for (const route of routes) {
    const schema = route.query?.['format']?.schema as { enum: string[] } | undefined;
    for (const format of schema?.enum ?? []) {
      test(`${route.path} as ${format} is a file with a safe name`, async () => {
        const filter = route === exportNetworks ? 'search=05:07' : `identity=${mac(7)}`;
        const reply = await server.get(`${route.path}?format=${format}&${filter}`);
        assert.equal(reply.status, 200);
        const what = route === exportNetworks ? 'networks' : 'detections';
        const name = new RegExp(`^attachment; filename="pisync-${what}-20261120T083000Z\\.[a-z.]{3,10}"$`);
        assert.match(reply.headers.get('content-disposition') ?? '', name);
        assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
        assert.ok(reply.text.length > 100);
      });
    }
  }

  test('a wrong parameter is named before anything is written', async () => {
    const reply = await server.get('/api/detections/export?format=xls');
    assertProblem(reply, 400, 'invalid_parameter', 'format');
    assert.match(reply.body.detail, /csv, ndjson/);
    assertProblem(
      await server.get('/api/networks/export?format=wigle-csv'),
      400,
      'invalid_parameter',
      'format',
    );
    assertProblem(await server.get('/api/detections/export?limit=5'), 400, 'invalid_parameter', 'limit');
  });
});

/** A store whose lists never end, with the number of pages that it gave. */
function endless(list: (page: number) => Promise<DetectionPage>): {
  store: DetectionStore;
  pages: () => number;
} {
  let pages = 0;
  const store = { ...storeOf([]), list: () => list(pages++) };
  return { store, pages: () => pages };
}

const page = (await storeOf(sent).list({ filter: {}, limit: 5000 })) as DetectionPage;

describe('an export to a client that', () => {
  test('takes nothing more is not read for, and ends when the client goes away', async () => {
    const { store, pages } = endless(async () => page);
    const { url, errors } = await serve(routes, store);
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    const request = httpGet(`${url}/api/detections/export`, resolve);
    request.on('error', () => {});
    const response = await promise;
    response.on('error', () => {});
    response.pause();
    let before = -1;
    // What the sockets hold is some megabytes at most.
    for (let calm = 0; calm < 5; ) {
      await sleep(50);
      calm = pages() === before ? calm + 1 : 0;
      before = pages();
      assert.ok(before < 200, `${before} pages were read for nobody`);
    }
    response.resume();
    await sleep(100);
    assert.ok(pages() > before, 'it goes on with the client');
    response.destroy();
    await sleep(200);
    const after = pages();
    await sleep(200);
    assert.equal(pages(), after, 'nothing is read any more');
    assert.deepEqual(errors, [], 'a client that goes away is no error');
  });

  test('is told of a store that cannot answer, before or in the middle', async () => {
    const failing = endless(async () => {
      throw new PisyncError('store_unavailable');
    });
    const first = await serve(routes, failing.store);
    // No format may write anything before it has a first row, which is how the reply can still be a problem.
    const { schema } = exportDetections.query?.['format'] ?? {};
    for (const format of (schema as { enum: string[] }).enum) {
      const reply = await first.get(`/api/detections/export?format=${format}`);
      assertProblem(reply, 503, 'store_unavailable');
    }
    const late = endless(async (at) => {
      if (at === 2) throw new TypeError('gone');
      return page;
    });
    const second = await serve(routes, late.store);
    await assert.rejects(second.get('/api/detections/export'), 'the connection is cut');
    assert.deepEqual(
      second.errors.map((error) => (error as Error).message),
      ['gone'],
    );
  });
});
