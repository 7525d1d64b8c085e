import type { Observation, ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import { openMemoryStore } from '../../../src/adapters/store/memory/memory-store.ts';
import { detection, here } from '../../../src/conformance/detections/make-detections.ts';
import { now, observation, shuffled } from '../../../src/conformance/make-events.ts';
import { type PlainPoint, pointBatch } from '../../../src/conformance/telemetry/make-points.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { Difference } from '../../../src/services/compare/compare-stores.ts';
import type { DayKey } from '../../../src/services/compare/digest-store.ts';

export const dayMs = 86_400_000;

/** One thing to be stored. */
export type Item =
  | { readonly kind: 'events'; readonly value: Observation }
  | { readonly kind: 'telemetry'; readonly value: PlainPoint }
  | { readonly kind: 'detections'; readonly value: ObservedDetection };

const device = fc.constantFrom('pi-1', 'pi-10', 'pi-2', 'Pi-1', 'a:b', 'a.b');
/** Some days back, at few different times, so that days hold several items. */
const time = fc.integer({ min: 0, max: 40 }).map((step) => now - step * 7_000_000);

/** The number makes each item another one, whatever else is drawn. */
function item(number: number): fc.Arbitrary<Item> {
  const event = fc
    .record({ deviceId: device, timestamp: time, totalErrors: fc.nat(3) })
    .map((fields): Item => {
      const counted = { epoch: 'epoch-1', seq: number, deviceTime: fields.timestamp, receivedAt: now };
      return { kind: 'events', value: observation({ ...counted, ...fields }) };
    });
  const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string());
  const point = fc
    .record({ deviceId: device, at: time, key: fc.constantFrom('load', 'on', 'mode'), value })
    .map(
      ({ at, ...fields }): Item => ({ kind: 'telemetry', value: { ...fields, time: at * 1000 + number } }),
    );
  const heard = fc.record({ deviceId: device, timestamp: time }).map(({ deviceId, timestamp }): Item => {
    const fields = { deviceId, timestamp, deviceTime: timestamp, channel: number, receivedAt: now };
    return { kind: 'detections', value: detection(fields) };
  });
  return fc.oneof(event, point, heard);
}

/** Distinct items of several devices, days and series. */
export const contents: fc.Arbitrary<readonly Item[]> = fc
  .integer({ min: 1, max: 40 })
  .chain((size) => fc.tuple(...Array.from({ length: size }, (_, number) => item(number))));

/** Something else about the item, at the same place. */
export function altered(one: Item, choice: number): Item {
  if (one.kind === 'events') {
    const { value } = one;
    const changes: Partial<Observation>[] = [
      { totalErrors: value.totalErrors + 1 },
      { metadata: '{"a":1}' },
      { receivedAt: value.receivedAt + 1 },
      { sentAt: 5 },
      { clockQuality: 'corrected' },
      { deviceTime: null },
      { bytesSynced: 0 },
    ];
    return { ...one, value: { ...value, ...changes[choice % changes.length] } };
  }
  if (one.kind === 'detections') {
    const changes: Partial<ObservedDetection>[] = [
      { signalDbm: -60 },
      { position: { ...here, heading: 1 } },
      { name: null },
      { receivedAt: one.value.receivedAt + 1 },
      { clockQuality: 'corrected' },
    ];
    return { ...one, value: { ...one.value, ...changes[choice % changes.length] } };
  }
  const { value } = one.value;
  const others = [0, -0, 1, true, false, '', '0', 'true'].filter((other) => !Object.is(other, value));
  return { ...one, value: { ...one.value, value: others[choice % others.length] as PlainPoint['value'] } };
}

/** Where an item is looked for. */
export function keyOf({ kind, value }: Item): DayKey {
  const ms = kind === 'telemetry' ? value.time / 1000 : value.timestamp;
  const series = kind === 'telemetry' ? value.key : '';
  return { kind, deviceId: value.deviceId, series, day: Math.floor(ms / dayMs) * dayMs };
}

/** A store with the items, committed in an order of its own. */
export async function storeOf(items: readonly Item[], seed = 1): Promise<Store> {
  const store = await openMemoryStore({ partial: 'failure' });
  await fill(store, items, seed);
  return store;
}

export async function fill(store: Store, items: readonly Item[], seed = 1): Promise<void> {
  const mixed = shuffled(items, seed);
  const size = Math.max(7, mixed.length / 20);
  for (let at = 0; at < mixed.length; at += size) {
    const some = mixed.slice(at, at + size);
    const of = <K extends Item['kind']>(kind: K) =>
      some.filter((one): one is Extract<Item, { kind: K }> => one.kind === kind).map(({ value }) => value);
    await store.commit({
      observations: of('events') as Observation[],
      rejected: [],
      points: pointBatch(of('telemetry') as PlainPoint[]),
      detections: of('detections') as ObservedDetection[],
    });
  }
}

export async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of items) all.push(one);
  return all;
}

export function placeOf({ kind, deviceId, series, day }: Difference): DayKey {
  return { kind, deviceId, series, day };
}
