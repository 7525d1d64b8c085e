import {
  encodeSeriesKey,
  explainSeriesText,
  maxPointTime,
  maxSeriesTextLength,
  minPointTime,
  type PointBatch,
  PointBatchBuilder,
  type SeriesTag,
} from '@pisync/protocol';
import type { TrackPoint } from './import-item.ts';

/** The metrics of a track, and what each says of a point. */
const metrics = [
  ['gps_lat', (point: TrackPoint) => point.lat],
  ['gps_lon', (point: TrackPoint) => point.lon],
  ['gps_altitude', (point: TrackPoint) => point.altitude],
  ['gps_accuracy', (point: TrackPoint) => point.accuracy],
  ['gps_heading', (point: TrackPoint) => point.heading],
  ['gps_speed', (point: TrackPoint) => point.speed],
] as const;

/** Everything that no tag may hold; a space takes its place. */
const control = /\p{Cc}/gu;

/**
 * Turns points of GPS tracks into telemetry: `gps_lat` and `gps_lon` in degrees, `gps_altitude` and `gps_accuracy` in metres,
 * `gps_heading` in degrees, `gps_speed` in metres per second, each where the point has it. The tags are `segment` and, where the track
 * has a name, `track`: control characters become spaces, and it is cut to the longest that a tag may have. The same points give the same batch.
 *
 * @param points - with a time; those without one have no place in telemetry and are passed over
 */
export function trackTelemetry(points: readonly TrackPoint[], deviceId: string): PointBatch {
  const builder = new PointBatchBuilder(points.length * metrics.length);
  for (const point of points) {
    if (point.deviceTime === null) continue;
    const time = Math.min(maxPointTime, Math.max(minPointTime, point.deviceTime * 1000));
    const tags = tagsOf(point);
    for (const [metric, read] of metrics) {
      const value = read(point);
      if (value === null) continue;
      builder.addNumber(builder.seriesIndex(deviceId, encodeSeriesKey(metric, tags)), time, value);
    }
  }
  return builder.finish();
}

function tagsOf({ track, segment }: TrackPoint): SeriesTag[] {
  const name = [...(track ?? '').toWellFormed().replace(control, ' ').trim()]
    .slice(0, maxSeriesTextLength)
    .join('');
  const tags: SeriesTag[] = [['segment', String(segment)]];
  if (explainSeriesText(name) === undefined) tags.push(['track', name]);
  return tags;
}
