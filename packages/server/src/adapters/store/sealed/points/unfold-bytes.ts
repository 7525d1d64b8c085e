import type { PlaneView } from './point-planes.ts';
import type { Shape } from './point-shape.ts';

/** Up to here integers of 32 bits are added, several times as fast as doubles: no addition waits for the one before it. */
const SMALL = 2 ** 30;

/**
 * As {@link unfold}, of words of one byte or of none: those of most columns, in one pass.
 *
 * @param view - planes of width 0 or 1
 * @param from - place of the run's second number among the words
 */
export function unfoldBytes(
  view: PlaneView,
  from: number,
  length: number,
  shape: Shape,
  first: number,
  out: Float64Array,
  to: number,
): void {
  out[to] = first;
  const at = view.at + from;
  const { order, divisor, center } = shape;
  if (order === 0) fromLevel(view, at, length, shape, first, out, to);
  else if (view.width === 0) evenSteps(length, center * divisor, first, out, to);
  else if (order === 2) fromCurve(view.bytes, at, length, shape, first, out, to);
  else if (Math.abs(first) + length * (Math.abs(center) + 128) * divisor < SMALL) {
    fromSmallSteps(view.bytes, at, length, shape, first, out, to);
  } else fromSteps(view.bytes, at, length, shape, first, out, to);
}

function fromLevel(
  { bytes, width }: PlaneView,
  from: number,
  length: number,
  { divisor, center }: Shape,
  first: number,
  out: Float64Array,
  to: number,
): void {
  if (width === 0) {
    out.fill(first + center * divisor, to + 1, to + length);
    return;
  }
  for (let at = from, place = to + 1; place < to + length; place++) {
    const word = bytes[at++] as number;
    out[place] = first + (((word >>> 1) ^ -(word & 1)) + center) * divisor;
  }
}

function evenSteps(length: number, step: number, first: number, out: Float64Array, to: number): void {
  if (Math.abs(step) * length > Number.MAX_SAFE_INTEGER) {
    for (let index = 1; index < length; index++) out[to + index] = (out[to + index - 1] as number) + step;
    return;
  }
  for (let index = 1; index < length; index++) out[to + index] = first + index * step;
}

function fromSmallSteps(
  bytes: Uint8Array,
  from: number,
  length: number,
  { divisor, center }: Shape,
  first: number,
  out: Float64Array,
  to: number,
): void {
  let value = first | 0;
  const base = center | 0;
  const factor = divisor | 0;
  for (let at = from, place = to + 1; place < to + length; place++) {
    const word = bytes[at++] as number;
    value = (value + Math.imul(((word >>> 1) ^ -(word & 1)) + base, factor)) | 0;
    out[place] = value;
  }
}

function fromSteps(
  bytes: Uint8Array,
  from: number,
  length: number,
  { divisor, center }: Shape,
  first: number,
  out: Float64Array,
  to: number,
): void {
  let value = first;
  for (let at = from, place = to + 1; place < to + length; place++) {
    const word = bytes[at++] as number;
    value += (((word >>> 1) ^ -(word & 1)) + center) * divisor;
    out[place] = value;
  }
}

function fromCurve(
  bytes: Uint8Array,
  from: number,
  length: number,
  { divisor, center }: Shape,
  first: number,
  out: Float64Array,
  to: number,
): void {
  let value = first;
  let step = center;
  for (let at = from, place = to + 1; place < to + length; place++) {
    const word = bytes[at++] as number;
    step += (word >>> 1) ^ -(word & 1);
    value += step * divisor;
    out[place] = value;
  }
}
