import { encodeSeriesKey, type PointBatch, type SeriesName } from '@pisync/protocol';
import { deviceId } from '../event-template.ts';
import { metricNames } from './line-source.ts';
import { Walks } from './series-values.ts';

/** Distance of the points of one series. */
const everyMs = 10_000;

/**
 * The points of {@link import('./line-source.ts').LineSource} as a store is handed them: all series tell their first points, then
 * their second ones, and so on.
 */
export class PointBatches {
  readonly series: readonly SeriesName[];
  readonly #batchPoints: number;
  readonly #values: Walks;
  #time: number;

  /**
   * @param batchPoints - a multiple of the number of series: devices times metrics
   * @param startMs - time of the first points
   */
  constructor(devices: number, batchPoints: number, startMs: number) {
    this.series = Array.from({ length: devices }, (_, device) =>
      metricNames.map((metric) => ({ deviceId: deviceId(device), key: encodeSeriesKey(metric, []) })),
    ).flat();
    if (batchPoints % this.series.length !== 0) throw new Error('a batch holds whole reports of all series');
    this.#batchPoints = batchPoints;
    this.#values = new Walks(this.series.length);
    this.#time = startMs;
  }

  /** The next batches. */
  next(count: number): PointBatch[] {
    return Array.from({ length: count }, () => this.#batch());
  }

  #batch(): PointBatch {
    const { series } = this;
    const count = this.#batchPoints;
    const seriesOf = new Int32Array(count);
    const times = new Float64Array(count);
    const values = new Float64Array(count);
    for (let at = 0; at < count; at++) {
      const one = at % series.length;
      if (one === 0) this.#time += everyMs;
      seriesOf[at] = one;
      times[at] = this.#time * 1000;
      values[at] = this.#values.next(one) / 100;
    }
    return { count, series, seriesOf, times, values, kinds: new Uint8Array(count), texts: [] };
  }
}
