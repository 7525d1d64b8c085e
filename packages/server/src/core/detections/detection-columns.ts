import type { ObservedDetection } from '@pisync/protocol';

/** A detection as a store keeps it. */
export interface StoredDetection extends ObservedDetection {
  /** Place among the store's detections in the order of their commits: from 1, unique, growing, never reused. */
  readonly ordinal: number;
}

/** A column of texts in which few are different: `values[codes[row]]`, null for none. */
export interface TextColumn {
  readonly values: readonly (string | null)[];
  readonly codes: Uint32Array;
}

/**
 * Detections as columns: what questions over many of them read. All columns have `count` rows, in any order. What is not
 * here is read row by row from {@link DetectionSource.detection}.
 */
export interface DetectionColumns {
  readonly count: number;
  readonly ordinals: Float64Array;
  /** Corrected time, epoch milliseconds. */
  readonly timestamps: Float64Array;
  /** Index into `detectionTypes`. */
  readonly types: Uint8Array;
  /** Degrees; `NaN` in both where the detection has no position. */
  readonly lats: Float64Array;
  readonly lons: Float64Array;
  /** dBm; `NaN` for none. */
  readonly signals: Float64Array;
  /** Never null. */
  readonly devices: TextColumn;
  /** Never null. */
  readonly identities: TextColumn;
  readonly names: TextColumn;
  readonly securities: TextColumn;
}

/** Some detections that are read together, such as a block of a file. */
export interface DetectionSource {
  readonly columns: DetectionColumns;
  /** The detection in a row, whole. */
  detection(row: number): StoredDetection;
}
