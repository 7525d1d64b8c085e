import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { openStoreSink, openStoreSource } from '../../../../src/adapters/registry.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { anyDetections } from '../../../../src/conformance/detections/any-detections.ts';
import { counted, now, rejectedItem } from '../../../../src/conformance/make-events.ts';
import { pointBatch } from '../../../../src/conformance/telemetry/make-points.ts';
import type { Store } from '../../../../src/ports/store.ts';
import type { StoreSink, StoreSource } from '../../../../src/ports/store-copy.ts';
import { everything, inFolder, inStore } from '../../../migrate/move-harness.ts';
import { sqlAt, TimescaleServer } from './timescale-place.ts';

let server: TimescaleServer;
before(async () => {
  server = await TimescaleServer.start();
});
after(() => server.close());

/** Some of each kind over days and months, `part` by `part` different. */
async function fill(store: Store, part: number): Promise<void> {
  const seqs = Array.from({ length: 200 }, (_, at) => part * 200 + at);
  await store.commit({
    observations: seqs.map((seq) =>
      counted(seq, { deviceId: `pi-${seq % 7}`, totalErrors: seq % 3, timestamp: now - seq * 20_000_000 }),
    ),
    rejected: [rejectedItem({ raw: `{"part":${part}}` })],
    points: pointBatch(
      seqs.map((seq) => ({
        deviceId: 'sensor',
        key: `t,part=${part % 2}`,
        time: now * 1000 - (seq % 300) * 3_600_000_000,
        value: seq % 50 === 0 ? `at ${seq}` : seq,
      })),
    ),
    contactAt: now,
    counted: [{ deviceId: 'pi-1', epoch: 'epoch-0', seq: 9000 + part, from: 0, to: 5 }],
    detections: fc.sample(anyDetections, { seed: part, numRuns: 3 }).flat(),
  });
}

/** One pass: what the source holds and the target does not. */
async function pass(source: StoreSource, sink: StoreSink): Promise<void> {
  const snapshot = await source.snapshot();
  try {
    const limit = Number.POSITIVE_INFINITY;
    for await (const events of snapshot.events(await sink.positions(), limit)) await sink.addEvents(events);
    await sink.flush();
    for await (const some of snapshot.detections(await sink.detections.newest()))
      await sink.detections.add(some);
    const since = await sink.points.mark();
    await sink.points.begin();
    for await (const part of snapshot.points(since)) await sink.points.add([part]);
    await sink.points.end(snapshot.pointsMark);
  } finally {
    await snapshot.close();
  }
}

/**
 * Does step by step what `pisync migrate-store` does with several connections at once, of which this database lets only one work:
 * a pass, one more for what came behind it, and the end.
 */
async function moveAlone(from: string, to: string, meanwhile: () => Promise<void>): Promise<void> {
  const source = await openStoreSource(from);
  const sink = await openStoreSink(to, source.shown);
  try {
    await pass(source, sink);
    await meanwhile();
    await pass(source, sink);
    await sink.settle();
    const last = await source.snapshot();
    await sink.finish(last);
    await last.close();
    await sink.publish();
  } finally {
    await sink.close();
    await source.close();
  }
}

const packed = async (place: string): Promise<number> => {
  const [row] = await sqlAt(
    place,
    `SELECT count(*)::int AS n FROM timescaledb_information.chunks
     WHERE hypertable_schema = current_schema() AND is_compressed`,
  );
  return Number(row?.['n']);
};

suite('moving a store', () => {
  test('into hypertables and back, packed ones with late points among them', async () => {
    await inFolder(async (folder) => {
      const [first, last] = [`sqlite:${join(folder, 'first.db')}`, `sqlite:${join(folder, 'last.db')}`];
      const place = server.newUrl();
      await inStore(first, async (store) => {
        for (let part = 0; part < 3; part++) await fill(store, part);
      });
      await moveAlone(first, place, () => inStore(first, (store) => fill(store, 3)));
      assert.deepEqual(await everything(place), await everything(first));
      const store = await openPostgresStore(place, { partial: 'failure' });
      await store.settle();
      await fill(store, 4);
      assert.ok((await packed(place)) > 5);
      await moveAlone(place, last, async () => {
        await store.settle();
        await fill(store, 5);
      });
      await store.close();
      assert.deepEqual(await everything(last), await everything(place));
      const findings = await inStore(last, (moved) => moved.verify());
      assert.deepEqual(
        findings.filter(({ severity }) => severity !== 'ok'),
        [],
      );
    });
  });

  test('into hypertables that held points before forgets what was summed up of them', async () => {
    await inFolder(async (folder) => {
      const first = `sqlite:${join(folder, 'first.db')}`;
      await inStore(first, (store) => fill(store, 1));
      const place = server.newUrl();
      const source = await openStoreSource(first);
      const sink = await openStoreSink(place, source.shown);
      await sqlAt(place, 'INSERT INTO point_summed VALUES (20000, 1)');
      await sink.points.begin();
      assert.deepEqual(await sqlAt(place, 'SELECT FROM point_summed'), []);
      await sink.close();
      await source.close();
    });
  });
});
