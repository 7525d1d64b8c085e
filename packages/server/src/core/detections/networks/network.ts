import { type DetectionType, detectionTypes } from '@pisync/protocol';

/** One network, station or cell is one radio identity of one type. */
export interface NetworkKey {
  readonly type: DetectionType;
  readonly identity: string;
}

/** A name and security under which a network was seen. */
export interface NetworkVariant {
  readonly name: string | null;
  readonly security: string | null;
  /** Epoch milliseconds, by corrected time. */
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly detections: number;
}

/** What is known of a network: a function of the set of its detections, in whatever order they came. */
export interface NetworkRecord extends NetworkKey {
  /** Those of the newest detection; of equal times the later committed. */
  readonly name: string | null;
  readonly security: string | null;
  readonly channel: number | null;
  readonly frequencyMhz: number | null;
  /** Epoch milliseconds, by corrected time. */
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly detections: number;
  /**
   * The strongest signal, and where it was heard if that is known. Of equally strong ones one with a position, of those
   * the newest, of equal times the later committed.
   */
  readonly strongest: {
    readonly signalDbm: number;
    readonly lat: number | null;
    readonly lon: number | null;
  } | null;
  /** Estimated from all observations with a position; see `estimatePosition`. */
  readonly position: { readonly lat: number; readonly lon: number; readonly observations: number } | null;
}

/** A network of which something is new; see `networkChanges`. */
export interface NetworkChange extends NetworkKey {
  readonly kind: 'new_network' | 'name_changed' | 'security_changed';
  /** When it was first seen so: epoch milliseconds. */
  readonly timestamp: number;
  readonly name: string | null;
  readonly security: string | null;
  /** What it was seen as before; null for a new network. */
  readonly before: { readonly name: string | null; readonly security: string | null } | null;
}

/** Wi-Fi networks that bear one name and that an evil twin could hide among. */
export interface Namesakes {
  readonly name: string;
  /** At least two, the longest known first: by `firstSeenAt`, then identity. At most {@link maxNamesakes}. */
  readonly networks: readonly NetworkRecord[];
}

/** Networks of one name that are told: of more, half are those known longest, and half those first seen last. */
export const maxNamesakes = 50;

/** Order of networks where nothing else tells them apart: type as in `detectionTypes`, then identity by code units. */
export function compareNetworks(a: NetworkKey, b: NetworkKey): number {
  const byType = detectionTypes.indexOf(a.type) - detectionTypes.indexOf(b.type);
  return byType || (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : 0);
}

/**
 * True for an address that a device made up for itself: the second lowest bit of its first byte is set (IEEE 802, "U/L
 * bit").
 */
export function isLocalAddress(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) !== 0;
}
