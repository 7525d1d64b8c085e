import assert from 'node:assert/strict';
import type { CountedPoints, Store } from '../ports/store.ts';
import { counted, deviceQuery, group, now } from './make-events.ts';
import type { OpenedStore, StoreSuite } from './suite-recorder.ts';
import { plainPoints, pointBatch } from './telemetry/make-points.ts';

const minute = 60_000;
const series = { deviceId: 'sensor', key: 't' };

/** Commits one point for each value, a second apart. */
function send(
  { store }: OpenedStore,
  values: readonly number[],
  more: {
    readonly at?: number;
    readonly counted?: readonly CountedPoints[];
    readonly deviceId?: string;
  } = {},
) {
  const { at = now, deviceId = 'sensor' } = more;
  const points = pointBatch(
    values.map((value, step) => ({ deviceId, key: 't', time: at * 1000 + step * 1_000_000, value })),
  );
  return store.commit({
    observations: [],
    rejected: [],
    points,
    contactAt: at,
    ...(more.counted === undefined ? {} : { counted: more.counted }),
  });
}

/** The observation of the points `[from, to)` that `sensor` counted as `seq`. */
function numbered(seq: number, from: number, to: number): CountedPoints {
  return { deviceId: 'sensor', epoch: 'e', seq, from, to };
}

/** A store that forgets is not closed. */
async function restart(opened: OpenedStore): Promise<Store> {
  return opened.store.supports.durable ? opened.reopen() : opened.store;
}

/** Registers what telemetry tells of devices: that they were heard of, and which numbers are used. */
export function contactTests(suite: StoreSuite): void {
  seenTests(suite);
  counterTests(suite);
}

function seenTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('lists a device that only sends telemetry, seen by the minute', async (opened) => {
    await send(opened, [1], { at: now + 59_000 });
    await send(opened, [2], { at: now - 3 * minute });
    for (const step of [settle, undefined]) {
      await step?.(opened.store);
      const device = await opened.store.device('sensor');
      assert.equal(device?.latest, null);
      assert.equal(device.firstSeenAt, now - 3 * minute);
      assert.equal(device.lastSeenAt, now);
      assert.equal(device.totals.syncs, 0);
      const page = await opened.store.devices(deviceQuery());
      assert.deepEqual(page.items, [device]);
      const history = await opened.store.history({ deviceId: 'sensor', limit: 10 });
      assert.deepEqual(history, { items: [], next: null, total: 0 });
      await restart(opened);
    }
  });

  suite.test('tells contacts and syncs of one device together', async (opened) => {
    await send(opened, [1], { at: now - 10 * minute, deviceId: 'pi-1' });
    await opened.store.commit(group(counted(1, { receivedAt: now + 500 })));
    await settle?.(opened.store);
    await send(opened, [2], { at: now + 5 * minute + 1, deviceId: 'pi-1' });
    const device = await (await restart(opened)).device('pi-1');
    assert.equal(device?.firstSeenAt, now - 10 * minute);
    assert.equal(device.lastSeenAt, now + 5 * minute);
    assert.equal(device.totals.syncs, 1);
    const verdicts = await opened.store.verify();
    assert.deepEqual(
      verdicts.filter(({ severity }) => severity === 'error'),
      [],
    );
  });
}

function counterTests(suite: StoreSuite): void {
  const { settle } = suite.options;

  suite.test('keeps a counted observation of telemetry once, whatever its times', async (opened) => {
    const first = await send(opened, [1, 2, 3], { counted: [numbered(0, 0, 2), numbered(1, 2, 3)] });
    assert.deepEqual(first, ['stored', 'stored']);
    for (const [round, step] of [undefined, settle].entries()) {
      await step?.(opened.store);
      // The same two observations with a corrected clock, and a new one behind them.
      const again = await send(opened, [1, 2, 3, 4], {
        at: now + 7 * minute,
        counted: [numbered(0, 0, 2), numbered(1, 2, 3), numbered(2 + round, 3, 4)],
      });
      assert.deepEqual(again, ['duplicate', 'duplicate', 'stored']);
      await restart(opened);
    }
    const range = { series, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 };
    const kept = plainPoints((await opened.store.telemetry.range(range))?.points);
    assert.deepEqual(
      kept.map(([, value]) => value),
      [1, 2, 3, 4],
    );
  });

  suite.test('shares one counter among all kinds of observations', async (opened) => {
    const number = { deviceId: 'sensor', epoch: 'e' };
    await opened.store.commit(group(counted(0, number), counted(2, number)));
    const telemetry = await send(opened, [1, 2], { counted: [numbered(0, 0, 1), numbered(1, 1, 2)] });
    assert.deepEqual(telemetry, ['duplicate', 'stored']);
    for (const step of [undefined, settle]) {
      await step?.(opened.store);
      await restart(opened);
      const events = await opened.store.commit(group(counted(1, number), counted(2, number)));
      assert.deepEqual(events, ['duplicate', 'duplicate']);
    }
    const device = await opened.store.device('sensor');
    assert.equal(device?.totals.syncs, 2);
    assert.equal(device.epochs, 1);
  });

  suite.test('a repetition of counted telemetry is no contact', async (opened) => {
    await send(opened, [1], { counted: [numbered(0, 0, 1)] });
    await send(opened, [1], { at: now + 9 * minute, counted: [numbered(0, 0, 1)] });
    assert.equal((await opened.store.device('sensor'))?.lastSeenAt, now);
  });
}
