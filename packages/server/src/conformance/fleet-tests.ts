import assert from 'node:assert/strict';
import type { Observation } from '@pisync/protocol';
import { counted, failed, group, hour, now, partial, usualRule } from './make-events.ts';
import { referenceTotals } from './model/reference-device.ts';
import type { StoreSuite } from './suite-recorder.ts';

/** Registers the promises about sums: over the fleet, over hours and over a device's window. */
export function fleetTests(suite: StoreSuite): void {
  summaryTests(suite);
  statisticsTests(suite);
}

const startOfHour = (time: number): number => Math.floor(time / hour) * hour;

function summaryTests(suite: StoreSuite): void {
  suite.test('counts devices by state', async ({ store }) => {
    const old = { receivedAt: now - 200 * hour, deviceTime: now - 200 * hour };
    await store.commit(
      group(
        ...[1, 2, 3].map((seq) => counted(seq, { ...failed, ...old, deviceId: 'failing' })),
        counted(1, { ...old, ...failed, deviceId: 'silent-1' }),
        counted(1, { ...old, deviceId: 'silent-2' }),
        counted(1, { ...partial, deviceId: 'warning' }),
        ...[1, 2, 3, 4].map((i) => counted(1, { deviceId: `ok-${i}` })),
      ),
    );
    const fleet = await store.fleet(usualRule, 0, 1);
    assert.equal(fleet.devices, 8);
    assert.deepEqual(fleet.states, { failing: 1, silent: 2, warning: 1, ok: 4 });
    assert.deepEqual(fleet.hours, []);
  });

  suite.test(
    'sums each hour of corrected time, late data in its own hour, and all time in total',
    async ({ store }) => {
      const events: Observation[] = [];
      for (let i = 0; i < 90; i++) {
        const timestamp = now - ((i * 53) % 90) * 20 * 60_000;
        const kind = [failed, partial, {}][i % 3];
        events.push(
          counted(i, { deviceId: `pi-${i % 4}`, timestamp, bytesSynced: i % 5 === 0 ? null : i, ...kind }),
        );
      }
      for (let i = 0; i < events.length; i += 9) {
        await store.commit(group(...events.slice(i, i + 9)));
        if (i % 27 === 0) await suite.options.settle?.(store);
      }
      for (const [from, to] of [
        [0, now + 1],
        [now - 10 * hour, now - 3 * hour],
        [startOfHour(now) - 2 * hour, startOfHour(now)],
      ] as const) {
        const fleet = await store.fleet(usualRule, from, to);
        const expected = [...Map.groupBy(events, (event) => startOfHour(event.timestamp))]
          .filter(([start]) => start >= from && start < to)
          .sort(([a], [b]) => a - b)
          .map(([start, inside]) => ({ hour: start, ...referenceTotals(inside) }));
        assert.ok(expected.length > 1);
        assert.deepEqual(fleet.hours, expected);
        assert.deepEqual(fleet.totals, referenceTotals(events));
      }
    },
  );

  suite.test('summarises an empty store', async ({ store }) => {
    const fleet = await store.fleet(usualRule, 0, now);
    assert.deepEqual(fleet, {
      devices: 0,
      states: { failing: 0, silent: 0, warning: 0, ok: 0 },
      hours: [],
      totals: { syncs: 0, success: 0, partial: 0, failed: 0, files: 0, errors: 0, bytes: 0 },
    });
  });
}

function statisticsTests(suite: StoreSuite): void {
  suite.test('sums a window of one device and averages what was measured', async ({ store }) => {
    const events = Array.from({ length: 40 }, (_, i) =>
      counted(i, {
        timestamp: now - i * 60_000,
        internetSpeed: i % 3 === 0 ? null : i / 4,
        syncDurationMs: i % 4 === 0 ? null : i * 10,
        ...(i % 5 === 0 ? failed : {}),
      }),
    );
    await store.commit(group(...events, counted(1, { deviceId: 'pi-2' })));
    const from = now - 30 * 60_000;
    const to = now - 10 * 60_000;
    const inside = events.filter(({ timestamp }) => timestamp >= from && timestamp < to);
    assert.equal(inside.length, 20);
    const mean = (values: readonly (number | null)[]): number => {
      const measured = values.filter((value) => value !== null);
      return measured.reduce((sum, value) => sum + value, 0) / measured.length;
    };
    assert.deepEqual(await store.statistics('pi-1', from, to), {
      from,
      to,
      ...referenceTotals(inside),
      averageSpeed: mean(inside.map((event) => event.internetSpeed)),
      averageDurationMs: mean(inside.map((event) => event.syncDurationMs)),
      complete: true,
    });
    const empty = await store.statistics('pi-1', now + 1, now + 2);
    assert.equal(empty?.syncs, 0);
    assert.equal(empty?.averageSpeed, null);
    assert.equal(empty?.averageDurationMs, null);
    assert.equal(empty?.complete, true);
  });

  suite.test(
    'scans the newest 100,000 events of a window and says that there were more',
    async ({ store }) => {
      const many = Array.from({ length: 100_000 }, (_, i) => counted(i, { timestamp: now - i * 1000 }));
      for (let i = 0; i < many.length; i += 10_000) await store.commit(group(...many.slice(i, i + 10_000)));
      const from = now - 100_001 * 1000;
      const whole = await store.statistics('pi-1', from, now + 1);
      assert.deepEqual([whole?.syncs, whole?.complete], [100_000, true]);
      await store.commit(group(counted(100_000, { ...failed, timestamp: now - 100_000 * 1000 })));
      const cut = await store.statistics('pi-1', from, now + 1);
      assert.deepEqual([cut?.syncs, cut?.failed, cut?.complete], [100_000, 0, false]);
      const narrow = await store.statistics('pi-1', from, now - 99_999 * 1000 + 1);
      assert.deepEqual([narrow?.syncs, narrow?.failed, narrow?.complete], [2, 1, true]);
    },
  );
}
