import { decodeSeriesKey, formatTimestamp, type SeriesName } from '@pisync/protocol';
import type { PointColumns, SeriesRecord } from '../../ports/telemetry-store.ts';

/** A series as replies name it. */
export interface SeriesView {
  readonly device_id: string;
  readonly metric: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function nameView(name: SeriesName): SeriesView {
  const { metric, tags } = decodeSeriesKey(name.key);
  return { device_id: name.deviceId, metric, tags: Object.fromEntries(tags) };
}

export function seriesView({ name, time, value }: SeriesRecord) {
  return { ...nameView(name), latest: { timestamp: formatPointTime(time), value } };
}

/** Newest points, each with its series; what many devices have in common is read once. */
export function latestViews(items: readonly SeriesRecord[]) {
  const views = new Map<string, Omit<SeriesView, 'device_id'>>();
  return items.map(({ name, time, value }) => {
    let view = views.get(name.key);
    if (view === undefined) {
      const { metric, tags } = nameView(name);
      view = { metric, tags };
      views.set(name.key, view);
    }
    return { device_id: name.deviceId, ...view, timestamp: formatPointTime(time), value };
  });
}

const HOUR_MS = 3_600_000;
/** 00 to 99, and 000 to 999. */
const twoDigits = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'));
const threeDigits = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));
/** The hour that was written last, up to its first colon: neighbouring points mostly have it in common. */
let lastHour = Number.NaN;
let hourText = '';

/** RFC 3339 in UTC with milliseconds, or microseconds where there are some. */
export function formatPointTime(time: number): string {
  const ms = Math.floor(time / 1000);
  const hour = Math.floor(ms / HOUR_MS);
  if (hour !== lastHour) {
    hourText = formatTimestamp(hour * HOUR_MS).slice(0, -10);
    lastHour = hour;
  }
  const within = ms - hour * HOUR_MS;
  const seconds = Math.floor(within / 1000);
  const minute = Math.floor(seconds / 60);
  const text = `${hourText}${twoDigits[minute]}:${twoDigits[seconds - minute * 60]}.${threeDigits[within - seconds * 1000]}`;
  const rest = time - ms * 1000;
  return rest === 0 ? `${text}Z` : `${text}${threeDigits[rest]}Z`;
}

/** Points as a reply shows them. */
export function pointViews(points: PointColumns) {
  const views: { timestamp: string; value: number | boolean | string }[] = [];
  for (let at = 0; at < points.count; at++) {
    views.push({ timestamp: formatPointTime(points.times[at] as number), value: pointValue(points, at) });
  }
  return views;
}

/** The value of a point of columns. */
export function pointValue({ values, kinds, texts }: PointColumns, at: number): number | boolean | string {
  const value = values[at] as number;
  const kind = kinds[at];
  return kind === 0 ? value : kind === 1 ? value === 1 : (texts[value] as string);
}
