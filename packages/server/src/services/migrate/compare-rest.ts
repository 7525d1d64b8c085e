import { ContentHash, digitsOf } from '../../core/copy/content-hash.ts';
import { deviceDigest } from '../../core/copy/device-digest.ts';
import type { StoredDetection } from '../../ports/detection-store.ts';
import type { QuarantinedItem } from '../../ports/store.ts';
import type { StoreSnapshot } from '../../ports/store-copy.ts';
import { type KindReport, MAX_DIFFERENCES, type MoveDifference, type MovedKind } from './move-report.ts';

/** Digests of one kind by name, and over all of them. */
class Digests {
  readonly items = new Map<string, string>();
  readonly #sum = new Int32Array(2);

  /** How many items there are. */
  count = 0;

  add(name: string, digest: string, count = 1): void {
    this.items.set(name, digest);
    this.#sum[0]! += Number.parseInt(digest.slice(0, 8), 16);
    this.#sum[1]! += Number.parseInt(digest.slice(8), 16);
    this.count += count;
  }

  get digits(): string {
    return digitsOf(this.#sum);
  }
}

type Read = (snapshot: StoreSnapshot, into: Digests) => Promise<void>;

const readers: readonly (readonly [MovedKind, Read])[] = [
  ['devices', readDevices],
  ['hours', readHours],
  ['quarantined', readQuarantine],
  ['series', readSeries],
  ['points', readPoints],
  ['detections', readDetections],
];

/** Compares all that two stores keep beside events. */
export async function compareRest(
  source: StoreSnapshot,
  target: StoreSnapshot,
  onKind: (kind: MovedKind) => void,
): Promise<{ readonly kinds: readonly KindReport[]; readonly differences: readonly MoveDifference[] }> {
  const kinds: KindReport[] = [];
  const differences: MoveDifference[] = [];
  for (const [kind, read] of readers) {
    onKind(kind);
    const [expected, found] = [new Digests(), new Digests()];
    await read(source, expected);
    await read(target, found);
    const own = differ(kind, expected, found);
    differences.push(...own);
    kinds.push({
      kind,
      source: expected.count,
      target: found.count,
      digest: expected.digits,
      same: own.length === 0,
    });
  }
  return { kinds, differences };
}

function differ(kind: MovedKind, expected: Digests, found: Digests): readonly MoveDifference[] {
  const differences: MoveDifference[] = [];
  for (const what of new Set([...expected.items.keys(), ...found.items.keys()])) {
    const source = expected.items.get(what) ?? null;
    const target = found.items.get(what) ?? null;
    if (source !== target && differences.length < MAX_DIFFERENCES)
      differences.push({ kind, what, source, target });
  }
  return differences;
}

async function readDevices(snapshot: StoreSnapshot, into: Digests): Promise<void> {
  for await (const devices of snapshot.devices()) {
    for (const device of devices) into.add(device.deviceId, deviceDigest(device));
  }
}

async function readHours(snapshot: StoreSnapshot, into: Digests): Promise<void> {
  const hash = new ContentHash();
  for (const { hour, syncs, partial, failed, files, errors, bytes } of await snapshot.hours()) {
    hash.begin();
    for (const value of [hour, syncs, partial, failed, files, errors, bytes]) hash.number(value);
    hash.end();
    into.add(new Date(hour).toISOString(), hash.digits);
  }
}

async function readQuarantine(snapshot: StoreSnapshot, into: Digests): Promise<void> {
  const { items } = await snapshot.quarantine();
  for await (const item of items) into.add(`item ${item.id}`, itemDigest(item));
}

const itemHash = new ContentHash();

function itemDigest(item: QuarantinedItem): string {
  itemHash.begin();
  for (const value of [item.id, item.count, item.receivedAt, item.lastReceivedAt]) itemHash.number(value);
  for (const text of [item.deviceId, item.code, item.field, item.detail, item.source, item.raw]) {
    itemHash.text(text);
  }
  itemHash.word(item.truncated ? 1 : 0);
  itemHash.end();
  return itemHash.digits;
}

async function readSeries(snapshot: StoreSnapshot, into: Digests): Promise<void> {
  const hash = new ContentHash();
  for await (const series of snapshot.series()) {
    for (const { name, number, time, value, kinds } of series) {
      hash.begin();
      for (const one of [number, time, kinds]) hash.number(one);
      if (typeof value === 'string') hash.text(value);
      else hash.number(Number(value));
      hash.word(typeof value === 'boolean' ? 1 : 0);
      hash.end();
      into.add(`${name.deviceId} ${name.key}`, hash.digits);
    }
  }
}

/** Sums by name, of what comes in parts. */
class Sums {
  readonly #hash = new ContentHash();
  readonly #sums = new Map<string, { readonly both: Int32Array; count: number }>();

  /** @param write - writes one item */
  add(name: string, write: (hash: ContentHash) => void): void {
    let sum = this.#sums.get(name);
    if (sum === undefined) {
      sum = { both: new Int32Array(2), count: 0 };
      this.#sums.set(name, sum);
    }
    this.#hash.begin();
    write(this.#hash);
    this.#hash.end();
    sum.both[0]! += this.#hash.first;
    sum.both[1]! += this.#hash.second;
    sum.count += 1;
  }

  addTo(into: Digests): void {
    for (const [name, { both, count }] of this.#sums) into.add(name, digitsOf(both), count);
  }
}

async function readPoints(snapshot: StoreSnapshot, into: Digests): Promise<void> {
  const sums = new Sums();
  for await (const { series, points } of snapshot.points(null)) {
    const { count, times, values, kinds, texts } = points;
    const name = `series ${series}`;
    for (let at = 0; at < count; at++) {
      sums.add(name, (hash) => {
        const value = values[at] as number;
        hash.number(times[at] as number);
        hash.word(kinds[at] as number);
        if (kinds[at] === TEXT) hash.text(texts[value] as string);
        else hash.number(value);
      });
    }
  }
  sums.addTo(into);
}

const TEXT = 2;

async function readDetections(snapshot: StoreSnapshot, into: Digests): Promise<void> {
  const sums = new Sums();
  for await (const detections of snapshot.detections(0)) {
    for (const detection of detections) {
      const day = new Date(detection.timestamp).toISOString().slice(0, 10);
      sums.add(`${detection.deviceId} on ${day}`, (hash) => writeDetection(hash, detection));
    }
  }
  sums.addTo(into);
}

function writeDetection(hash: ContentHash, detection: StoredDetection): void {
  const { position } = detection;
  for (const value of [
    ...[detection.ordinal, detection.timestamp, detection.receivedAt, detection.seq, detection.deviceTime],
    ...[detection.sentAt, detection.channel, detection.frequencyMhz, detection.signalDbm],
    ...[position?.lat ?? null, position?.lon ?? null, position?.altitude ?? null],
    ...[position?.accuracy ?? null, position?.heading ?? null, position?.speed ?? null],
  ]) {
    hash.number(value);
  }
  for (const text of [
    ...[detection.deviceId, detection.epoch, detection.eventId, detection.type, detection.identity],
    ...[detection.name, detection.security, detection.capabilities, detection.metadata],
    detection.clockQuality,
  ]) {
    hash.text(text);
  }
}
