import type { SeriesName } from '@pisync/protocol';
import type { StateRule, Store } from '../../ports/store.ts';
import {
  type ComparedItem,
  comparedDetection,
  comparedEvent,
  comparedPoint,
  detectionsOf,
  eventsOf,
  pointsOf,
} from './compared-items.ts';
import { DigestSum } from './digest-sum.ts';
import { inOrder } from './in-order.ts';

/** What is compared, in the order in which it comes. */
export const comparedKinds = ['events', 'telemetry', 'detections'] as const;

export type ComparedKind = (typeof comparedKinds)[number];

/** What one device has of one kind on one day: of telemetry, in one series. */
export interface DayKey {
  readonly kind: ComparedKind;
  readonly deviceId: string;
  /** Key of the series, of metric and tags; empty but for telemetry. */
  readonly series: string;
  /** Start of the day in UTC by corrected time, epoch milliseconds. */
  readonly day: number;
}

/** A day with all that it comes to. */
export interface DayDigest extends DayKey {
  readonly count: number;
  /** See {@link DigestSum}. */
  readonly digest: string;
}

export interface DigestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with each answer of the store: so many more items were read. */
  readonly onRead?: ((kind: ComparedKind, items: number) => void) | undefined;
}

/** Devices or series that are read at once: what hides the way to a database. */
const AT_ONCE = 8;
/** Devices and series of one answer. */
const DEVICES_PAGE = 1_000;
const SERIES_PAGE = 10_000;
/** Devices whose series are looked up at once. */
const DEVICES_OF_SERIES = 100;

/** No state is asked for, so that it does not matter. */
const anyRule: StateRule = { failingStreak: 1, silentAfterMs: 1, now: 0 };

/**
 * Reads all that a store holds of its devices, and gives what it comes to by day. Of two stores that hold the same, in whatever
 * order it came and however they keep it, both give the same, in the same order: see {@link compareDays}.
 *
 * Holds the ids of the devices, some pages, and the digests of a few devices, or of one day of detections. What is committed
 * meanwhile may be in it or not. Not looked at: the quarantine, and how often what came again differed.
 *
 * @throws the reason of the signal where it is aborted; what the store throws
 */
export async function* digestStore(store: Store, options: DigestOptions = {}): AsyncGenerator<DayDigest> {
  const devices = await allDevices(store, options);
  for await (const days of inOrder(devices, AT_ONCE, (id) => eventDays(store, id, options))) yield* days;
  const series = seriesOf(store, devices);
  for await (const days of inOrder(series, AT_ONCE, (name) => pointDays(store, name, options))) yield* days;
  yield* detectionDays(store, options);
}

/** Whether one day comes before another: events and telemetry by device, series and day, detections by day, newest first. */
export function compareDays(a: DayKey, b: DayKey): number {
  const kinds = comparedKinds.indexOf(a.kind) - comparedKinds.indexOf(b.kind);
  if (kinds !== 0) return kinds;
  const names = compareText(a.deviceId, b.deviceId) || compareText(a.series, b.series);
  return a.kind === 'detections' ? b.day - a.day || names : names || a.day - b.day;
}

/** By code units. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Ids of all devices that have anything, sorted. One that only measured is known by its series alone in some stores. */
async function allDevices(store: Store, { signal }: DigestOptions): Promise<readonly string[]> {
  const ids = new Set<string>();
  let after: Parameters<Store['devices']>[0]['after'];
  do {
    signal?.throwIfAborted();
    const query = {
      rule: anyRule,
      sort: 'device_id',
      descending: false,
      limit: DEVICES_PAGE,
      after,
    } as const;
    const page = await store.devices(query);
    for (const { deviceId } of page.items) ids.add(deviceId);
    after = page.next ?? undefined;
  } while (after !== undefined);
  let last: number | undefined;
  do {
    signal?.throwIfAborted();
    const page = await store.telemetry.series({ limit: SERIES_PAGE, after: last });
    for (const { name } of page.items) ids.add(name.deviceId);
    last = page.next ?? undefined;
  } while (last !== undefined);
  return [...ids].sort(compareText);
}

/** The series of the devices, by device and key. */
async function* seriesOf(store: Store, devices: readonly string[]): AsyncGenerator<SeriesName> {
  for (let at = 0; at < devices.length; at += DEVICES_OF_SERIES) {
    const names: SeriesName[] = [];
    let after: number | undefined;
    do {
      const deviceIds = devices.slice(at, at + DEVICES_OF_SERIES);
      const page = await store.telemetry.series({ deviceIds, limit: SERIES_PAGE, after });
      names.push(...page.items.map(({ name }) => name));
      after = page.next ?? undefined;
    } while (after !== undefined);
    yield* names.sort((a, b) => compareText(a.deviceId, b.deviceId) || compareText(a.key, b.key));
  }
}

async function eventDays(
  store: Store,
  deviceId: string,
  options: DigestOptions,
): Promise<readonly DayDigest[]> {
  const days = new Days('events', '');
  for await (const page of eventsOf(store, deviceId)) {
    options.signal?.throwIfAborted();
    for (const event of page) days.add(comparedEvent(event));
    options.onRead?.('events', page.length);
  }
  return days.sorted();
}

async function pointDays(
  store: Store,
  name: SeriesName,
  options: DigestOptions,
): Promise<readonly DayDigest[]> {
  const days = new Days('telemetry', name.key);
  for await (const columns of pointsOf(store, name)) {
    options.signal?.throwIfAborted();
    for (let at = 0; at < columns.count; at++) days.add(comparedPoint(name.deviceId, columns, at));
    options.onRead?.('telemetry', columns.count);
  }
  return days.sorted();
}

/** They come newest first, of all devices at once: to ask for each device by itself would read all of them for each. */
async function* detectionDays(store: Store, options: DigestOptions): AsyncGenerator<DayDigest> {
  let day = Number.NaN;
  let days = new Days('detections', '');
  for await (const page of detectionsOf(store)) {
    options.signal?.throwIfAborted();
    for (const detection of page) {
      const item = comparedDetection(detection);
      if (item.day !== day) {
        yield* days.sorted();
        days = new Days('detections', '');
        day = item.day;
      }
      days.add(item);
    }
    options.onRead?.('detections', page.length);
  }
  yield* days.sorted();
}

/** Sums by device and day of one kind, of telemetry of one series. */
class Days {
  readonly #kind: ComparedKind;
  readonly #series: string;
  readonly #sums = new Map<string, { readonly key: DayKey; readonly sum: DigestSum }>();

  constructor(kind: ComparedKind, series: string) {
    this.#kind = kind;
    this.#series = series;
  }

  add({ deviceId, day, text }: ComparedItem): void {
    const id = `${day} ${deviceId}`;
    let found = this.#sums.get(id);
    if (found === undefined) {
      found = { key: { kind: this.#kind, deviceId, series: this.#series, day }, sum: new DigestSum() };
      this.#sums.set(id, found);
    }
    found.sum.add(text);
  }

  sorted(): readonly DayDigest[] {
    return [...this.#sums.values()]
      .map(({ key, sum }) => ({ ...key, count: sum.count, digest: sum.hex }))
      .sort(compareDays);
  }
}
