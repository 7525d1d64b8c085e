import assert from 'node:assert/strict';
import type { Observation } from '@pisync/protocol';
import type { DeviceKey, DeviceQuery, DeviceRecord, DeviceSort, Store } from '../ports/store.ts';
import { deviceStates } from '../ports/store.ts';
import {
  counted,
  deviceQuery,
  failed,
  group,
  hour,
  now,
  observation,
  partial,
  shuffled,
  usualRule,
} from './make-events.ts';
import { placeEvent, referenceDevice } from './model/reference-device.ts';
import { readHistory } from './read-store.ts';
import type { StoreSuite } from './suite-recorder.ts';

/** Registers the promises about derived state and device lists. */
export function deviceTests(suite: StoreSuite): void {
  recordTests(suite);
  lateTests(suite);
  listTests(suite);
  freshnessTests(suite);
}

const kinds = [failed, failed, partial, {}, failed];

/** Syncs of two epochs and some without a counter, in an order that only the seed decides. */
function mixedSyncs(seed: number): Observation[] {
  const syncs = Array.from({ length: 45 }, (_, i) => {
    const fields = { ...kinds[(i * i + seed) % kinds.length], bytesSynced: i % 4 === 0 ? null : i };
    const timed = {
      ...fields,
      receivedAt: now + ((i * 37) % 11),
      sentAt: i % 3 === 0 ? now - i * 1000 : null,
    };
    if (i % 3 === 0) return counted(i, { ...timed, epoch: 'a' });
    if (i % 3 === 1) return counted(i, { ...timed, epoch: 'b' });
    return observation({ ...timed, deviceTime: now - i * 60_000 });
  });
  return shuffled(syncs, seed);
}

function recordTests(suite: StoreSuite): void {
  for (const rule of ['failure', 'ignore', 'success'] as const) {
    suite.test(
      `derives a device's state from the set of its events, with partial as ${rule}`,
      async ({ store }) => {
        for (let seed = 1; seed <= 12; seed++) {
          const deviceId = `pi-${seed}`;
          const syncs = mixedSyncs(seed).map((sync) => ({ ...sync, deviceId }));
          for (let i = 0; i < syncs.length; i += 4) {
            await store.commit(group(...syncs.slice(i, i + 4), ...syncs.slice(0, 2)));
            if (i % 16 === 0) await suite.options.settle?.(store);
          }
          const events = (await readHistory(store, { deviceId })).map(placeEvent);
          assert.equal(events.length, syncs.length);
          assert.deepEqual(await store.device(deviceId), referenceDevice(events, 0, { partial: rule }));
        }
      },
      { partial: rule },
    );
  }
}

function lateTests(suite: StoreSuite): void {
  suite.test(
    'lowers a streak for a success that arrives late, and says since when it fails',
    async ({ store }) => {
      for (const seq of [1, 2, 4, 5, 6]) await store.commit(group(counted(seq, failed)));
      assert.equal((await store.device('pi-1'))?.consecutiveFailures, 5);
      assert.equal((await store.device('pi-1'))?.failingSince, counted(1).timestamp);
      await store.commit(group(counted(3)));
      const device = await store.device('pi-1');
      assert.equal(device?.consecutiveFailures, 3);
      assert.equal(device?.totalFailures, 5);
      assert.equal(device?.failingSince, counted(4).timestamp);
      assert.equal(device?.lastSuccessAt, counted(3).timestamp);
      assert.equal(device?.latest?.status, 'failed');
      await store.commit(group(counted(7)));
      assert.equal((await store.device('pi-1'))?.failingSince, null);
    },
  );

  suite.test(
    'shows the newest sync in the order of the device, not the one that was received last',
    async ({ store }) => {
      await store.commit(group(counted(5, { ...failed, receivedAt: now + 1 })));
      await store.commit(group(counted(4, { receivedAt: now + 9 }), counted(3, { receivedAt: now + 5 })));
      const device = await store.device('pi-1');
      assert.equal(device?.latest?.timestamp, counted(5).timestamp);
      assert.equal(device?.latest?.status, 'failed');
      assert.equal(device?.firstSeenAt, now + 1);
      assert.equal(device?.lastSeenAt, now + 9);
      assert.deepEqual(device?.lastFailure, {
        timestamp: counted(5).timestamp,
        totalErrors: 2,
        status: 'failed',
      });
    },
  );
}

/** Fifty devices with ties in every number that a list can sort by. */
async function storeFleet(store: Store): Promise<readonly DeviceRecord[]> {
  const ids = Array.from({ length: 50 }, (_, i) => `${i % 2 === 0 ? 'pi' : 'Box'}-${(i * 7) % 50}`);
  for (const [i, deviceId] of ids.entries()) {
    const receivedAt = now - (i % 5) * 60 * hour;
    const syncs = Array.from({ length: 1 + (i % 4) }, (_, seq) =>
      counted(seq, {
        deviceId,
        receivedAt,
        deviceTime: receivedAt - 9 + seq,
        ...(i % 3 === 0 ? {} : failed),
      }),
    );
    await store.commit(group(...syncs));
  }
  return Promise.all(ids.map(async (id) => (await store.device(id)) ?? assert.fail(`${id} is missing`)));
}

const sortValue: Readonly<Record<DeviceSort, (device: DeviceRecord) => number>> = {
  device_id: () => 0,
  last_seen: (device) => device.lastSeenAt,
  consecutive_failures: (device) => device.consecutiveFailures,
  total_failures: (device) => device.totalFailures,
  syncs: (device) => device.totals.syncs,
};

function stateOf(device: DeviceRecord): string {
  if (device.consecutiveFailures >= usualRule.failingStreak) return 'failing';
  if (now - device.lastSeenAt > usualRule.silentAfterMs) return 'silent';
  return device.consecutiveFailures > 0 ? 'warning' : 'ok';
}

function expectedDevices(fleet: readonly DeviceRecord[], query: DeviceQuery): readonly DeviceRecord[] {
  const value = sortValue[query.sort];
  const direction = query.descending ? -1 : 1;
  const { search, state, moreThan } = query;
  return fleet
    .filter((device) => search === undefined || device.deviceId.toLowerCase().includes(search.toLowerCase()))
    .filter((device) => state === undefined || stateOf(device) === state)
    .filter((device) => {
      if (moreThan === undefined) return true;
      const total = moreThan.measure === 'total_failures';
      return (total ? device.totalFailures : device.consecutiveFailures) > moreThan.count;
    })
    .toSorted((a, b) => {
      const byId = a.deviceId < b.deviceId ? -1 : 1;
      return query.sort === 'device_id' ? direction * byId : direction * (value(a) - value(b)) || byId;
    });
}

/** Reads a whole list, `limit` at a time. */
async function readDevices(store: Store, query: DeviceQuery): Promise<readonly DeviceRecord[]> {
  const items: DeviceRecord[] = [];
  let after: DeviceKey | undefined;
  let matching: number | undefined;
  do {
    const page = await store.devices({ ...query, after });
    assert.ok(page.items.length <= query.limit);
    assert.equal(page.matching, matching ?? page.matching);
    matching = page.matching;
    items.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  assert.equal(items.length, matching);
  return items;
}

function listTests(suite: StoreSuite): void {
  suite.test('lists devices in every order, by pages, ties by id', async ({ store }) => {
    const fleet = await storeFleet(store);
    for (const sort of Object.keys(sortValue) as DeviceSort[]) {
      for (const descending of [false, true]) {
        for (const limit of [1, 7, 50, 1000]) {
          const query = deviceQuery({ sort, descending, limit });
          assert.deepEqual(await readDevices(store, query), expectedDevices(fleet, query));
        }
      }
    }
  });

  suite.test('narrows a device list by search, state and number of failures', async ({ store }) => {
    const fleet = await storeFleet(store);
    const found = new Map<string, number>();
    for (const search of [undefined, 'BOX', '-1', 'nothing']) {
      for (const state of [undefined, ...deviceStates]) {
        for (const measure of [undefined, 'total_failures', 'consecutive_failures'] as const) {
          const moreThan = measure === undefined ? undefined : { measure, count: 2 };
          const query = deviceQuery({
            search,
            state,
            moreThan,
            sort: 'total_failures',
            descending: true,
            limit: 4,
          });
          const expected = expectedDevices(fleet, query);
          found.set(`${state}`, (found.get(`${state}`) ?? 0) + expected.length);
          assert.deepEqual(await readDevices(store, query), expected);
        }
      }
    }
    assert.ok([...found.values()].every((count) => count > 0));
  });

  suite.test('judges silence by the time of the question and streaks by its limit', async ({ store }) => {
    await store.commit(group(counted(1, failed), counted(2, failed)));
    const state = async (rule: Partial<typeof usualRule>, wanted: 'failing' | 'silent' | 'warning') =>
      (await store.devices(deviceQuery({ rule: { ...usualRule, ...rule }, state: wanted }))).matching;
    assert.equal(await state({}, 'warning'), 1);
    assert.equal(await state({ now: now + 169 * hour }, 'silent'), 1);
    assert.equal(await state({ failingStreak: 2, now: now + 169 * hour }, 'failing'), 1);
  });

  suite.test('answers lists of an empty store', async ({ store }) => {
    assert.deepEqual(await store.devices(deviceQuery()), { items: [], next: null, matching: 0 });
  });
}

function freshnessTests(suite: StoreSuite): void {
  suite.test('answers one and the same list question anew after every commit', async ({ store }) => {
    const query = deviceQuery();
    const seen = async () =>
      (await store.devices(query)).items.map((device) => [
        device.deviceId,
        device.consecutiveFailures,
        device.totals.conflicts,
      ]);
    assert.deepEqual(await seen(), []);
    const steps: [Observation, unknown[][]][] = [
      [counted(1, failed), [['pi-1', 1, 0]]],
      [counted(2, failed), [['pi-1', 2, 0]]],
      [counted(2, failed), [['pi-1', 2, 0]]],
      [counted(2, { ...failed, totalErrors: 99 }), [['pi-1', 2, 1]]],
      [counted(3), [['pi-1', 0, 1]]],
      [
        counted(1, { ...failed, deviceId: 'pi-2' }),
        [
          ['pi-1', 0, 1],
          ['pi-2', 1, 0],
        ],
      ],
    ];
    for (const [sync, expected] of steps) {
      await store.commit(group(sync));
      assert.deepEqual(await seen(), expected);
      assert.deepEqual(await seen(), expected, 'asked again');
    }
  });
}
