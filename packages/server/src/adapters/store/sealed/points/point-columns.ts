/** Most points that one block holds. */
export const MAX_BLOCK_POINTS = 8192;

/** Kinds of values by their code. */
export const NUMBER_KIND = 0;
export const TEXT_KIND = 2;

/** Points side by side, as a block takes and gives them. Arrays may be longer than `count`. */
export interface PointColumns {
  readonly count: number;
  /** Number of each point's series, 0 to 2^31 - 1, ascending. */
  readonly series: Int32Array | Uint32Array;
  /** Microseconds since the epoch: safe integers. */
  readonly times: Float64Array;
  /** A number; 0 or 1 for a boolean; for a text its index in `texts`. */
  readonly values: Float64Array;
  /** 0 number, 1 boolean, 2 text. */
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

/** Arrays that a block is decoded into, used again and again where many blocks are read for a moment each. */
export interface PointSpace {
  readonly series: Int32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
}

/** Room for so many points. */
export function pointSpace(points: number = MAX_BLOCK_POINTS): PointSpace {
  return {
    series: new Int32Array(points),
    times: new Float64Array(points),
    values: new Float64Array(points),
    kinds: new Uint8Array(points),
  };
}

/** Stretches of a block that each belong to one series. */
export interface Runs {
  readonly count: number;
  /** First point of each run, and the number of points behind the last: `count` + 1 entries count. */
  readonly starts: Int32Array;
}

/** End of the points that are of the same series as the one at `from`, looked for before `to`: most often it is that. */
export function seriesEnd(series: PointColumns['series'], from: number, to: number): number {
  const own = series[from];
  if (series[to - 1] === own) return to;
  let end = from + 1;
  while (series[end] === own) end += 1;
  return end;
}
