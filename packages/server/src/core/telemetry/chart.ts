import { largestTriangle, minMax } from './downsample.ts';
import { numbersOf } from './numbers.ts';

/** Columns of a chart: numbers and booleans only. */
export interface ChartColumns {
  readonly count: number;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

/** The points that a chart needs of the given ones, at most `points` of them. */
export function chartOf(
  columns: ChartColumns,
  points: number,
  method: 'largest_triangle' | 'min_max',
): ChartColumns {
  const { times, values, start, end } = numbersOf(columns, 0, columns.count);
  const ownTimes = times.subarray(start, end);
  const ownValues = values.subarray(start, end);
  const places =
    method === 'min_max' ? minMax(ownTimes, ownValues, points) : largestTriangle(ownTimes, ownValues, points);
  return {
    count: places.length,
    times: Float64Array.from(places, (place) => ownTimes[place] as number),
    values: Float64Array.from(places, (place) => ownValues[place] as number),
    kinds: new Uint8Array(places.length),
    texts: [],
  };
}
