import assert from 'node:assert/strict';
import type { PointBatch, SeriesName } from '../../src/telemetry/point-batch.ts';
import type { Row } from './reference-line-decoder.ts';

/** A batch as rows; what a batch promises besides is checked on the way. */
export function rowsOfBatch(batch: PointBatch): Row[] {
  const { count, series, seriesOf, times, values, kinds, texts } = batch;
  for (const column of [seriesOf, times, values, kinds]) assert.equal(column.length, count);
  assert.equal(new Set(series.map(({ deviceId, key }) => `${deviceId}\0${key}`)).size, series.length);
  assert.deepEqual([...new Set(seriesOf)], [...series.keys()], 'series stand in order of first appearance');
  assert.ok(times.every(Number.isSafeInteger));
  const inOrder = [...values].filter((_, place) => kinds[place] === 2);
  assert.deepEqual(inOrder, [...texts.keys()], 'texts stand in the order of their points');
  return Array.from({ length: count }, (_, place) => {
    const { deviceId, key } = series[seriesOf[place] as number] as SeriesName;
    const kind = kinds[place] as number;
    const value = values[place] as number;
    const time = times[place] as number;
    return { deviceId, key, time, kind, value: kind === 2 ? (texts[value] as string) : value };
  });
}
