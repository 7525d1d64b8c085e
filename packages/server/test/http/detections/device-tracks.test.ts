import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listCrossings } from '../../../src/http/routes/detections/list-crossings.ts';
import { listScanSessions } from '../../../src/http/routes/detections/list-scan-sessions.ts';
import { assertProblem } from '../harness.ts';
import { everyPage, heard, now, serve, storeOf } from './detection-server.ts';

const minute = 60_000;

/** A device that goes east along the equator, a hundredth of a degree a minute, and pauses twice for an hour. */
const drive = Array.from({ length: 30 }, (_, at) =>
  heard({
    timestamp: now - 10 * 60 * minute + at * minute + Math.floor(at / 10) * 60 * minute,
    position: { lat: 0.001, lon: at / 100, accuracy: 5 },
    epoch: 'e',
    seq: at,
  }),
);
const elsewhere = heard({ device_id: 'pw-2', position: { lat: 50, lon: 50 } });
const server = await serve([listScanSessions, listCrossings], storeOf([...drive, elsewhere]));

describe('GET /api/scan-sessions', () => {
  test('splits what a device heard at its pauses, newest first', async () => {
    const { body } = await server.get('/api/scan-sessions?device_id=pw-1');
    assert.equal(body.items.length, 3);
    for (const session of body.items) {
      assert.deepEqual([session.detections, session.duration_ms], [10, 9 * minute]);
      assert.ok(Math.abs(session.distance_m - 9 * 1112) < 15, String(session.distance_m));
    }
    assert.ok(body.items[0].start > body.items[1].end && body.items[1].start > body.items[2].end);
    const whole = await server.get('/api/scan-sessions?device_id=pw-1&gap_minutes=61');
    assert.deepEqual([whole.body.items.length, whole.body.items[0].detections], [1, 30]);
    const none = await server.get('/api/scan-sessions?device_id=pw-9');
    assert.deepEqual([none.body.items, none.body.next_cursor], [[], null]);
  });

  test('a cursor goes on with the session before', async () => {
    const all = (await server.get('/api/scan-sessions?device_id=pw-1')).body.items;
    const seen = await everyPage(server, '/api/scan-sessions?device_id=pw-1&limit=1');
    assert.deepEqual(seen, all);
    const from = Date.parse(all[1].start);
    const part = await server.get(`/api/scan-sessions?device_id=pw-1&from=${from}&to=${from + 5 * minute}`);
    assert.deepEqual([part.body.items.length, part.body.items[0].detections], [1, 5]);
  });

  test('needs a device, and one that can be', async () => {
    assertProblem(await server.get('/api/scan-sessions'), 400, 'invalid_parameter', 'device_id');
    const reply = await server.get('/api/scan-sessions?device_id=a,b');
    assertProblem(reply, 400, 'invalid_parameter', 'device_id');
  });
});

describe('GET /api/geofence-crossings', () => {
  const fences = [
    'circle=0,0.15,5000',
    'polygon=0.105 -0.05,0.195 -0.05,0.195 0.05,0.105 0.05',
    'polygon=0.105%20-0.05,0.195%20-0.05,0.195%200.05,0.105%200.05,0.105%20-0.05',
    'polygon=0.105+-0.05,0.195+-0.05,0.195+0.05,0.105+0.05',
  ];
  for (const fence of fences) {
    test(`tells when a device went in and out: ${fence}`, async () => {
      const { body } = await server.get(`/api/geofence-crossings?device_id=pw-1&${fence}`);
      assert.equal(body.positions, 30);
      assert.deepEqual(
        body.items.map(({ kind, position }: { kind: string; position: { lon: number } }) => [
          kind,
          position.lon,
        ]),
        [
          ['enter', 0.11],
          ['leave', 0.2],
        ],
      );
      assert.equal(body.items[0].timestamp, new Date(drive[11]?.['timestamp'] as number).toISOString());
      assert.equal(body.items[0].since, new Date(drive[10]?.['timestamp'] as number).toISOString());
    });
  }

  test('looks at the time that is asked for only', async () => {
    const from = drive[15]?.['timestamp'];
    const reply = await server.get(`/api/geofence-crossings?device_id=pw-1&${fences[0]}&from=${from}`);
    assert.deepEqual(
      reply.body.items.map(({ kind, since }: Record<string, unknown>) => [kind, since === null]),
      [
        ['enter', true],
        ['leave', false],
      ],
    );
  });

  test('a fence that is none is refused by name', async () => {
    const wrong: [string, string, RegExp][] = [
      ['', 'circle', /circle or polygon/],
      [`${fences[0]}&${fences[1]}`, 'polygon', /not both/],
      ['circle=0,0', 'circle', /radius/],
      ['circle=0,0,0', 'circle', /radius/],
      ['polygon=0 0,1 1', 'polygon', /corners/],
      ['polygon=0 0,1 1,0 0', 'polygon', /corners/],
      ['polygon=0 0,1 1,2 91', 'polygon', /corners/],
      [`polygon=${Array.from({ length: 101 }, (_, at) => `${at} 1`).join()}`, 'polygon', /3 to 100 corners/],
      ['polygon=0 80,120 80,-120 80', 'polygon', /pole/],
    ];
    for (const [fence, field, detail] of wrong) {
      const reply = await server.get(`/api/geofence-crossings?device_id=pw-1&${fence}`);
      assertProblem(reply, 400, 'invalid_parameter', field);
      assert.match(reply.body.detail, detail, fence);
    }
  });
});
