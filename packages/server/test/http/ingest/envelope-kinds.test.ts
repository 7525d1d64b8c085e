import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { get, post, send, start, storedOf } from '../harness.ts';

const now = Date.UTC(2026, 10, 20, 8, 30);
const clock = { now: () => now, monotonic: () => performance.now() };

const folder = mkdtempSync(join(tmpdir(), 'pisync-envelope-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly index: number;
  readonly result: string;
  readonly seq?: number;
  readonly code?: string;
  readonly field?: string;
}

const event = { kind: 'sync_event', total_files_synced: 1, total_errors: 0, timestamp: now - 5000 };
const detection = { kind: 'detection', type: 'ble', identity: '00:1A:2B:3C:4D:5E', timestamp: now - 4000 };
const point = { kind: 'telemetry', metric: 't', timestamp: now - 3000 };
const columns = {
  kind: 'telemetry',
  metrics: { u: { timestamps: [now - 2000, now - 1000], values: [1, 2] } },
};

/** What every store must answer alike. */
for (const store of ['memory:', `sqlite:${join(folder, 'pisync.db')}`]) {
  describe(`an envelope with all kinds, in ${store.split(':')[0]}`, async () => {
    const server = await start({ store }, { clock });
    const { total_files_synced: _, ...kindless } = { ...event, kind: undefined };
    const observations = [
      { ...point, seq: 0, value: 1 },
      { ...event, seq: 1 },
      { ...detection, seq: 2, identity: 'no address' },
      { ...columns, seq: 3 },
      { ...kindless, seq: 4 },
      { ...detection, seq: 5 },
      { ...point, seq: 6, value: null },
      { kind: 'picture', seq: 7 },
      { ...point, metric: 'v', value: 'text' },
      { kind: 'telemetry', seq: 8, metrics: {} },
      { ...kindless, total_files_synced: 2, seq: 9 },
      'what?',
    ];
    const body = { device_id: 'e-1', epoch: 'a', sent_at: now, observations };
    const wrong = new Map<number, [string, string | undefined]>([
      [2, ['invalid_text', 'identity']],
      [4, ['missing_field', 'total_files_synced']],
      [6, ['missing_field', 'value']],
      [7, ['unknown_kind', 'kind']],
      [11, ['invalid_item', undefined]],
    ]);

    const check = (results: readonly Result[], good: string): void => {
      assert.equal(results.length, observations.length);
      for (const [at, one] of results.entries()) {
        const sent = observations[at] as { seq?: number; kind?: string };
        const fault = wrong.get(at);
        assert.equal(one.index, at);
        if (fault !== undefined) {
          assert.deepEqual([one.result, one.code, one.field], ['rejected', ...fault]);
          continue;
        }
        // A point without a number is known by series and time alone: it is told as stored each time.
        assert.equal(one.result, sent.seq === undefined ? 'stored' : good, `item ${at}`);
        assert.equal(one.seq, sent.seq);
      }
    };

    test('has a result for each item, in their order', async () => {
      const reply = await post(server, '/api/batches', body);
      assert.deepEqual(
        [reply.status, reply.body.stored, reply.body.duplicate, reply.body.conflict, reply.body.rejected],
        [200, 7, 0, 0, 5],
        reply.text,
      );
      check(reply.body.results, 'stored');
    });

    test('stores each kind where it belongs', async () => {
      assert.equal(await storedOf(server, 'e-1'), 2);
      const detections = await get(server, '/api/detections?device_id=e-1');
      assert.deepEqual(
        detections.body.items.map((one: { seq: number }) => one.seq),
        [5],
      );
      const series = await get(server, '/api/telemetry/series?device_id=e-1');
      const latest = series.body.items.map((one: { metric: string; latest: { value: unknown } }) => [
        one.metric,
        one.latest.value,
      ]);
      assert.deepEqual(Object.fromEntries(latest), { t: 1, u: 2, v: 'text' });
    });

    test('keeps the bad item of each kind, with all that a replay needs', async () => {
      const kept = await get(server, '/api/quarantine?limit=10');
      const raws = kept.body.items.map(({ raw }: { raw: string }) => JSON.parse(raw));
      const bad = [...wrong.keys()].map((at) =>
        typeof observations[at] === 'string'
          ? observations[at]
          : { device_id: 'e-1', epoch: 'a', sent_at: now, ...JSON.parse(JSON.stringify(observations[at])) },
      );
      const text = (list: unknown[]) => list.map((one) => JSON.stringify(one)).sort();
      assert.deepEqual(text(raws), text(bad));
    });

    test('changes nothing when it is repeated, whatever its clock says by then', async () => {
      const repeated = await post(server, '/api/batches', { ...body, sent_at: now - 3_600_000 });
      check(repeated.body.results, 'duplicate');
      assert.deepEqual(
        [repeated.body.stored, repeated.body.duplicate, repeated.body.rejected],
        [1, 6, 5],
        repeated.text,
      );
      assert.equal(await storedOf(server, 'e-1'), 2);
      assert.equal((await get(server, '/api/detections?device_id=e-1')).body.items.length, 1);
      const range = await get(server, '/api/telemetry/range?device_id=e-1&metric=u');
      assert.equal(range.body.points.length, 2);
    });

    test('answers an empty observation of telemetry alone', async () => {
      const empty = { ...body, observations: [{ kind: 'telemetry', seq: 100, metrics: {} }] };
      for (const result of ['stored', 'duplicate']) {
        const reply = await post(server, '/api/batches', empty);
        assert.deepEqual(
          reply.body.results.map((one: Result) => one.result),
          [result],
          reply.text,
        );
      }
    });

    test('rejects one item whose text is broken, and takes the others of all kinds', async () => {
      const parts = [
        { ...event, seq: 200 },
        { ...detection, seq: 201 },
        { ...point, seq: 202, value: 3 },
      ];
      const texts = parts.map((part) => JSON.stringify(part));
      texts.splice(1, 0, '{"kind":"telemetry","kind":"detection"}');
      const text = `{"device_id":"e-1","epoch":"a","observations":[${texts.join(',')}]}`;
      const reply = await send(server, 'POST', '/api/batches', text);
      assert.deepEqual(
        reply.body.results.map((one: Result) => one.result),
        ['stored', 'rejected', 'stored', 'stored'],
        reply.text,
      );
    });
  });
}
