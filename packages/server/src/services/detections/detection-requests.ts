import type { Geofence } from '../../core/detections/geofence.ts';
import type { DetectionFilter, GeoBox, NetworkFilter } from '../../ports/detection-store.ts';

export interface DetectionsRequest {
  readonly filter: DetectionFilter;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** The part of a map that is shown. */
export interface MapRequest<Filter> {
  readonly filter: Filter & { readonly box: GeoBox };
  /** Of the map, 0 to 24; maps with 256 pixels a tile. */
  readonly zoom: number;
}

export interface HeatRequest<Filter> extends MapRequest<Filter> {
  /** Edge of a cell on the screen: a power of two. */
  readonly cellPixels: number;
}

export interface ClusterRequest extends MapRequest<DetectionFilter> {
  /** Pixels that clusters are apart at least. */
  readonly radius: number;
}

export interface NetworksRequest {
  readonly filter: NetworkFilter;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface ChangesRequest {
  /** Epoch milliseconds; a week ago where undefined. */
  readonly from: number | undefined;
  /** Exclusive; now where undefined. */
  readonly to: number | undefined;
  readonly box: GeoBox | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface EvilTwinsRequest {
  /** Days for which a network counts as new. */
  readonly newForDays: number;
  /** Networks that are further apart have nothing to do with each other. */
  readonly nearMetres: number;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface SessionsRequest {
  readonly deviceId: string;
  /** Epoch milliseconds. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** A pause that is longer ends a session. */
  readonly gapMinutes: number;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface CrossingsRequest {
  readonly deviceId: string;
  /** Epoch milliseconds. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly fence: Geofence;
  /** The parameter that the fence came by. */
  readonly field: string;
}
