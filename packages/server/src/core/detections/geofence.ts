import { PisyncError } from '@pisync/protocol';
import type { GeoCircle } from './detection-filter.ts';
import { earthRadius, greatCircle } from './great-circle.ts';

/** Longitude and latitude in degrees, in the order of GeoJSON. */
export type LonLat = readonly [lon: number, lat: number];

/**
 * Rings as in a GeoJSON Polygon (RFC 7946, section 3.1.6): the first is the border, the others are holes; the first position
 * may be repeated at the end of a ring. Edges are straight in longitude and latitude, as section 3.1.1 has it. An edge takes the shorter way
 * around the world, so a ring whose neighbours are over 180 degrees of longitude apart crosses the antimeridian: it need not be cut there,
 * nor may an edge be longer than 180 degrees. A ring around a pole has no inside in these coordinates, and is refused.
 */
export interface GeoPolygon {
  readonly rings: readonly (readonly LonLat[])[];
}

export type Geofence = GeoCircle | GeoPolygon;

/** A position of a device with its time. */
export interface TrackStep {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly lat: number;
  readonly lon: number;
  /** Radius of uncertainty in metres; null counts as none. */
  readonly accuracy: number | null;
}

/** A device went into a geofence or out of it. */
export interface Crossing {
  readonly kind: 'enter' | 'leave';
  /** Time of the first position that is surely on the new side, epoch milliseconds. */
  readonly timestamp: number;
  /** Time of the last position that was surely on the other side: it crossed in between. Null where the track begins inside. */
  readonly since: number | null;
  /** Where it was at `timestamp`. */
  readonly lat: number;
  readonly lon: number;
}

/**
 * When a track went into a geofence and out of it: `enter` and `leave` in turns, the first an `enter`. A track that begins
 * inside has an `enter` at its start.
 *
 * A position that lies no further from the border than its own accuracy tells nothing, and changes nothing; so one that lies
 * on the border. A receiver that wavers at the border therefore enters once.
 *
 * @param track - positions of one device in order of time, oldest first; read once
 * @throws {PisyncError} `invalid_parameter` where the fence has no inside
 */
export function* crossings(fence: Geofence, track: Iterable<TrackStep>): Generator<Crossing> {
  const border = 'rings' in fence ? new PolygonBorder(fence) : new CircleBorder(fence);
  let inside = false;
  let since: number | null = null;
  for (const { timestamp, lat, lon, accuracy } of track) {
    const isInside = border.holds(lat, lon);
    if (border.isWithin(lat, lon, accuracy ?? 0)) continue;
    if (isInside !== inside) yield { kind: isInside ? 'enter' : 'leave', timestamp, since, lat, lon };
    inside = isInside;
    since = timestamp;
  }
}

interface Border {
  /** True for a position inside. */
  holds(lat: number, lon: number): boolean;
  /** True for a position that is at most so many metres from the border, on either side. */
  isWithin(lat: number, lon: number, metres: number): boolean;
}

class CircleBorder implements Border {
  readonly #circle: GeoCircle;

  constructor(circle: GeoCircle) {
    if (!(circle.radius > 0)) throw fault('has a radius of 0; send metres, more than 0');
    this.#circle = circle;
  }

  holds(lat: number, lon: number): boolean {
    return this.#distance(lat, lon) < this.#circle.radius;
  }

  isWithin(lat: number, lon: number, metres: number): boolean {
    return Math.abs(this.#distance(lat, lon) - this.#circle.radius) <= metres;
  }

  #distance(lat: number, lon: number): number {
    return greatCircle(this.#circle.lat, this.#circle.lon, lat, lon);
  }
}

/** Metres of one degree of latitude. */
const metresPerDegree = (earthRadius * Math.PI) / 180;

class PolygonBorder implements Border {
  /** Longitude and latitude in turns, of closed rings whose longitudes go on beyond 180 where they cross the antimeridian. */
  readonly #rings: readonly Float64Array[];
  readonly #south: number;
  readonly #north: number;
  readonly #west: number;
  readonly #east: number;

  constructor({ rings }: GeoPolygon) {
    if (rings.length === 0) throw fault('has no ring; send at least three positions');
    this.#rings = rings.map(unwind);
    const every = (start: 0 | 1) =>
      this.#rings.flatMap((ring) => [...ring].filter((_, at) => at % 2 === start));
    const [lons, lats] = [every(0), every(1)];
    const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b));
    const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b));
    this.#south = least(lats);
    this.#north = most(lats);
    this.#west = least(lons);
    this.#east = most(lons);
  }

  /** Counts the edges that a ray to the east meets: W. R. Franklin, "PNPOLY", 1970; an odd number is inside. */
  holds(lat: number, lon: number): boolean {
    if (lat < this.#south || lat > this.#north) return false;
    return this.#turns(lon, 0).some((x) => {
      let inside = false;
      for (const ring of this.#rings) {
        for (let at = 0; at + 3 < ring.length; at += 2) {
          const [fromLon, fromLat, toLon, toLat] = [ring[at]!, ring[at + 1]!, ring[at + 2]!, ring[at + 3]!];
          if (fromLat > lat === toLat > lat) continue;
          if (x < fromLon + ((toLon - fromLon) * (lat - fromLat)) / (toLat - fromLat)) inside = !inside;
        }
      }
      return inside;
    });
  }

  /** Distances are those of a plane that touches the Earth at the position: right where they are short. */
  isWithin(lat: number, lon: number, metres: number): boolean {
    const margin = metres / metresPerDegree;
    if (lat < this.#south - margin || lat > this.#north + margin) return false;
    const perLon = metresPerDegree * Math.max(1e-6, Math.cos((lat * Math.PI) / 180));
    return this.#turns(lon, metres / perLon).some((x) =>
      this.#rings.some((ring) => {
        for (let at = 0; at + 3 < ring.length; at += 2) {
          const fromX = (ring[at]! - x) * perLon;
          const fromY = (ring[at + 1]! - lat) * metresPerDegree;
          const toX = (ring[at + 2]! - x) * perLon;
          const toY = (ring[at + 3]! - lat) * metresPerDegree;
          if (distanceToEdge(fromX, fromY, toX, toY) <= metres) return true;
        }
        return false;
      }),
    );
  }

  /** The longitudes that are the same place and lie between those of the rings, or so many degrees beside them. */
  #turns(lon: number, margin: number): number[] {
    return [lon - 360, lon, lon + 360].filter((x) => x >= this.#west - margin && x <= this.#east + margin);
  }
}

/** Distance from the origin to the edge between two places of a plane. */
function distanceToEdge(fromX: number, fromY: number, toX: number, toY: number): number {
  const x = toX - fromX;
  const y = toY - fromY;
  const square = x * x + y * y;
  const along = square === 0 ? 0 : Math.min(1, Math.max(0, -(fromX * x + fromY * y) / square));
  return Math.hypot(fromX + along * x, fromY + along * y);
}

function unwind(ring: readonly LonLat[]): Float64Array {
  const places: number[] = [];
  for (const [lon, lat] of ring) {
    const before = places.at(-2) ?? lon;
    places.push(lon + 360 * Math.round((before - lon) / 360), lat);
  }
  const [firstLon, firstLat] = places as [number, number];
  const closed = (places.at(-2) as number) === firstLon && places.at(-1) === firstLat;
  if (places.length / 2 - (closed ? 1 : 0) < 3) throw fault('has a ring of less than three positions');
  if (closed) return Float64Array.from(places);
  const back = firstLon + 360 * Math.round(((places.at(-2) as number) - firstLon) / 360);
  if (back !== firstLon) throw fault('goes around a pole; send a circle, or a polygon beside the pole');
  return Float64Array.from([...places, firstLon, firstLat]);
}

function fault(detail: string): PisyncError {
  return new PisyncError('invalid_parameter', { field: 'geofence', detail: `the geofence ${detail}` });
}
