import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import { assertProblem, get, post, type Reply, send, start, type TestServer } from '../harness.ts';
import { startOn } from '../store-harness.ts';

let now = Date.UTC(2026, 10, 20, 8, 30);
const clock = { now: () => now, monotonic: () => performance.now() };
const server = await start({}, { clock });

async function newest(
  on: TestServer = server,
): Promise<{ id: number; source: string; raw: string; detail: string }> {
  return (await get(on, '/api/quarantine?limit=1')).body.items[0];
}

/** Replays what was rejected last, an hour after it came, so that its times are those of its receipt. */
async function replayNewest(item?: unknown, on: TestServer = server): Promise<Reply> {
  const { id } = await newest(on);
  now += 3_600_000;
  try {
    const path = `/api/quarantine/${id}/replay`;
    return item === undefined ? await send(on, 'POST', path) : await post(on, path, { item });
  } finally {
    now -= 3_600_000;
  }
}

async function pointsOf(deviceId: string, metric: string): Promise<[string, unknown][]> {
  const reply = await get(server, `/api/telemetry/range?device_id=${deviceId}&metric=${metric}`);
  return reply.body.points?.map((point: { timestamp: string; value: unknown }) => [
    point.timestamp,
    point.value,
  ]);
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into it freely
async function detectionsOf(deviceId: string): Promise<any[]> {
  return (await get(server, `/api/detections?device_id=${deviceId}`)).body.items;
}

function write(line: string, query = ''): Promise<Reply> {
  return send(server, 'POST', `/write${query}`, line, { 'content-type': 'text/plain' });
}

function importFile(text: string, deviceId: string): Promise<Reply> {
  return send(server, 'POST', `/api/imports?device_id=${deviceId}&name=a.csv`, text, {
    'content-type': 'application/octet-stream',
  });
}

const mac = '00:1A:2B:3C:4D:5E';
const detection = { type: 'wifi', identity: mac, signal_dbm: -60 };

describe('a replay', () => {
  test('of a detection stores a detection, as of its first receipt', async () => {
    const bad = { ...detection, device_id: 'r-1', timestamp: now - 86_400_000, sent_at: now - 86_400_000 };
    assert.equal((await post(server, '/api/detections', { ...bad, identity: 'x' })).body.rejected, 1);
    assertProblem(await replayNewest(), 400, 'invalid_text', 'identity');
    const { body } = await replayNewest(bad);
    assert.deepEqual(
      [body.kind, body.result, body.device_id, body.timestamp, body.clock_quality],
      ['detection', 'stored', 'r-1', '2026-11-20T08:30:00.000Z', 'corrected'],
    );
    const [kept] = await detectionsOf('r-1');
    assert.equal(kept.received_at, '2026-11-20T08:30:00.000Z');
    assert.equal((await get(server, '/api/quarantine?device_id=r-1')).body.total, 0);
    // The same by its own route, and corrected again, changes nothing.
    await post(server, '/api/detections', { ...bad, identity: 'x' });
    assert.equal((await replayNewest(bad)).body.result, 'duplicate');
    assert.equal((await detectionsOf('r-1')).length, 1);
  });

  test('of a detection without any identity stores it once, also where a replay broke off', async () => {
    let broken = true;
    const failing = await startOn((store) => ({
      discard: (id) => (broken ? Promise.reject(new PisyncError('store_unavailable')) : store.discard(id)),
    }));
    await post(failing, '/api/detections', { device_id: 'r-2', type: 'wifi' });
    const mended = { ...detection, device_id: 'r-2' };
    assertProblem(await replayNewest(mended, failing), 503, 'store_unavailable');
    broken = false;
    assert.equal((await replayNewest(mended, failing)).body.result, 'duplicate');
  });

  test('of telemetry stores its points, those without a time at the first receipt', async () => {
    const item = { device_id: 'r-3', metric: 't', value: null };
    assert.equal((await post(server, '/api/telemetry', [item])).body.rejected, 1);
    assertProblem(await replayNewest(), 400, 'missing_field', 'value');
    const { body } = await replayNewest({ ...item, value: 5 });
    assert.deepEqual(
      [body.kind, body.result, body.device_id, body.points],
      ['telemetry', 'stored', 'r-3', 1],
    );
    assert.deepEqual(await pointsOf('r-3', 't'), [['2026-11-20T08:30:00.000Z', 5]]);
    await post(server, '/api/telemetry', [item]);
    const columns = {
      t: { timestamps: [now - 1000, now], values: [1, 2] },
      u: { timestamps: [now], values: ['x'] },
    };
    assert.equal((await replayNewest({ device_id: 'r-3', metrics: columns })).body.points, 3);
    assert.deepEqual(await pointsOf('r-3', 'u'), [['2026-11-20T08:30:00.000Z', 'x']]);
  });

  test('of a line reads its time in the unit in which it was sent', async () => {
    const seconds = now / 1000 - 60;
    assert.equal((await write(`m value=1 ${seconds}`, '?precision=s')).status, 400);
    assert.equal((await newest()).source, 'write s');
    assertProblem(await replayNewest(), 400, 'missing_field', 'device_id');
    const { body } = await replayNewest(`m,host=r-4 value=1,n=2i ${seconds}`);
    assert.deepEqual(
      [body.kind, body.result, body.device_id, body.points],
      ['telemetry', 'stored', 'r-4', 2],
    );
    assert.deepEqual(await pointsOf('r-4', 'm'), [['2026-11-20T08:29:00.000Z', 1]]);
    await write('m value=2');
    assert.equal((await newest()).source, 'write');
    await replayNewest('m,host=r-4 value=2\n');
    assert.deepEqual((await pointsOf('r-4', 'm')).at(-1), ['2026-11-20T08:30:00.000Z', 2]);
    // Ahead of the receipt, though not of the replay: what is corrected is the clock that the receipt knew.
    await write('m value=3');
    await replayNewest(`ahead,host=r-4 value=3 ${now + 1_800_000}000000`);
    assert.deepEqual(await pointsOf('r-4', 'ahead'), [['2026-11-20T08:30:00.000Z', 3]]);
  });

  test('of a line takes one line, as a text', async () => {
    await write('m value=1');
    const wrong = [{ metric: 'm' }, 'm,host=r-5 value=1\nm,host=r-5 value=2', '# nothing', ''];
    for (const item of wrong) assertProblem(await replayNewest(item), 400, 'invalid_item', 'item');
    assertProblem(await replayNewest('m,host=r-5 value='), 400, 'invalid_line');
    assert.equal(await pointsOf('r-5', 'm'), undefined);
    assert.equal((await replayNewest('m,host=r-5 value=3')).status, 200);
  });

  test('of an item of an envelope is complete by itself, whatever its kind, and keeps its number', async () => {
    const sent_at = now - 10 * 86_400_000;
    const common = { device_id: 'r-6', epoch: 'e', sent_at };
    const bad = [
      { kind: 'telemetry', seq: 1, timestamp: sent_at, metric: 't', value: null, device_id: null },
      { kind: 'detection', seq: 2, timestamp: sent_at, ...detection, identity: 'x', epoch: null },
      { seq: 3, timestamp: sent_at, total_files_synced: 1, total_errors: -1, sentAt: null },
    ];
    const mend = [{ value: 7 }, { identity: mac }, { total_errors: 0 }];
    for (const [at, kind] of ['telemetry', 'detection', 'sync_event'].entries()) {
      const reply = await post(server, '/api/batches', { ...common, observations: [bad[at]] });
      assert.equal(reply.body.rejected, 1, reply.text);
      const raw = JSON.parse((await newest()).raw);
      assert.deepEqual([raw.device_id, raw.epoch, raw.sent_at], ['r-6', 'e', sent_at]);
      const mended = await replayNewest({ ...raw, ...mend[at] });
      assert.deepEqual([mended.body.kind, mended.body.result], [kind, 'stored'], mended.text);
      // The device sends it again, mended: it was counted.
      const again = await post(server, '/api/batches', {
        ...common,
        observations: [{ ...bad[at], ...mend[at] }],
      });
      assert.deepEqual([again.body.duplicate, again.body.stored], [1, 0], again.text);
    }
    assert.deepEqual(await pointsOf('r-6', 't'), [['2026-11-20T08:30:00.000Z', 7]]);
    assert.equal((await detectionsOf('r-6'))[0].timestamp, '2026-11-20T08:30:00.000Z');
  });

  test('of a row of NDJSON is what its import would have stored', async () => {
    const row = { ...detection, timestamp: now - 1000 };
    await importFile(`${JSON.stringify({ ...row, identity: 'x' })}\n${JSON.stringify(row)}\n`, 'r-7');
    assertProblem(await replayNewest(), 400, 'invalid_text', 'identity');
    const other = { ...row, identity: '00:1A:2B:3C:4D:5F' };
    const { body } = await replayNewest(other);
    assert.deepEqual([body.kind, body.result, body.device_id], ['detection', 'stored', 'r-7']);
    const imported = await importFile(`${JSON.stringify(other)}\n${JSON.stringify(row)}\n`, 'r-7');
    assert.match(imported.text, /"stored":0,"duplicate":2,"conflict":0,"rejected":0/);
  });

  test('of a row of another file says what to do, and takes a detection in its place', async () => {
    const head =
      'WigleWifi-1.4,appRelease=1\nMAC,SSID,AuthMode,FirstSeen,Channel,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,Type\n';
    await importFile(`${head}broken,x,[WPA2],2026-11-20 08:00:00,6,-60,48,11,1,1,WIFI\n`, 'r-8');
    const refused = await replayNewest();
    assertProblem(refused, 409, 'not_replayable');
    assert.match(refused.body.detail, /import the file again/);
    const { body } = await replayNewest({ ...detection, timestamp: now - 1000 });
    assert.deepEqual([body.kind, body.device_id], ['detection', 'r-8']);
    await importFile(
      '<gpx version="1.1" creator="x"><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>',
      'r-8',
    );
    const track = await replayNewest();
    assert.equal(track.status, 400, track.text);
    assert.match(track.body.detail, /import the file again/);
  });

  test('of a whole body, or of what was cut, is refused with what to do', async () => {
    for (const body of ['{"device_id":"r-9","observations":[{]', '{"observations":[{"seq":0}]}']) {
      assert.equal((await send(server, 'POST', '/api/batches', body)).status, 400);
      for (const item of [undefined, { device_id: 'r-9', total_files_synced: 1, total_errors: 0 }]) {
        const reply = await replayNewest(item);
        assertProblem(reply, 409, 'not_replayable');
        assert.match(reply.body.detail, /POST \/api\/batches/);
      }
    }
    await write(`m value="${'x'.repeat(70_000)}"`);
    assertProblem(await replayNewest(), 409, 'not_replayable');
    assert.equal((await replayNewest('m,host=r-9 value=1')).status, 200);
  });

  test('does not give an item to another device than the one that sent it', async () => {
    const observations = [{ device_id: 'r-other', seq: 0, total_files_synced: 1, total_errors: 0 }];
    const reply = await post(server, '/api/batches', { device_id: 'r-10', epoch: 'e', observations });
    assert.equal(reply.body.results[0].code, 'invalid_device_id');
    assertProblem(await replayNewest(), 409, 'not_replayable');
    assert.equal((await get(server, '/api/devices/r-other')).status, 404);
    assert.equal((await replayNewest({ ...observations[0], epoch: 'e' })).status, 200);
  });
});
