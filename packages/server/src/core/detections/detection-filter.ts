import type { DetectionType } from '@pisync/protocol';

/** A rectangle in degrees, edges included. `west` greater than `east` crosses the antimeridian. */
export interface GeoBox {
  readonly south: number;
  readonly west: number;
  readonly north: number;
  readonly east: number;
}

/** A circle on the ground. */
export interface GeoCircle {
  readonly lat: number;
  readonly lon: number;
  /** Metres. */
  readonly radius: number;
}

/** Which detections a question is about; all that is given must hold. */
export interface DetectionFilter {
  readonly box?: GeoBox | undefined;
  readonly around?: GeoCircle | undefined;
  /** Inclusive lower bound of `timestamp`, epoch milliseconds. */
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
  readonly types?: readonly DetectionType[] | undefined;
  /** A name of `securityNames` that must be among those of the detection. */
  readonly security?: string | undefined;
  /** dBm, inclusive; a detection without signal meets neither. */
  readonly minSignal?: number | undefined;
  readonly maxSignal?: number | undefined;
  readonly deviceIds?: readonly string[] | undefined;
  readonly identity?: string | undefined;
  /** The whole name. */
  readonly name?: string | undefined;
  /** Part of the name, in any case. */
  readonly search?: string | undefined;
}
