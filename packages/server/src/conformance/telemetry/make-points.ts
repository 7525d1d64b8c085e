import { type PointBatch, PointBatchBuilder } from '@pisync/protocol';
import type { PointColumns } from '../../ports/telemetry-store.ts';

/** A point as a test writes it down. */
export interface PlainPoint {
  readonly deviceId: string;
  /** Canonical key of metric and tags. */
  readonly key: string;
  /** Microseconds since the epoch. */
  readonly time: number;
  readonly value: number | boolean | string;
}

export function pointBatch(points: readonly PlainPoint[]): PointBatch {
  const builder = new PointBatchBuilder();
  for (const { deviceId, key, time, value } of points) {
    const series = builder.seriesIndex(deviceId, key);
    if (typeof value === 'string') builder.addText(series, time, value);
    else if (typeof value === 'boolean') builder.addBoolean(series, time, value);
    else builder.addNumber(series, time, value);
  }
  return builder.finish();
}

/** Columns as pairs of time and value, for comparing. */
export function plainPoints(
  columns: PointColumns | undefined,
): readonly (readonly [number, number | boolean | string])[] {
  if (columns === undefined) return [];
  const { count, times, values, kinds, texts } = columns;
  return Array.from({ length: count }, (_, at) => {
    const value = values[at] as number;
    const shown = kinds[at] === 2 ? (texts[value] as string) : kinds[at] === 1 ? value === 1 : value;
    return [times[at] as number, shown] as const;
  });
}
