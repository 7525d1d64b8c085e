import { hash } from 'node:crypto';
import { canonicalBody, formatTimestamp, type SeriesName } from '@pisync/protocol';
import { detectionBody, detectionIdentityKind } from '../../core/detections/detection-identity.ts';
import { identityKind } from '../../core/identity.ts';
import type { StoredDetection } from '../../ports/detection-store.ts';
import type { Store, StoredSyncEvent } from '../../ports/store.ts';
import type { PointColumns } from '../../ports/telemetry-store.ts';

/** Items of one answer of a store: what bounds the memory of a comparison. */
const EVENTS_AT_ONCE = 1_000;
const DETECTIONS_AT_ONCE = 10_000;
const POINTS_AT_ONCE = 50_000;
const DAY_MS = 86_400_000;
/** Characters of a digest that stands for a body. */
const SHORT_DIGEST = 16;
/** Just behind the latest time that a point can have. */
const BEHIND_ALL = 2 ** 53;
const textKind = 2;

/** A stretch of time, epoch milliseconds; from, inclusive, and to, exclusive. */
export interface Stretch {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** One thing that a store keeps, as two stores are compared by it. */
export interface ComparedItem {
  readonly deviceId: string;
  /** Start of its day in UTC by its corrected time, epoch milliseconds. */
  readonly day: number;
  /** All of it but its place in the store: equal texts are equal items. */
  readonly text: string;
}

/** Start of the day in UTC. */
function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}

/** The events of a device, by the pages in which the store gives them. Empty for one that it does not know. */
export async function* eventsOf(
  store: Store,
  deviceId: string,
  { from, to }: Stretch = {},
): AsyncGenerator<readonly StoredSyncEvent[]> {
  let after: Parameters<Store['history']>[0]['after'];
  do {
    const page = await store.history({ deviceId, from, to, after, limit: EVENTS_AT_ONCE });
    if (page === undefined) return;
    yield page.items;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/** The detections of the devices, or of all, newest first, by pages. */
export async function* detectionsOf(
  store: Store,
  filter: Stretch & { readonly deviceIds?: readonly string[] } = {},
): AsyncGenerator<readonly StoredDetection[]> {
  let after: Parameters<Store['detections']['list']>[0]['after'];
  do {
    const page = await store.detections.list({ filter, after, limit: DETECTIONS_AT_ONCE });
    yield page.items;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

/** The points of a series, by time, by pages. Empty for one that the store does not know. */
export async function* pointsOf(
  store: Store,
  series: SeriesName,
  { from, to }: Stretch = {},
): AsyncGenerator<PointColumns> {
  let next: number | null = from === undefined ? Number.MIN_SAFE_INTEGER : from * 1000;
  const end = to === undefined ? BEHIND_ALL : to * 1000;
  while (next !== null) {
    const answer = await store.telemetry.range({ series, from: next, to: end, limit: POINTS_AT_ONCE });
    if (answer === undefined) return;
    yield answer.points;
    next = answer.next;
  }
}

/** The order in which a device's epochs came is part of an event: what is newest depends on it. */
export function comparedEvent(event: StoredSyncEvent): ComparedItem {
  const { deviceId, epoch, seq, eventId, epochIndex, sentAt, receivedAt, timestamp, clockQuality } = event;
  const sent = JSON.stringify([epoch, seq, eventId, epochIndex, sentAt, receivedAt, timestamp, clockQuality]);
  return { deviceId, day: dayOf(timestamp), text: `${sent}${canonicalBody(event)}` };
}

export function comparedDetection(detection: StoredDetection): ComparedItem {
  const { deviceId, epoch, seq, eventId, sentAt, receivedAt, timestamp, clockQuality } = detection;
  const sent = JSON.stringify([epoch, seq, eventId, sentAt, receivedAt, timestamp, clockQuality]);
  return { deviceId, day: dayOf(timestamp), text: `${sent}${detectionBody(detection)}` };
}

/** The point in a row of columns; a double is told from every other one, also minus zero from zero. */
export function comparedPoint(
  deviceId: string,
  { times, values, kinds, texts }: PointColumns,
  at: number,
): ComparedItem {
  const time = times[at] as number;
  const value = values[at] as number;
  const kind = kinds[at] as number;
  const shown = kind === textKind ? (texts[value] as string) : Object.is(value, -0) ? '-0' : value;
  return { deviceId, day: dayOf(time / 1000), text: `${time} ${kind} ${shown}` };
}

/** What an event is recognised by, for a person: its counter, the id that it was sent with, or a digest of what it says. */
export function eventName(event: StoredSyncEvent): string {
  return nameOf(event, identityKind(event), canonicalBody(event));
}

/** As {@link eventName}. */
export function detectionName(detection: StoredDetection): string {
  return nameOf(detection, detectionIdentityKind(detection), detectionBody(detection));
}

function nameOf(
  { epoch, seq, eventId, timestamp }: StoredSyncEvent | StoredDetection,
  kind: ReturnType<typeof identityKind>,
  body: string,
): string {
  if (kind === 'seq') return `${epoch}/${seq}`;
  if (kind === 'event_id') return `event_id ${eventId}`;
  return `${formatTimestamp(timestamp)} ${shortDigest(body)}`;
}

/** A point by its time, to the microsecond. */
export function pointName(microseconds: number): string {
  const ms = Math.floor(microseconds / 1000);
  const rest = String(microseconds - ms * 1000).padStart(3, '0');
  return formatTimestamp(ms).replace('Z', `${rest}Z`);
}

/** The first digits of the SHA-256 of a text. */
export function shortDigest(text: string): string {
  return hash('sha256', text).slice(0, SHORT_DIGEST);
}
