import assert from 'node:assert/strict';
import type {
  DetectionStore,
  GridAnswer,
  Namesakes,
  NetworkFilter,
  NetworkPlace,
  NetworkRecord,
} from '../../ports/detection-store.ts';
import type { Store } from '../../ports/store.ts';
import type { NetworkQuestions } from './any-networks.ts';

type NetworkReader = Pick<DetectionStore, 'networks' | 'network' | 'networkGrid' | 'changes' | 'namesakes'>;

/** Steps in which estimated positions are told, and a little. */
const STEP = 1.01e-7;

/**
 * Asserts that networks are the same in all but the last step of their estimated positions, which the order of sums
 * decides.
 */
export function assertNetworks(actual: readonly NetworkRecord[], expected: readonly NetworkRecord[]): void {
  const withoutPlace = (list: readonly NetworkRecord[]) =>
    list.map(({ position, ...rest }) => ({ ...rest, observations: position?.observations }));
  assert.deepEqual(withoutPlace(actual), withoutPlace(expected));
  for (const [at, { position: here }] of actual.entries()) {
    const there = expected[at]?.position;
    if (here === null || there === null || there === undefined) continue;
    const around = Math.abs(here.lon - there.lon);
    // Near a pole a longitude means little.
    const east = Math.min(around, 360 - around) * Math.cos((here.lat * Math.PI) / 180);
    const apart = Math.max(Math.abs(here.lat - there.lat), east);
    assert.ok(apart <= STEP, `${JSON.stringify(here)} is not ${JSON.stringify(there)}`);
  }
}

/** As {@link assertNetworks}, for cells of the map. */
function assertCells(actual: GridAnswer, expected: GridAnswer): void {
  const { lats, lons, ...rest } = actual;
  const { lats: expectedLats, lons: expectedLons, ...expectedRest } = expected;
  assert.deepEqual(rest, expectedRest);
  for (const [at, lat] of lats.entries()) {
    assert.ok(Math.abs(lat - expectedLats[at]!) <= STEP);
    assert.ok(Math.abs(lons[at]! - expectedLons[at]!) <= STEP);
  }
}

/** Asserts that two stores know the same of networks, whatever is asked. */
export async function assertSameNetworks(
  actual: NetworkReader,
  expected: NetworkReader,
  questions: NetworkQuestions,
): Promise<void> {
  const { filter, limit, zoom, changes } = questions;
  assertNetworks(await listNetworks(actual, filter, limit), await listNetworks(expected, filter, 1000));
  const all = await listNetworks(expected, {}, 1000);
  for (const { type, identity } of all.slice(0, 20)) {
    const [found, known] = [
      await actual.network({ type, identity }),
      await expected.network({ type, identity }),
    ];
    assertNetworks([found as NetworkRecord], [known as NetworkRecord]);
  }
  const box = filter.box ?? { south: -90, west: -180, north: 90, east: 180 };
  const grid = { filter: { ...filter, box }, zoom, limit };
  assertCells(await actual.networkGrid(grid), await expected.networkGrid(grid));
  assert.deepEqual(await actual.changes(changes), await expected.changes(changes));
  const names = await expected.namesakes({ limit: 1000 });
  const found: Namesakes[] = [];
  for (let after: string | undefined; ; after = found.at(-1)?.name) {
    const page = await actual.namesakes({ limit, after });
    found.push(...page);
    if (page.length < limit) break;
  }
  const textsOf = (list: readonly Namesakes[]) => list.map(({ name }) => name);
  assert.deepEqual(textsOf(found), textsOf(names));
  for (const [at, { networks }] of found.entries()) assertNetworks(networks, names[at]?.networks ?? []);
}

/** All networks that meet a filter, newest seen first, read page by page. */
export async function listNetworks(
  detections: Pick<DetectionStore, 'networks'>,
  filter: NetworkFilter = {},
  limit = 1000,
): Promise<readonly NetworkRecord[]> {
  const items: NetworkRecord[] = [];
  for (let after: NetworkPlace | undefined; ; ) {
    const page = await detections.networks({ filter, limit, after });
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}

/** All networks of a store, newest seen first. */
export function networksOf(store: Store): Promise<readonly NetworkRecord[]> {
  return listNetworks(store.detections);
}
