import type { DetectionType } from '@pisync/protocol';
import {
  emptyNetwork,
  foldDetection,
  foldSighting,
  type NetworkRow,
  type Sighting,
} from '../../../../core/detections/networks/network-fold.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { DetectionRows, Station } from '../format/columns/detection-rows.ts';
import { type Radio, radioOf } from './network-radio.ts';

/** Networks of one batch, at most: about sixty milliseconds of the thread that writes, so that no commit waits long. */
const MOST_NETWORKS = 16_384;

/** The numbers of a network in a batch, in this order. `NaN` stands for none. */
export const BATCH_NUMBERS = 14;
/** Of a variant: the place of its network, its name and its security as texts, first and last seen, detections. */
export const VARIANT_NUMBERS = 6;

/**
 * What a stretch of detections says of their networks, in columns that cross between threads for little. Networks are in
 * the order of their radios, so that whoever writes them goes through each index once.
 */
export interface NetworkBatch {
  /** Ordinals of the first and the last detection of the stretch. */
  readonly firstOrdinal: number;
  readonly lastOrdinal: number;
  readonly count: number;
  /** Radios that are numbers, then those that are texts. */
  readonly radios: Float64Array;
  readonly radioTexts: readonly string[];
  /** {@link BATCH_NUMBERS} of each network. */
  readonly numbers: Float64Array;
  /** Name and security of each network as numbers of `texts`. */
  readonly looks: Uint32Array;
  /** The first is null. */
  readonly texts: readonly (string | null)[];
  /** {@link VARIANT_NUMBERS} of each variant, for networks that have more than one, in the order of networks. */
  readonly variants: Float64Array;
}

/** Networks by radio, folded from a stretch of detections. */
class Networks {
  readonly #rows = new Map<Radio, NetworkRow>();

  get size(): number {
    return this.#rows.size;
  }

  row(type: DetectionType, identity: string): NetworkRow {
    const radio = radioOf(type, identity);
    let row = this.#rows.get(radio);
    if (row === undefined) {
      row = emptyNetwork(type, identity);
      this.#rows.set(radio, row);
    }
    return row;
  }

  pack(firstOrdinal: number, lastOrdinal: number): NetworkBatch {
    const known = [...this.#rows.keys()];
    const radios = Float64Array.from(known.filter((radio) => typeof radio === 'number')).sort();
    const radioTexts = known.filter((radio) => typeof radio === 'string').sort();
    const sorted: NetworkRow[] = [];
    for (const radio of radios) sorted.push(this.#rows.get(radio) as NetworkRow);
    for (const radio of radioTexts) sorted.push(this.#rows.get(radio) as NetworkRow);
    return { firstOrdinal, lastOrdinal, radios, radioTexts, ...packRows(sorted) };
  }
}

function packRows(
  rows: readonly NetworkRow[],
): Pick<NetworkBatch, 'count' | 'numbers' | 'looks' | 'texts' | 'variants'> {
  const count = rows.length;
  const numbers = new Float64Array(count * BATCH_NUMBERS);
  const looks = new Uint32Array(count * 2);
  const codes = new Map<string | null, number>([[null, 0]]);
  const variants: number[] = [];
  for (const [at, row] of rows.entries()) {
    packNumbers(row, numbers, at * BATCH_NUMBERS);
    looks[at * 2] = codeOf(codes, row.name);
    looks[at * 2 + 1] = codeOf(codes, row.security);
    if (row.variants.length === 1) continue;
    for (const { name, security, firstSeenAt, lastSeenAt, detections } of row.variants) {
      variants.push(at, codeOf(codes, name), codeOf(codes, security), firstSeenAt, lastSeenAt, detections);
    }
  }
  return { count, numbers, looks, texts: [...codes.keys()], variants: Float64Array.from(variants) };
}

/** In the order of the columns of the table from `channel` to `z`. */
function packNumbers(row: NetworkRow, numbers: Float64Array, at: number): void {
  numbers[at] = row.channel ?? Number.NaN;
  numbers[at + 1] = row.frequencyMhz ?? Number.NaN;
  numbers[at + 2] = row.firstSeenAt;
  numbers[at + 3] = row.lastSeenAt;
  numbers[at + 4] = row.detections;
  numbers[at + 5] = row.signal ?? Number.NaN;
  numbers[at + 6] = row.signal === null ? Number.NaN : row.signalAt;
  numbers[at + 7] = row.signalLat ?? Number.NaN;
  numbers[at + 8] = row.signalLon ?? Number.NaN;
  numbers[at + 9] = row.located;
  numbers[at + 10] = row.weight;
  numbers[at + 11] = row.x;
  numbers[at + 12] = row.y;
  numbers[at + 13] = row.z;
}

function codeOf(codes: Map<string | null, number>, text: string | null): number {
  const known = codes.get(text);
  if (known !== undefined) return known;
  codes.set(text, codes.size);
  return codes.size - 1;
}

/** Folds detections, of which there is at least one, by ordinal. */
export function foldDetections(detections: readonly StoredDetection[]): NetworkBatch {
  const networks = new Networks();
  for (const detection of detections)
    foldDetection(networks.row(detection.type, detection.identity), detection);
  const [first, last] = [detections[0] as StoredDetection, detections.at(-1) as StoredDetection];
  return networks.pack(first.ordinal, last.ordinal);
}

/** Folds the rows from `from` on, which are in the order of their ordinals. */
export function* foldRows(rows: DetectionRows, from: number): Generator<NetworkBatch, void> {
  const { ordinals, stationTable } = rows;
  for (let row = from; row < rows.count; ) {
    const first = row;
    const networks = new Networks();
    /** Of each station, once it was met. */
    const ofStation: NetworkRow[] = [];
    for (; row < rows.count && networks.size < MOST_NETWORKS; row++) {
      const place = rows.stations[row] as number;
      const station = stationTable[place] as Station;
      let network = ofStation[place];
      if (network === undefined) {
        network = networks.row(station.type, station.identity);
        ofStation[place] = network;
      }
      foldSighting(network, station, sightingAt(rows, row));
    }
    yield networks.pack(ordinals[first] as number, ordinals[row - 1] as number);
  }
}

const sighting: Sighting = { timestamp: 0, ordinal: 0, signal: 0, lat: 0, lon: 0, accuracy: 0 };

/** The same object for each row. */
function sightingAt(rows: DetectionRows, row: number): Sighting {
  sighting.timestamp = rows.timestamps[row] as number;
  sighting.ordinal = rows.ordinals[row] as number;
  sighting.signal = orNull(rows.signals[row] as number);
  sighting.lat = orNull(rows.lats[row] as number);
  sighting.lon = orNull(rows.lons[row] as number);
  sighting.accuracy = orNull(rows.accuracies[row] as number);
  return sighting;
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
