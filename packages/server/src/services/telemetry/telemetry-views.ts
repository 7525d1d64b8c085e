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

/** RFC 3339 in UTC with milliseconds, or microseconds where there are some. */
export function formatPointTime(time: number): string {
  const ms = Math.floor(time / 1000);
  const text = formatTimestamp(ms);
  const rest = time - ms * 1000;
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

/** Points as a reply shows them. */
export function pointViews(points: PointColumns) {
  return Array.from({ length: points.count }, (_, at) => ({
    timestamp: formatPointTime(points.times[at] as number),
    value: pointValue(points, at),
  }));
}

/** The value of a point of columns. */
export function pointValue({ values, kinds, texts }: PointColumns, at: number): number | boolean | string {
  const value = values[at] as number;
  const kind = kinds[at];
  return kind === 0 ? value : kind === 1 ? value === 1 : (texts[value] as string);
}
