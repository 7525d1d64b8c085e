/**
 * Places of the points that keep the look of a line: first and last, and of each of `points - 2` parts of about as
 * many points that which spans the largest triangle with the one chosen before it and the mean of the part after it.
 * Sveinn Steinarsson: "Downsampling Time Series for Visual Representation", University of Iceland, 2013, section 4.2.
 *
 * Of several spikes within one part one is kept; {@link minMax} keeps the highest and the lowest of all parts.
 *
 * @param times - microseconds since the epoch, ascending
 * @param values - finite, as many as `times`
 * @param points - at least 3
 * @returns ascending places, `points` of them, or all where there are no more
 */
export function largestTriangle(times: Float64Array, values: Float64Array, points: number): Uint32Array {
  checkPoints(points, 3);
  const length = times.length;
  if (length <= points) return everyPlace(length);
  const chosen = new Uint32Array(points);
  chosen[points - 1] = length - 1;
  const width = (length - 2) / (points - 2);
  const origin = times[0]!;
  // Neither axis' scale changes which triangle is largest: with these no area is beyond the range of a double.
  const perTime = 1 / Math.max(1, times[length - 1]! - origin);
  const perValue = 0.125;
  let previous = 0;
  let end = 1;
  for (let part = 0; part < points - 2; part += 1) {
    const begin = end;
    end = 1 + Math.floor((part + 1) * width);
    const nextEnd = part === points - 3 ? length : 1 + Math.floor((part + 2) * width);
    let timeSum = 0;
    let valueSum = 0;
    const perPoint = perValue / (nextEnd - end);
    for (let i = end; i < nextEnd; i += 1) {
      timeSum += times[i]! - origin;
      valueSum += values[i]! * perPoint;
    }
    const fromTime = times[previous]! - origin;
    const fromValue = values[previous]! * perValue;
    const run = (timeSum / (nextEnd - end) - fromTime) * perTime;
    const rise = valueSum - fromValue;
    let largest = -1;
    for (let i = begin; i < end; i += 1) {
      const area = Math.abs(
        run * (values[i]! * perValue - fromValue) - (times[i]! - origin - fromTime) * perTime * rise,
      );
      if (area > largest) {
        largest = area;
        previous = i;
      }
    }
    chosen[part + 1] = previous;
  }
  return chosen;
}

/**
 * Places of the points of which a chart that is narrower than the data shows every spike: first and last, and the
 * lowest and the highest value (each the earliest of equals) of every part of {@link partEdges} that holds points.
 *
 * @param times - microseconds since the epoch, ascending
 * @param values - finite, as many as `times`
 * @param points - at least 4
 * @returns ascending places, at most `points`, or all where there are no more
 */
export function minMax(times: Float64Array, values: Float64Array, points: number): Uint32Array {
  checkPoints(points, 4);
  const length = times.length;
  if (length <= points) return everyPlace(length);
  const chosen = new Uint32Array(points);
  let count = 0;
  const keep = (place: number) => {
    if (count === 0 || chosen[count - 1]! < place) chosen[count++] = place;
  };
  keep(0);
  let i = 0;
  for (const edge of partEdges(times[0]!, times[length - 1]!, points)) {
    let low = i;
    let high = i;
    const begin = i;
    while (i < length && times[i]! < edge) {
      if (values[i]! < values[low]!) low = i;
      if (values[i]! > values[high]!) high = i;
      i += 1;
    }
    if (i === begin) continue;
    keep(Math.min(low, high));
    keep(Math.max(low, high));
  }
  keep(length - 1);
  return chosen.slice(0, count);
}

/**
 * The ends, each exclusive, of the parts in which {@link minMax} looks for the lowest and the highest: half as many
 * as `points` without first and last, rounded down, of the same length in time. The last lies after `last`.
 */
export function partEdges(first: number, last: number, points: number): Float64Array {
  const parts = Math.floor((points - 2) / 2);
  const edges = Float64Array.from(
    { length: parts },
    (_, part) => first + ((last - first) / parts) * (part + 1),
  );
  edges[parts - 1] = Number.POSITIVE_INFINITY;
  return edges;
}

/** The numbers of a column at some places. */
export function pickColumn(column: Float64Array, places: Uint32Array): Float64Array {
  return Float64Array.from(places, (place) => column[place]!);
}

function everyPlace(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, place) => place);
}

function checkPoints(points: number, least: number): void {
  if (!Number.isSafeInteger(points) || points < least) throw new TypeError(`too few points: ${points}`);
}
