/** Kinds of values; the place of a kind is its code in {@link PointBatch.kinds}. */
export const pointKinds = ['number', 'boolean', 'text'] as const;

/** A kind of value by name. */
export type PointKind = (typeof pointKinds)[number];

/** Codes of the kinds, for code that handles columns. */
export const numberKind = 0;
export const booleanKind = 1;
export const textKind = 2;

/**
 * Earliest and latest time of a point, microseconds since the epoch: the years 1684 to 2255, all that a double holds
 * exactly. Decoders take an earlier or later time as the nearest of these, because no point is refused for its time.
 */
export const minPointTime = Number.MIN_SAFE_INTEGER;
export const maxPointTime = Number.MAX_SAFE_INTEGER;

/** Largest text value, in bytes of UTF-8. */
export const maxTextBytes = 4096;

/** Which device measured what, under which tags. */
export interface SeriesName {
  readonly deviceId: string;
  /** Canonical key of metric and tags; see `encodeSeriesKey`. */
  readonly key: string;
}

/** Points as columns, from the decoder to the store; all arrays have `count` elements unless they say otherwise. */
export interface PointBatch {
  readonly count: number;
  /**
   * Distinct series in order of first appearance. A decoder that remembers series gives the same object for the same
   * series again, as long as it remembers it.
   */
  readonly series: readonly SeriesName[];
  /** Per point: index into `series`. */
  readonly seriesOf: Int32Array;
  /** Microseconds since the epoch: integers, exact. */
  readonly times: Float64Array;
  /** A finite number; 0 or 1 of a boolean; for a text its index into `texts`. */
  readonly values: Float64Array;
  /** Per point: index into {@link pointKinds}. */
  readonly kinds: Uint8Array;
  /** Text values in the order of their points. */
  readonly texts: readonly string[];
}
