import type { CommitOutcome, Observation, ObservedDetection } from '@pisync/protocol';
import type { DetectionFilter } from '../../../core/detections/detection-filter.ts';
import { detectionBody, detectionIdentityKind } from '../../../core/detections/detection-identity.ts';
import { greatCircle } from '../../../core/detections/great-circle.ts';
import { tileX, tileY } from '../../../core/detections/mercator.ts';
import type {
  DetectionPage,
  DetectionQuery,
  DetectionStore,
  GridAnswer,
  GridQuery,
  StoredDetection,
} from '../../../ports/detection-store.ts';

/** The numbers that devices count their observations by, of whatever kind these are. */
export interface SharedNumbers {
  /** True where the device has used this number before. */
  has(detection: ObservedDetection): boolean;
  /** True where an observation of another kind, whose body is kept, has it. */
  heldByOther(detection: ObservedDetection): boolean;
  /** Called for each detection with a number that is stored. */
  note(detection: ObservedDetection): void;
  /** Called for each detection that is refused, since its identity is known with another body. */
  conflict(detection: ObservedDetection): void;
}

/** Detections in a plain list: the model that other stores are compared with. */
export class MemoryDetections implements Pick<DetectionStore, 'list' | 'grid'> {
  readonly #all: StoredDetection[] = [];
  readonly #bodies = new Map<string, string>();
  readonly #refuseIfClosed: () => void;

  constructor(refuseIfClosed: () => void) {
    this.#refuseIfClosed = refuseIfClosed;
  }

  /** All that is kept, in the order of their commits. */
  get all(): readonly StoredDetection[] {
    return this.#all;
  }

  commit(detections: readonly ObservedDetection[], numbers: SharedNumbers): CommitOutcome[] {
    return detections.map((detection) => {
      const outcome = this.#outcome(detection, numbers);
      if (outcome === 'conflict') numbers.conflict(detection);
      if (outcome !== 'stored') return outcome;
      const identity = identityOf(detection);
      if (identity !== null) this.#bodies.set(identity, detectionBody(detection));
      if (detection.seq !== null) numbers.note(detection);
      this.#all.push({ ...detection, ordinal: this.#all.length + 1 });
      return outcome;
    });
  }

  /** True where a detection has this number. */
  holdsNumber({ deviceId, epoch, seq }: Pick<Observation, 'deviceId' | 'epoch' | 'seq'>): boolean {
    return this.#bodies.has(`seq\n${deviceId}\n${epoch}\n${seq}`);
  }

  #outcome(detection: ObservedDetection, numbers: SharedNumbers): CommitOutcome {
    const identity = identityOf(detection);
    const body = identity === null ? undefined : this.#bodies.get(identity);
    if (body !== undefined) return body === detectionBody(detection) ? 'duplicate' : 'conflict';
    if (detection.seq === null || !numbers.has(detection)) return 'stored';
    return numbers.heldByOther(detection) ? 'conflict' : 'duplicate';
  }

  async list({ filter, limit, after }: DetectionQuery): Promise<DetectionPage> {
    this.#refuseIfClosed();
    const found = this.#all
      .filter((detection) => meets(detection, filter))
      .filter((detection) => after === undefined || newestFirst(after, detection) < 0)
      .sort(newestFirst);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined;
    return { items, next: more ? { timestamp: last.timestamp, ordinal: last.ordinal } : null };
  }

  async grid({ filter, zoom, limit }: GridQuery): Promise<GridAnswer> {
    this.#refuseIfClosed();
    const found = this.#all.filter((detection) => meets(detection, filter));
    const cells = Map.groupBy(found, ({ position }) => {
      const { lat, lon } = position as NonNullable<typeof position>;
      return `${tileX(lon, zoom)} ${tileY(lat, zoom)}`;
    });
    const all = [...cells].map(([place, inside]) => cellOf(place.split(' ').map(Number), inside));
    const byPlace = (a: Cell, b: Cell) => a.y - b.y || a.x - b.x;
    const fullest = all.sort((a, b) => b.count - a.count || byPlace(a, b)).slice(0, limit);
    fullest.sort(byPlace);
    return {
      x: Uint32Array.from(fullest, ({ x }) => x),
      y: Uint32Array.from(fullest, ({ y }) => y),
      counts: Float64Array.from(fullest, ({ count }) => count),
      strongest: Float64Array.from(fullest, ({ strongest }) => strongest),
      lats: Float64Array.from(fullest, ({ lat }) => lat),
      lons: Float64Array.from(fullest, ({ lon }) => lon),
      complete: all.length <= limit,
    };
  }
}

function identityOf(detection: ObservedDetection): string | null {
  const { deviceId, epoch, seq, eventId } = detection;
  switch (detectionIdentityKind(detection)) {
    case 'seq':
      return `seq\n${deviceId}\n${epoch}\n${seq}`;
    case 'event_id':
      return `event_id\n${deviceId}\n${eventId}`;
    case 'digest':
      return `digest\n${deviceId}\n${detectionBody(detection)}`;
    case 'none':
      return null;
  }
}

type Placed = Pick<StoredDetection, 'timestamp' | 'ordinal'>;

function newestFirst(a: Placed, b: Placed): number {
  return b.timestamp - a.timestamp || b.ordinal - a.ordinal;
}

/** Each condition by itself, in words as plain as they can be: what faster ways are compared with. */
function meets(detection: StoredDetection, filter: DetectionFilter): boolean {
  const { timestamp, type, deviceId, identity, signalDbm, name, security } = detection;
  const { from, to, types, deviceIds, minSignal, maxSignal } = filter;
  if (from !== undefined && timestamp < from) return false;
  if (to !== undefined && timestamp >= to) return false;
  if (types !== undefined && !types.includes(type)) return false;
  if (deviceIds !== undefined && !deviceIds.includes(deviceId)) return false;
  if (filter.identity !== undefined && identity !== filter.identity) return false;
  if (minSignal !== undefined && (signalDbm === null || signalDbm < minSignal)) return false;
  if (maxSignal !== undefined && (signalDbm === null || signalDbm > maxSignal)) return false;
  if (filter.name !== undefined && name !== filter.name) return false;
  if (filter.search !== undefined && !name?.toLowerCase().includes(filter.search.toLowerCase())) return false;
  if (filter.security !== undefined && !security?.split(',').includes(filter.security)) return false;
  return liesIn(detection, filter);
}

function liesIn({ position }: StoredDetection, { box, around }: DetectionFilter): boolean {
  if (box === undefined && around === undefined) return true;
  if (position === null) return false;
  const { lat, lon } = position;
  if (around !== undefined && greatCircle(around.lat, around.lon, lat, lon) > around.radius) return false;
  if (box === undefined) return true;
  if (lat < box.south || lat > box.north) return false;
  return box.west <= box.east ? lon >= box.west && lon <= box.east : lon >= box.west || lon <= box.east;
}

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly count: number;
  readonly strongest: number;
  readonly lat: number;
  readonly lon: number;
}

function cellOf([x, y]: readonly number[], inside: readonly StoredDetection[]): Cell {
  const signals = inside.map(({ signalDbm }) => signalDbm).filter((signal) => signal !== null);
  const units = (degrees: number) => Math.trunc(degrees * 1e7 + 0.5 * Math.sign(degrees));
  const mean = (axis: 'lat' | 'lon') =>
    inside.reduce((sum, { position }) => sum + units(position?.[axis] as number), 0) / inside.length / 1e7;
  return {
    x: x as number,
    y: y as number,
    count: inside.length,
    strongest: signals.length === 0 ? Number.NaN : Math.max(...signals) + 0,
    lat: mean('lat'),
    lon: mean('lon'),
  };
}
