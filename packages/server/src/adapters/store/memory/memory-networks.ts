import { GridBuilder } from '../../../core/detections/grid.ts';
import { tileX, tileY } from '../../../core/detections/mercator.ts';
import {
  compareNetworks,
  isLocalAddress,
  maxNamesakes,
  type NetworkKey,
  type NetworkRecord,
  type NetworkVariant,
} from '../../../core/detections/networks/network.ts';
import { compareChanges, networkChanges } from '../../../core/detections/networks/network-changes.ts';
import {
  estimatePosition,
  positionWeight,
  shownVariants,
} from '../../../core/detections/networks/network-fold.ts';
import type {
  ChangeQuery,
  DetectionStore,
  GeoBox,
  GridAnswer,
  NamesakeQuery,
  Namesakes,
  NetworkChange,
  NetworkDetail,
  NetworkFilter,
  NetworkPage,
  NetworkPlace,
  NetworkQuery,
  StoredDetection,
} from '../../../ports/detection-store.ts';

type NetworkQuestions = 'networks' | 'network' | 'networkGrid' | 'changes' | 'namesakes';

/** Networks made anew of all detections for each question: the model that other stores are compared with. */
export class MemoryNetworks implements Pick<DetectionStore, NetworkQuestions> {
  readonly #detections: Iterable<StoredDetection>;
  readonly #refuseIfClosed: () => void;

  /** @param detections - all that is kept; read again for each question */
  constructor(detections: Iterable<StoredDetection>, refuseIfClosed: () => void) {
    this.#detections = detections;
    this.#refuseIfClosed = refuseIfClosed;
  }

  async networks({ filter, limit, after }: NetworkQuery): Promise<NetworkPage> {
    const found = this.#matching(filter)
      .filter((network) => after === undefined || newestSeenFirst(after, network) < 0)
      .sort(newestSeenFirst);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    if (last === undefined || found.length === items.length) return { items, next: null };
    const { lastSeenAt, type, identity } = last;
    return { items, next: { lastSeenAt, type, identity } };
  }

  async network(key: NetworkKey): Promise<NetworkDetail | undefined> {
    const found = this.#all().find(({ record }) => compareNetworks(record, key) === 0);
    return found && { ...found.record, variants: shownVariants(found.variants) };
  }

  async networkGrid({
    filter,
    zoom,
    limit,
  }: Parameters<DetectionStore['networkGrid']>[0]): Promise<GridAnswer> {
    const grid = new GridBuilder({ box: filter.box, zoom, limit });
    for (const { position, strongest } of this.#matching(filter)) {
      if (position === null) continue;
      const { lat, lon } = position;
      grid.addCell(tileX(lon, zoom), tileY(lat, zoom), 1, strongest?.signalDbm ?? Number.NaN, lat, lon);
    }
    return grid.answer();
  }

  async changes({ from, to, box, limit }: ChangeQuery): Promise<readonly NetworkChange[]> {
    return this.#all()
      .filter(({ record }) => box === undefined || liesIn(record, box))
      .flatMap(({ record, variants }) => networkChanges(record, variants))
      .filter(({ timestamp }) => timestamp >= from && timestamp < to)
      .sort(compareChanges)
      .slice(0, limit);
  }

  async namesakes({ limit, after }: NamesakeQuery): Promise<readonly Namesakes[]> {
    const named = this.#all()
      .map(({ record }) => record)
      .filter(({ type, name }) => type === 'wifi' && name !== null);
    return [...Map.groupBy(named, ({ name }) => name as string)]
      .filter(([name, networks]) => differ(networks) && (after === undefined || byCodePoint(after, name) < 0))
      .sort(([a], [b]) => byCodePoint(a, b))
      .slice(0, limit)
      .map(([name, networks]) => ({ name, networks: longestAndNewest(networks) }));
  }

  #all(): readonly Network[] {
    this.#refuseIfClosed();
    const groups = Map.groupBy(this.#detections, ({ type, identity }) => `${type} ${identity}`);
    return [...groups.values()].map(networkOf);
  }

  #matching(filter: NetworkFilter): NetworkRecord[] {
    return this.#all()
      .map(({ record }) => record)
      .filter((record) => meets(record, filter));
  }
}

interface Network {
  readonly record: NetworkRecord;
  readonly variants: readonly NetworkVariant[];
}

function networkOf(detections: readonly StoredDetection[]): Network {
  const sorted = [...detections].sort((a, b) => a.timestamp - b.timestamp || a.ordinal - b.ordinal);
  const [first, last] = [sorted[0], sorted.at(-1)] as [StoredDetection, StoredDetection];
  const { type, identity, name, security, channel, frequencyMhz } = last;
  const record = {
    ...{ type, identity, name, security, channel, frequencyMhz },
    firstSeenAt: first.timestamp,
    lastSeenAt: last.timestamp,
    detections: sorted.length,
    strongest: strongestOf(sorted),
    position: positionOf(sorted),
  };
  const variants = Map.groupBy(sorted, (one) => JSON.stringify([one.name, one.security]));
  return { record, variants: [...variants.values()].map(variantOf) };
}

function variantOf(sorted: readonly StoredDetection[]): NetworkVariant {
  const [first, last] = [sorted[0], sorted.at(-1)] as [StoredDetection, StoredDetection];
  return {
    name: first.name,
    security: first.security,
    firstSeenAt: first.timestamp,
    lastSeenAt: last.timestamp,
    detections: sorted.length,
  };
}

function strongestOf(sorted: readonly StoredDetection[]): NetworkRecord['strongest'] {
  const heard = sorted.filter(({ signalDbm }) => signalDbm !== null);
  if (heard.length === 0) return null;
  const signalDbm = Math.max(...heard.map((one) => one.signalDbm as number));
  const equal = heard.filter((one) => one.signalDbm === signalDbm);
  const { position } = equal.findLast((one) => one.position !== null) ?? (equal.at(-1) as StoredDetection);
  return { signalDbm, lat: position?.lat ?? null, lon: position?.lon ?? null };
}

function positionOf(sorted: readonly StoredDetection[]): NetworkRecord['position'] {
  const sums = { weight: 0, x: 0, y: 0, z: 0, located: 0 };
  for (const { position, signalDbm } of sorted) {
    if (position === null) continue;
    const weight = positionWeight(signalDbm, position.accuracy);
    const [lat, lon] = [(position.lat * Math.PI) / 180, (position.lon * Math.PI) / 180];
    sums.weight += weight;
    sums.x += weight * Math.cos(lat) * Math.cos(lon);
    sums.y += weight * Math.cos(lat) * Math.sin(lon);
    sums.z += weight * Math.sin(lat);
    sums.located += 1;
  }
  const position = estimatePosition(sums);
  return position && { ...position, observations: sums.located };
}

function newestSeenFirst(a: NetworkPlace, b: NetworkPlace): number {
  return b.lastSeenAt - a.lastSeenAt || compareNetworks(a, b);
}

/** Each condition by itself, in words as plain as they can be: what faster ways are compared with. */
function meets(record: NetworkRecord, filter: NetworkFilter): boolean {
  const { type, identity, name, security, strongest } = record;
  if (filter.types !== undefined && !filter.types.includes(type)) return false;
  if (filter.security !== undefined && !security?.split(',').includes(filter.security)) return false;
  const { minSignal, firstSeenFrom, lastSeenFrom } = filter;
  if (minSignal !== undefined && (strongest === null || strongest.signalDbm < minSignal)) return false;
  if (filter.name !== undefined && name !== filter.name) return false;
  if (filter.search !== undefined) {
    const part = filter.search.toLowerCase();
    if (![name ?? '', identity].some((text) => text.toLowerCase().includes(part))) return false;
  }
  if (firstSeenFrom !== undefined && record.firstSeenAt < firstSeenFrom) return false;
  if (lastSeenFrom !== undefined && record.lastSeenAt < lastSeenFrom) return false;
  return filter.box === undefined || liesIn(record, filter.box);
}

function liesIn({ position }: NetworkRecord, { south, west, north, east }: GeoBox): boolean {
  if (position === null || position.lat < south || position.lat > north) return false;
  const { lon } = position;
  return west <= east ? lon >= west && lon <= east : lon >= west || lon <= east;
}

function differ(networks: readonly NetworkRecord[]): boolean {
  const securities = networks.map(({ security }) => security).filter((security) => security !== null);
  const made = networks.filter(({ identity }) => isLocalAddress(identity)).length;
  return new Set(securities).size > 1 || (made > 0 && made < networks.length);
}

function longestAndNewest(networks: readonly NetworkRecord[]): NetworkRecord[] {
  const sorted = networks.toSorted((a, b) => a.firstSeenAt - b.firstSeenAt || compareNetworks(a, b));
  if (sorted.length <= maxNamesakes) return sorted;
  return [...sorted.slice(0, maxNamesakes / 2), ...sorted.slice(-maxNamesakes / 2)];
}

/** As the bytes of UTF-8 sort, in which databases compare texts. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
