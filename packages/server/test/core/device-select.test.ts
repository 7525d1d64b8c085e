import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type DeviceQuery, type DeviceSort, deviceState, deviceStates } from '../../src/core/device.ts';
import { columnsOf, type DeviceRows, selectDevices } from '../../src/core/device-select.ts';
import type { PartialRule } from '../../src/core/fold.ts';
import { F, resetSyncState, SYNC_STATE_LENGTH } from '../../src/core/sync-state.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

/** The numbers of a device that a list can sort or filter by. */
interface Numbers {
  readonly id: string;
  readonly lastSeenAt: number;
  readonly streak: number;
  readonly partial: number;
  readonly failed: number;
  readonly syncs: number;
}

const small = fc.nat({ max: 4 });
const fleet: fc.Arbitrary<readonly Numbers[]> = fc.uniqueArray(
  fc.record({
    id: fc.string({ unit: fc.constantFrom('a', 'B', 'b', '-', '1'), minLength: 1, maxLength: 4 }),
    lastSeenAt: fc.nat({ max: 12 }),
    streak: small,
    partial: small,
    failed: small,
    syncs: small,
  }),
  { selector: (device) => device.id, maxLength: 40, size: 'max' },
);
const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const sorts: readonly DeviceSort[] = [
  'device_id',
  'last_seen',
  'consecutive_failures',
  'total_failures',
  'syncs',
];
const query: fc.Arbitrary<DeviceQuery> = fc.record({
  rule: fc.record({
    failingStreak: fc.integer({ min: 1, max: 4 }),
    silentAfterMs: fc.nat({ max: 6 }),
    now: fc.nat({ max: 14 }),
  }),
  search: option(fc.constantFrom('a', 'B', 'b-', 'ZZ', '')),
  state: option(fc.constantFrom(...deviceStates)),
  moreThan: option(
    fc.record({
      measure: fc.constantFrom('consecutive_failures' as const, 'total_failures' as const),
      count: fc.nat({ max: 3 }),
    }),
  ),
  sort: fc.constantFrom(...sorts),
  descending: fc.boolean(),
  limit: fc.integer({ min: 1, max: 9 }),
});
const partialRule = fc.constantFrom<PartialRule>('failure', 'ignore', 'success');

/** Rows in pages of three, so that page and base both matter. */
function toRows(devices: readonly Numbers[], partial: PartialRule): DeviceRows {
  const pages = Array.from(
    { length: Math.ceil(devices.length / 3) },
    () => new Float64Array(3 * SYNC_STATE_LENGTH),
  );
  const page = (device: number) => ({
    row: pages[Math.floor(device / 3)] as Float64Array,
    base: (device % 3) * SYNC_STATE_LENGTH,
  });
  devices.forEach((device, index) => {
    const { row, base } = page(index);
    resetSyncState(row, base);
    row[base + F.lastSeenAt] = device.lastSeenAt;
    row[base + F.streak] = device.streak;
    row[base + F.partial] = device.partial;
    row[base + F.failed] = device.failed;
    row[base + F.syncs] = device.syncs;
  });
  const blocks = pages.map((rows, number) =>
    columnsOf(number * 3, Math.min(3, devices.length - number * 3), rows, partial),
  );
  return { blocks, id: (device) => (devices[device] as Numbers).id };
}

const failures = (device: Numbers, rule: PartialRule): number =>
  device.failed + (rule === 'failure' ? device.partial : 0);

function referenceMatches(
  { state, search, moreThan, rule }: DeviceQuery,
  device: Numbers,
  partial: PartialRule,
): boolean {
  const measured = moreThan?.measure === 'total_failures' ? failures(device, partial) : device.streak;
  const silent = rule.now - device.lastSeenAt > rule.silentAfterMs;
  const failing = device.streak >= rule.failingStreak;
  const its = failing ? 'failing' : silent ? 'silent' : device.streak > 0 ? 'warning' : 'ok';
  return (
    (state ?? its) === its &&
    device.id.toLowerCase().includes((search ?? '').toLowerCase()) &&
    (moreThan === undefined || measured > moreThan.count)
  );
}

function referenceOrder({ sort, descending }: DeviceQuery, partial: PartialRule) {
  const value = (device: Numbers): number => {
    if (sort === 'last_seen') return device.lastSeenAt;
    if (sort === 'consecutive_failures') return device.streak;
    return sort === 'syncs' ? device.syncs : failures(device, partial);
  };
  const byId = (a: Numbers, b: Numbers): number => (a.id < b.id ? -1 : 1);
  return (a: Numbers, b: Numbers): number => {
    if (sort === 'device_id') return descending ? byId(b, a) : byId(a, b);
    return (descending ? value(b) - value(a) : value(a) - value(b)) || byId(a, b);
  };
}

describe('selectDevices', () => {
  test('pages show exactly what filter, sort and slice would', () => {
    let furtherPages = 0;
    fc.assert(
      fc.property(fleet, query, partialRule, (devices, asked, partial) => {
        const rows = toRows(devices, partial);
        const expected = devices
          .filter((device) => referenceMatches(asked, device, partial))
          .sort(referenceOrder(asked, partial));
        let after = asked.after;
        let start = 0;
        do {
          const page = selectDevices({ ...asked, after }, rows);
          const ids = page.devices.map((device) => (devices[device] as Numbers).id);
          const slice = expected.slice(start, start + asked.limit);
          assert.deepEqual(
            ids,
            slice.map((device) => device.id),
          );
          assert.equal(page.matching, expected.length);
          start += asked.limit;
          assert.equal(page.next !== null, start < expected.length);
          after = page.next ?? undefined;
          if (page.next !== null) furtherPages += 1;
        } while (after !== undefined);
      }),
      { numRuns },
    );
    assert.ok(furtherPages > numRuns / 10, `hardly any list had a second page: ${furtherPages}`);
  });

  test('a cursor stays valid when devices come and go around it', () => {
    fc.assert(
      fc.property(fleet, fleet, query, partialRule, (before, more, asked, partial) => {
        const first = selectDevices(asked, toRows(before, partial));
        fc.pre(first.next !== null);
        const shown = first.devices.map((device) => (before[device] as Numbers).id);
        const kept = before.filter((device) => !shown.includes(device.id));
        const fresh = more.filter((device) => before.every((other) => other.id !== device.id));
        const now = [...fresh, ...kept];
        const everything = { ...asked, after: first.next ?? undefined, limit: 100 };
        const rest = selectDevices(everything, toRows(now, partial)).devices.map(
          (at) => (now[at] as Numbers).id,
        );
        const expected = before
          .filter((device) => referenceMatches(asked, device, partial) && !shown.includes(device.id))
          .map((device) => device.id);
        assert.deepEqual(
          expected.filter((id) => !rest.includes(id)),
          [],
        );
        assert.deepEqual(
          rest.filter((id) => shown.includes(id)),
          [],
        );
      }),
      { numRuns: Math.max(200, numRuns / 10) },
    );
  });
});

describe('deviceState', () => {
  const rule = { failingStreak: 3, silentAfterMs: 100, now: 1000 };

  test('puts failing over silent over warning over ok', () => {
    assert.equal(deviceState(3, 0, rule), 'failing');
    assert.equal(deviceState(2, 899, rule), 'silent');
    assert.equal(deviceState(0, 899, rule), 'silent');
    assert.equal(deviceState(2, 900, rule), 'warning');
    assert.equal(deviceState(0, 900, rule), 'ok');
  });
});
