import type { Detection, DetectionType } from '@pisync/protocol';
import type { StoredDetection } from '../detection-columns.ts';
import type { NetworkRecord, NetworkVariant } from './network.ts';
import { compareVariants } from './network-changes.ts';

/** Most variants that one answer tells. */
const MAX_VARIANTS = 100;

/** Positions are told in steps of this part of a degree, about a centimetre, so that the order of sums does not show. */
const STEPS_PER_DEGREE = 1e7;

/** Sums of the unit vectors towards the places where a network was heard, each times its {@link positionWeight}. */
export interface PositionSums {
  weight: number;
  x: number;
  y: number;
  z: number;
  /** Detections with a position. */
  located: number;
}

interface Variant {
  readonly name: string | null;
  readonly security: string | null;
  firstSeenAt: number;
  lastSeenAt: number;
  detections: number;
}

/**
 * The summary of a network that is written on as its detections come. It is a function of their set, whatever their
 * order: sums may differ in their last digits.
 */
export interface NetworkRow extends PositionSums {
  readonly type: DetectionType;
  readonly identity: string;
  firstSeenAt: number;
  detections: number;
  /** Of the newest detection, by time and ordinal. */
  lastSeenAt: number;
  lastOrdinal: number;
  name: string | null;
  security: string | null;
  channel: number | null;
  frequencyMhz: number | null;
  /** dBm, null where no detection had one. */
  signal: number | null;
  /** Of the detection with the strongest signal. */
  signalAt: number;
  signalOrdinal: number;
  signalLat: number | null;
  signalLon: number | null;
  /** By first appearance here; at least one. */
  readonly variants: Variant[];
  /** Finds a variant among many; made when there are more than a few. */
  variantIndex: Map<string, Variant> | undefined;
}

/** More variants than this are looked up in an index. */
const FEW_VARIANTS = 4;

/** A network before its first detection. */
export function emptyNetwork(type: DetectionType, identity: string): NetworkRow {
  return {
    type,
    identity,
    firstSeenAt: Number.POSITIVE_INFINITY,
    detections: 0,
    lastSeenAt: Number.NEGATIVE_INFINITY,
    lastOrdinal: 0,
    name: null,
    security: null,
    channel: null,
    frequencyMhz: null,
    signal: null,
    signalAt: 0,
    signalOrdinal: 0,
    signalLat: null,
    signalLon: null,
    weight: 0,
    x: 0,
    y: 0,
    z: 0,
    located: 0,
    variants: [],
    variantIndex: undefined,
  };
}

/** What a detection says of the network itself. */
export type Looks = Pick<Detection, 'name' | 'security' | 'channel' | 'frequencyMhz'>;

/** When and where a network was heard; `accuracy` counts only where there is a position. */
export interface Sighting {
  timestamp: number;
  ordinal: number;
  /** dBm. */
  signal: number | null;
  lat: number | null;
  lon: number | null;
  /** Metres. */
  accuracy: number | null;
}

/** Takes a detection of the network into its row. */
export function foldDetection(row: NetworkRow, detection: StoredDetection): void {
  const { timestamp, ordinal, signalDbm: signal, position } = detection;
  const { lat, lon, accuracy } = position ?? nowhere;
  foldSighting(row, detection, { timestamp, ordinal, signal, lat, lon, accuracy });
}

const nowhere = { lat: null, lon: null, accuracy: null };

/** As {@link foldDetection}, of a detection that lies in columns. */
export function foldSighting(row: NetworkRow, looks: Looks, sighting: Sighting): void {
  const { timestamp, ordinal, signal, lat, lon } = sighting;
  const { name, security } = looks;
  row.detections += 1;
  if (timestamp < row.firstSeenAt) row.firstSeenAt = timestamp;
  if (timestamp > row.lastSeenAt || (timestamp === row.lastSeenAt && ordinal > row.lastOrdinal)) {
    row.lastSeenAt = timestamp;
    row.lastOrdinal = ordinal;
    row.name = name;
    row.security = security;
    row.channel = looks.channel;
    row.frequencyMhz = looks.frequencyMhz;
  }
  if (signal !== null) offerSignal(row, signal, sighting);
  if (lat !== null && lon !== null) addPosition(row, sighting, lat, lon);
  const variant = variantOf(row, name, security);
  variant.detections += 1;
  if (timestamp < variant.firstSeenAt) variant.firstSeenAt = timestamp;
  if (timestamp > variant.lastSeenAt) variant.lastSeenAt = timestamp;
}

/** Strongest first, then one with a position, then the newest, then the later committed. */
function offerSignal(row: NetworkRow, signal: number, { lat, lon, timestamp, ordinal }: Sighting): void {
  const stronger =
    row.signal === null
      ? 1
      : signal - row.signal ||
        Number(lat !== null) - Number(row.signalLat !== null) ||
        timestamp - row.signalAt ||
        ordinal - row.signalOrdinal;
  if (stronger <= 0) return;
  row.signal = signal;
  row.signalAt = timestamp;
  row.signalOrdinal = ordinal;
  row.signalLat = lat;
  row.signalLon = lon;
}

function variantOf(row: NetworkRow, name: string | null, security: string | null): Variant {
  const { variants } = row;
  if (row.variantIndex === undefined) {
    for (const variant of variants) {
      if (variant.name === name && variant.security === security) return variant;
    }
  } else {
    const known = row.variantIndex.get(variantKey(name, security));
    if (known !== undefined) return known;
  }
  const made: Variant = {
    name,
    security,
    firstSeenAt: Number.POSITIVE_INFINITY,
    lastSeenAt: Number.NEGATIVE_INFINITY,
    detections: 0,
  };
  variants.push(made);
  if (row.variantIndex !== undefined) {
    row.variantIndex.set(variantKey(name, security), made);
  } else if (variants.length > FEW_VARIANTS) {
    row.variantIndex = new Map(
      variants.map((variant) => [variantKey(variant.name, variant.security), variant]),
    );
  }
  return made;
}

/** Neither text is ever empty, and a security holds no line break. */
function variantKey(name: string | null, security: string | null): string {
  return `${security ?? ''}\n${name ?? ''}`;
}

const radians = Math.PI / 180;

function addPosition(sums: PositionSums, { signal, accuracy }: Sighting, lat: number, lon: number): void {
  const weight = positionWeight(signal, accuracy);
  const level = weight * Math.cos(lat * radians);
  sums.located += 1;
  sums.weight += weight;
  sums.x += level * Math.cos(lon * radians);
  sums.y += level * Math.sin(lon * radians);
  sums.z += weight * Math.sin(lat * radians);
}

/** Signals beyond these tell nothing more about the distance; some scanners write 0 for what they do not know. */
const WEAKEST_DBM = -100;
const STRONGEST_DBM = -30;

/** What a detection without a signal counts as: audible, and no more. */
const UNKNOWN_DBM = -90;

/** Metres that a receiver's position is usually wrong by, which is also taken where it does not say. */
const USUAL_ACCURACY = 10;

/** Metres of uncertainty above which a detection only counts where there is no better one, and by how much less. */
const WORST_ACCURACY = 100;
const WORST_FACTOR = 1e-6;

/** Metres; what is worse is all the same, and its square is still a number. */
const NO_ACCURACY = 100_000;

/**
 * What one detection weighs in the estimated position of what it heard: always over 0.
 *
 * By signal as 1 / distance, the weighted centroid of J. Blumenthal, R. Grossmann, F. Golatowski and D. Timmermann,
 * "Weighted Centroid Localization in Zigbee-based Sensor Networks", IEEE WISP 2007, with the distance that power falls
 * off with in free space (H. T. Friis, "A Note on a Simple Transmission Formula", 1946): `10 ** (dBm / 20)`. 20 dB more
 * is ten times the weight. The square of that would let one lucky reading decide alone, for indoors and in streets
 * signals scatter by 10 dB. By accuracy as the inverse of the variance, of the receiver's error and the usual one
 * together.
 *
 * @param signal - dBm, null where it is not known: if that holds for all, all weigh the same
 * @param accuracy - metres, null where it is not known
 */
export function positionWeight(signal: number | null, accuracy: number | null): number {
  const dbm = signal === null ? UNKNOWN_DBM : Math.max(WEAKEST_DBM, Math.min(STRONGEST_DBM, signal));
  const metres = accuracy === null ? USUAL_ACCURACY : Math.min(accuracy, NO_ACCURACY);
  const parts = metres / USUAL_ACCURACY;
  const exact = (metres > WORST_ACCURACY ? WORST_FACTOR : 1) / (1 + parts * parts);
  return exact * 10 ** ((dbm - WEAKEST_DBM) / 20);
}

/** Length of the mean vector under which it points nowhere: the detections lie on opposite sides of the earth. */
const LEAST_LENGTH = 1e-6;

/** The same for its part in the plane of the equator: it points to within a centimetre of a pole. */
const LEAST_LEVEL = 1e-9;

/**
 * The place that the weighted mean of the places where a network was heard points to: the mean of unit vectors has no
 * seam at the antimeridian and no poles (N. I. Fisher, T. Lewis and B. J. J. Embleton, "Statistical Analysis of Spherical
 * Data", 1987). It is the centre of where the network can be heard, not where it stands: one that was heard from one side
 * only stands further away.
 *
 * @returns degrees in steps of 1e-7; the antimeridian is 180, the longitude of a pole 0. Null where no detection has a
 * position, and where they cancel out
 */
export function estimatePosition({ weight, x, y, z, located }: PositionSums): {
  readonly lat: number;
  readonly lon: number;
} | null {
  const level = Math.hypot(x, y);
  if (located === 0 || Math.hypot(level, z) < LEAST_LENGTH * weight) return null;
  const lat = inSteps(Math.atan2(z, level) / radians);
  // At a pole every longitude is the same, and what the sums say of it is how they were rounded.
  const lon = level < LEAST_LEVEL * weight ? 0 : inSteps(Math.atan2(y, x) / radians);
  return { lat, lon: lon === -180 ? 180 : lon };
}

function inSteps(degrees: number): number {
  // Not -0, which is the same place.
  return Math.round(degrees * STEPS_PER_DEGREE) / STEPS_PER_DEGREE + 0;
}

/** What is needed of a row to tell of its network. */
export type NetworkSummary = Omit<
  NetworkRow,
  'lastOrdinal' | 'signalAt' | 'signalOrdinal' | 'variants' | 'variantIndex'
>;

/** What is told of a network. */
export function toNetworkRecord(row: NetworkSummary): NetworkRecord {
  const { signal, signalLat: lat, signalLon: lon } = row;
  const position = estimatePosition(row);
  return {
    type: row.type,
    identity: row.identity,
    name: row.name,
    security: row.security,
    channel: row.channel,
    frequencyMhz: row.frequencyMhz,
    firstSeenAt: row.firstSeenAt,
    lastSeenAt: row.lastSeenAt,
    detections: row.detections,
    strongest: signal === null ? null : { signalDbm: signal, lat, lon },
    position: position === null ? null : { ...position, observations: row.located },
  };
}

/** The variants that an answer tells: at most 100, those seen last, as {@link compareVariants} orders them. */
export function shownVariants(variants: readonly NetworkVariant[]): NetworkVariant[] {
  const newest = [...variants].sort((a, b) => b.lastSeenAt - a.lastSeenAt || compareVariants(b, a));
  return newest
    .slice(0, MAX_VARIANTS)
    .sort(compareVariants)
    .map(({ name, security, firstSeenAt, lastSeenAt, detections }) => ({
      name,
      security,
      firstSeenAt,
      lastSeenAt,
      detections,
    }));
}
