import type { Store } from '../../ports/store.ts';
import {
  comparedDetection,
  comparedEvent,
  comparedPoint,
  detectionName,
  detectionsOf,
  eventName,
  eventsOf,
  pointName,
  pointsOf,
  type Stretch,
} from './compared-items.ts';
import type { DayKey } from './digest-store.ts';

/** What of a day differs, by the names of its items; the first ones only. */
export interface DayExplanation {
  readonly missing: readonly string[];
  readonly more: readonly string[];
  /** In both, but not alike. */
  readonly different: readonly string[];
}

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** Texts by the names of their items; what has no identity may have the same name several times. */
type NamedTexts = Map<string, string[]>;

/**
 * Reads a day of one device in two stores again and names what differs. An hour of it is held in memory at a time.
 *
 * @param limit - names of each kind, at most
 */
export async function explainDifference(
  expected: Store,
  found: Store,
  day: DayKey,
  limit: number,
): Promise<DayExplanation> {
  const missing: string[] = [];
  const more: string[] = [];
  const different: string[] = [];
  for (let hour = 0; hour < HOURS; hour++) {
    const stretch = { from: day.day + hour * HOUR_MS, to: day.day + (hour + 1) * HOUR_MS };
    const [left, right] = await Promise.all([named(expected, day, stretch), named(found, day, stretch)]);
    for (const [name, texts] of left) {
      const others = right.get(name);
      right.delete(name);
      const surplus = texts.length - (others?.length ?? 0);
      if (surplus > 0) missing.push(name);
      else if (surplus < 0) more.push(name);
      else if (texts.sort().join('\n') !== (others as string[]).sort().join('\n')) different.push(name);
    }
    more.push(...right.keys());
    for (const names of [missing, more, different]) names.splice(limit);
    if (missing.length >= limit || more.length >= limit || different.length >= limit) break;
  }
  return { missing, more, different };
}

async function named(
  store: Store,
  { kind, deviceId, series }: DayKey,
  stretch: Stretch,
): Promise<NamedTexts> {
  const texts: NamedTexts = new Map();
  const add = (name: string, text: string): void => {
    const known = texts.get(name);
    if (known === undefined) texts.set(name, [text]);
    else known.push(text);
  };
  if (kind === 'events') {
    for await (const page of eventsOf(store, deviceId, stretch))
      for (const event of page) add(eventName(event), comparedEvent(event).text);
  } else if (kind === 'telemetry') {
    for await (const columns of pointsOf(store, { deviceId, key: series }, stretch))
      for (let at = 0; at < columns.count; at++)
        add(pointName(columns.times[at] as number), comparedPoint(deviceId, columns, at).text);
  } else {
    for await (const page of detectionsOf(store, { ...stretch, deviceIds: [deviceId] }))
      for (const detection of page) add(detectionName(detection), comparedDetection(detection).text);
  }
  return texts;
}
