import type { DetectionType } from '@pisync/protocol';
import type { DetectionFilter, GeoBox } from '../core/detections/detection-filter.ts';
import type { DetectionPage, DetectionQuery } from '../core/detections/detection-list.ts';
import type { GridAnswer } from '../core/detections/grid.ts';
import type {
  Namesakes,
  NetworkChange,
  NetworkKey,
  NetworkRecord,
  NetworkVariant,
} from '../core/detections/networks/network.ts';

export type { StoredDetection } from '../core/detections/detection-columns.ts';
export type { DetectionFilter, GeoBox, GeoCircle } from '../core/detections/detection-filter.ts';
export type { DetectionKey, DetectionPage, DetectionQuery } from '../core/detections/detection-list.ts';
export type { GridAnswer } from '../core/detections/grid.ts';
export type {
  Namesakes,
  NetworkChange,
  NetworkKey,
  NetworkRecord,
  NetworkVariant,
} from '../core/detections/networks/network.ts';

/** Which part of the map is asked for, and how fine. */
export interface GridQuery {
  /** `box` is required here; detections without a position count nowhere. */
  readonly filter: DetectionFilter & { readonly box: GeoBox };
  /** Cells are Web Mercator tiles of this zoom, 0 to 24. */
  readonly zoom: number;
  /** Cells at most, 1 to 65,536. */
  readonly limit: number;
}

/** Which networks are asked for; all that is given must hold. */
export interface NetworkFilter {
  /** Where the estimated position lies. */
  readonly box?: GeoBox | undefined;
  readonly types?: readonly DetectionType[] | undefined;
  /** A name of `securityNames` that must be among the newest security. */
  readonly security?: string | undefined;
  readonly minSignal?: number | undefined;
  /** The whole newest name. */
  readonly name?: string | undefined;
  /** Part of the newest name or of the identity, in any case. */
  readonly search?: string | undefined;
  /** Only networks seen first at or after this, epoch milliseconds. */
  readonly firstSeenFrom?: number | undefined;
  /** Only networks seen last at or after this. */
  readonly lastSeenFrom?: number | undefined;
}

/**
 * Place in a list of networks: newest seen first, then by type in the order of `detectionTypes`, then by identity in code
 * unit order.
 */
export interface NetworkPlace extends NetworkKey {
  readonly lastSeenAt: number;
}

export interface NetworkQuery {
  readonly filter: NetworkFilter;
  /** 1 to 10,000. */
  readonly limit: number;
  readonly after?: NetworkPlace | undefined;
}

export interface NetworkPage {
  /** By {@link NetworkPlace}. */
  readonly items: readonly NetworkRecord[];
  readonly next: NetworkPlace | null;
}

/** One network with all that it was seen as. */
export interface NetworkDetail extends NetworkRecord {
  /** By first sight, those without a name or security first; at most 100, those seen last. */
  readonly variants: readonly NetworkVariant[];
}

export interface ChangeQuery {
  /** Changes of `[from, to)`, epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  /** Where the estimated position of the network lies. */
  readonly box?: GeoBox | undefined;
  /** 1 to 10,000. */
  readonly limit: number;
}

export interface NamesakeQuery {
  /** 1 to 1,000 names. */
  readonly limit: number;
  /** Resume strictly after this name, in the order of code points. */
  readonly after?: string | undefined;
}

/**
 * Reads detections. They come in by `Store.commit`, whose promise holds for them, too: what it took is durable, is kept
 * once, and is seen by every question asked afterwards.
 */
export interface DetectionStore {
  list(query: DetectionQuery): Promise<DetectionPage>;
  /** Counts for a heat grid or for clusters. */
  grid(query: GridQuery): Promise<GridAnswer>;
  networks(query: NetworkQuery): Promise<NetworkPage>;
  network(key: NetworkKey): Promise<NetworkDetail | undefined>;
  /** The same cells as {@link grid}, of networks at their estimated positions. */
  networkGrid(
    query: Omit<GridQuery, 'filter'> & { readonly filter: NetworkFilter & { readonly box: GeoBox } },
  ): Promise<GridAnswer>;
  /**
   * What is new of networks, as `networkChanges` makes it of each one's variants; newest first, then by type and identity
   * as networks are listed, then a new network before a changed name before a changed security. A late detection may move
   * a change or undo it.
   */
  changes(query: ChangeQuery): Promise<readonly NetworkChange[]>;
  /**
   * Names that two or more Wi-Fi networks bear of which not all have the same security, as far as it is known, or of
   * which some have an address of a manufacturer and some a made up one. By name, in the order of code points. What
   * counts is each network's newest name and security.
   */
  namesakes(query: NamesakeQuery): Promise<readonly Namesakes[]>;
}
