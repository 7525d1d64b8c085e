import type { PointBatch, SeriesName } from '@pisync/protocol';
import { kindBit } from '../../../../ports/telemetry-store.ts';
import { nameOf } from './series-name.ts';

/** Points of one group, and which of them are not kept: 1 for each that is dropped. */
export interface PointPart {
  readonly points: PointBatch;
  readonly dropped: Uint8Array;
}

const TEXT = 2;

/** The points that are kept, by series and time, no two of one series and time: the last one counts. */
export interface GatheredPoints {
  /** In the order of their first points. */
  readonly series: readonly GatheredSeries[];
  readonly times: Float64Array;
  /** A text has its place in `texts`. */
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

export interface GatheredSeries {
  readonly series: SeriesName;
  /** As `nameOf` tells it. */
  readonly name: string;
  /** Every kind of value that came, also of points that others replaced, as a sum of `kindBit`. */
  kinds: number;
  /** Its points are `[from, to)` of the columns. */
  from: number;
  to: number;
}

/** Puts the points of a transaction in order. */
export function gatherPoints(parts: readonly PointPart[]): GatheredPoints {
  const series: GatheredSeries[] = [];
  const known = new Map<string, number>();
  const places = parts.map((part) => placesOf(part, series, known));
  let count = 0;
  for (const one of series) {
    const own = one.to;
    one.from = count;
    one.to = count;
    count += own;
  }
  const columns = {
    series,
    times: new Float64Array(count),
    values: new Float64Array(count),
    kinds: new Uint8Array(count),
    texts: parts.flatMap(({ points }) => points.texts),
  };
  let texts = 0;
  for (const [at, { points }] of parts.entries()) {
    spread(points, places[at] as Int32Array, columns, texts);
    texts += points.texts.length;
  }
  for (const one of series) settle(columns, one);
  return columns;
}

/** For each point of a part the place of its series, -1 for one that is dropped; `to` of each series counts them. */
function placesOf(
  { points, dropped }: PointPart,
  series: GatheredSeries[],
  known: Map<string, number>,
): Int32Array {
  const places = new Int32Array(points.count).fill(-1);
  const ofSeries = new Int32Array(points.series.length).fill(-1);
  for (let at = 0; at < points.count; at++) {
    if (dropped[at] === 1) continue;
    const own = points.seriesOf[at] as number;
    let place = ofSeries[own] as number;
    if (place < 0) {
      place = findPlace(points.series[own] as SeriesName, series, known);
      ofSeries[own] = place;
    }
    places[at] = place;
    const one = series[place] as GatheredSeries;
    one.to += 1;
    one.kinds |= kindBit(points.kinds[at] as number);
  }
  return places;
}

function findPlace(one: SeriesName, series: GatheredSeries[], known: Map<string, number>): number {
  const name = nameOf(one);
  const place = known.get(name) ?? series.push({ series: one, name, kinds: 0, from: 0, to: 0 }) - 1;
  known.set(name, place);
  return place;
}

/** Puts each point behind those of its series that came before. */
function spread(points: PointBatch, places: Int32Array, into: GatheredPoints, texts: number): void {
  for (let at = 0; at < points.count; at++) {
    const place = places[at] as number;
    if (place < 0) continue;
    const one = into.series[place] as GatheredSeries;
    const kind = points.kinds[at] as number;
    into.times[one.to] = points.times[at] as number;
    const value = points.values[at] as number;
    // Nothing is added to a number, not even zero: -0 would lose its sign.
    into.values[one.to] = kind === TEXT ? value + texts : value;
    into.kinds[one.to] = kind;
    one.to += 1;
  }
}

/** Sorts the points of a series, and leaves the last of each time. */
function settle({ times, values, kinds }: GatheredPoints, one: GatheredSeries): void {
  const { from, to } = one;
  let at = from + 1;
  while (at < to && (times[at] as number) > (times[at - 1] as number)) at += 1;
  if (at >= to) return;
  const last = new Map<number, number>();
  for (let place = from; place < to; place++) last.set(times[place] as number, place);
  const order = [...last.values()].sort((a, b) => (times[a] as number) - (times[b] as number));
  const own = order.map((place) => [times[place], values[place], kinds[place]] as [number, number, number]);
  one.to = from + own.length;
  for (const [place, [time, value, kind]] of own.entries()) {
    times[from + place] = time;
    values[from + place] = value;
    kinds[from + place] = kind;
  }
}
