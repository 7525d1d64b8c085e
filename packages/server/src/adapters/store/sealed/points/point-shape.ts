import { MAX_BLOCK_POINTS, type Runs } from './point-columns.ts';

/*
 * How a run of integers is told by small ones. With x its numbers, each difference is a multiple of the divisor g, and what
 * is kept of a number but the first is, by order,
 *   0  (x[i] - x[0]) / g - c             noise around a level
 *   1  (x[i] - x[i-1]) / g - c           walks, counters, jittered times
 *   2  the difference of neighbours in order 1 before c is taken off; of the first one, its difference to c
 */

export interface Shape {
  readonly order: number;
  readonly divisor: number;
  readonly center: number;
}

/** Differences up to this are told exactly, and all that is computed from them is a safe integer. */
const LARGEST_STEP = 2 ** 51;

/** So many samples are enough for a middle that no outlier moves. */
const SAMPLES = 15;
/** The order is chosen by about so many points. */
const ESTIMATED = 1024;

const steps = new Float64Array(MAX_BLOCK_POINTS);
const levels = new Float64Array(MAX_BLOCK_POINTS);

/** True where all differences of neighbours in the run are at most {@link LARGEST_STEP}. */
export function hasSmallSteps(values: Float64Array, from: number, to: number): boolean {
  let before = values[from] as number;
  for (let index = from + 1; index < to; index++) {
    const value = values[index] as number;
    if (Math.abs(value - before) > LARGEST_STEP) return false;
    before = value;
  }
  return true;
}

/** The shape that needs the fewest bits for all of these runs together; each has two points or more, and small steps. */
export function findShape(values: Float64Array, runs: Runs, members: readonly number[]): Shape {
  const count = collect(values, runs, members);
  const divisor = divideOut(count);
  const level = centerOf(levels, count);
  const step = centerOf(steps, count);
  const firstStep = members.length === 1 ? (steps[0] as number) : step;
  let levelBits = 0;
  let stepBits = 0;
  let curveBits = 0;
  // An estimate from some of the points; where a later run begins, its curve is taken for one.
  const stride = 1 + Math.floor(count / ESTIMATED);
  for (let index = stride - 1; index < count; index += stride) {
    const next = steps[index] as number;
    const before = index === 0 ? firstStep : (steps[index - 1] as number);
    levelBits += bitsOf((levels[index] as number) - level);
    stepBits += bitsOf(next - step);
    curveBits += bitsOf(next - before);
  }
  if (levelBits < stepBits && levelBits < curveBits && hasSmallLevels(count)) {
    return { order: 0, divisor, center: level };
  }
  if (stepBits <= curveBits) return { order: 1, divisor, center: step };
  return { order: 2, divisor, center: firstStep };
}

/** Puts the steps of these runs into `steps`, and the distances to the first of each run into `levels`. */
function collect(values: Float64Array, { starts }: Runs, members: readonly number[]): number {
  let count = 0;
  for (const run of members) {
    const from = starts[run] as number;
    const to = starts[run + 1] as number;
    const first = values[from] as number;
    let before = first;
    for (let index = from + 1; index < to; index++) {
      const value = values[index] as number;
      levels[count] = value - first;
      steps[count++] = value - before;
      before = value;
    }
  }
  return count;
}

/** Divides by the largest divisor that all steps have in common, and returns it; 1 where there is none or no step. */
function divideOut(count: number): number {
  let divisor = 0;
  for (let index = 0; index < count && divisor !== 1; index++) {
    const step = steps[index] as number;
    // Exact: a quotient that is an integer is a double, and rounding down the others leaves a rest.
    if (Math.floor(step / divisor) * divisor === step) continue;
    if (step !== 0) divisor = commonDivisor(Math.abs(step), divisor);
  }
  if (divisor < 2) return 1;
  for (let index = 0; index < count; index++) {
    steps[index] = (steps[index] as number) / divisor;
    levels[index] = (levels[index] as number) / divisor;
  }
  return divisor;
}

function commonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

/** The middle of the range where that brings all into one byte, else the median of samples. */
function centerOf(numbers: Float64Array, count: number): number {
  let least = numbers[0] as number;
  let most = least;
  for (let index = 1; index < count; index++) {
    const number = numbers[index] as number;
    if (number < least) least = number;
    if (number > most) most = number;
  }
  if (most - least < 256) return least + Math.ceil((most - least) / 2);
  const samples: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    samples.push(numbers[Math.floor((sample * count) / SAMPLES)] as number);
  }
  return samples.sort((a, b) => a - b)[SAMPLES >> 1] as number;
}

function bitsOf(number: number): number {
  const size = Math.abs(number);
  return size < 2 ** 31 ? 32 - Math.clz32(size) : 64 - Math.clz32(size / 2 ** 32);
}

function hasSmallLevels(count: number): boolean {
  for (let index = 0; index < count; index++) {
    if (Math.abs(levels[index] as number) > LARGEST_STEP) return false;
  }
  return true;
}

/** Puts what is kept of the run's numbers but the first into `out` from its start. */
export function fold(values: Float64Array, from: number, to: number, shape: Shape, out: Float64Array): void {
  const { order, divisor, center } = shape;
  let before = values[from] as number;
  let stepBefore = center;
  for (let index = from + 1; index < to; index++) {
    const value = values[index] as number;
    const step = divisor === 1 ? value - before : (value - before) / divisor;
    out[index - from - 1] = step - stepBefore;
    if (order !== 0) before = value;
    if (order === 2) stepBefore = step;
  }
}

/** Puts the run's numbers into `out` at `to`; what {@link fold} kept of `length` - 1 of them is in `kept` at `at`. */
export function unfold(
  kept: Float64Array,
  at: number,
  length: number,
  shape: Shape,
  first: number,
  out: Float64Array,
  to: number,
): void {
  const { order, divisor, center } = shape;
  out[to] = first;
  const end = at + length - 1;
  let place = to;
  if (order === 0) {
    for (let index = at; index < end; index++) {
      out[++place] = first + ((kept[index] as number) + center) * divisor;
    }
    return;
  }
  let value = first;
  if (order === 1) {
    for (let index = at; index < end; index++) {
      value += ((kept[index] as number) + center) * divisor;
      out[++place] = value;
    }
    return;
  }
  let step = center;
  for (let index = at; index < end; index++) {
    step += kept[index] as number;
    value += step * divisor;
    out[++place] = value;
  }
}
