import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PointBatchBuilder } from '@pisync/protocol';
import fc from 'fast-check';
import { openMemoryStore } from '../../../../src/adapters/store/memory/memory-store.ts';
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../../src/adapters/store/postgres/postgres-store.ts';
import type { CommitGroup, Store } from '../../../../src/ports/store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const policy = { partial: 'failure' } as const;
const start = Date.UTC(2026, 5, 1) * 1000;
const hour = 3_600_000_000;

let server: PostgresServer;
let store: PostgresStore;
before(async () => {
  server = await PostgresServer.start();
  store = await openPostgresStore(await server.createDatabase(), policy);
});
after(async () => {
  await store.close();
  await server.stop();
});

/** Fractions, whose sums depend on their order. */
const anyValue = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((value) => value / 7) },
  { weight: 1, arbitrary: fc.constantFrom(true, false, 'text', -0) },
);

/** So many that they are copied, over two days, with times that come again. */
const anyPoints = fc.array(
  fc.record({
    series: fc.nat(3),
    time: fc.nat(300).map((step) => start + step * 600_000_000),
    value: anyValue,
    dropped: fc.boolean(),
  }),
  { minLength: 1, maxLength: 200, size: 'max' },
);

/** Sections of what one observation counted, some of them known from before. */
function groupOf(device: string, points: readonly Point[]): CommitGroup {
  const builder = new PointBatchBuilder();
  for (const { series, time, value } of points) {
    const place = builder.seriesIndex(device, `s${series}`);
    if (typeof value === 'string') builder.addText(place, time, value);
    else if (typeof value === 'boolean') builder.addBoolean(place, time, value);
    else builder.addNumber(place, time, value);
  }
  const counted = points.flatMap(({ dropped, time }, from) =>
    dropped
      ? [{ deviceId: device, epoch: 'e', seq: ((time - start) / 600_000_000) % 40, from, to: from + 1 }]
      : [],
  );
  return { observations: [], rejected: [], points: builder.finish(), counted, contactAt: start / 1000 };
}

interface Point {
  readonly series: number;
  readonly time: number;
  readonly value: number | boolean | string;
  readonly dropped: boolean;
}

async function answers({ telemetry }: Store, device: string): Promise<unknown> {
  const { items } = await telemetry.series({ deviceIds: [device], limit: 100 });
  const first = items[0]?.number ?? 0;
  const series = [2, 0, 3, 1].map((place, at) => ({ deviceId: device, key: `s${place}`, group: at % 2 }));
  const stretch = { from: start + hour, to: start + 40 * hour };
  const names = ['count', 'sum', 'avg', 'min', 'max', 'first', 'last', 'stddev', 'p95'] as const;
  return {
    items: items.map((item) => ({ ...item, number: item.number - first })),
    ranges: await Promise.all(
      series.map(({ group: _group, ...one }) => telemetry.range({ series: one, ...stretch, limit: 50 })),
    ),
    sums: await telemetry.aggregate({
      series,
      ...stretch,
      bucket: '6h',
      timeZone: 'Europe/Berlin',
      names,
      maxBuckets: 1000,
    }),
    chart: await telemetry.downsample({
      series: { deviceId: device, key: 's0' },
      ...stretch,
      points: 10,
      method: 'min_max',
    }),
  };
}

test('large groups are answered as the model answers them, sums to the last digit', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyPoints, { minLength: 1, maxLength: 4 }), async (groups) => {
      const device = `pi-${run++}`;
      const model = await openMemoryStore(policy);
      for (const points of groups) {
        const outcomes = await store.commit(groupOf(device, points));
        assert.deepEqual(outcomes, await model.commit(groupOf(device, points)));
      }
      assert.deepEqual(await answers(store, device), await answers(model, device));
    }),
    { numRuns: 40, endOnFailure: true, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: true },
  );
});
