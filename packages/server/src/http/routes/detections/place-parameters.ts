import type { GeoBox } from '../../../ports/detection-store.ts';
import type { QueryRule } from '../../parameters.ts';

/** Radius of the largest circle, metres: half way around the earth. */
export const MAX_RADIUS = 20_040_000;

/** Corners of a polygon at most; the closing one counts. */
const MAX_CORNERS = 101;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;

/** A rectangle in degrees; `required` is an example, where the route needs one. */
export function boxRule(description: string): QueryRule<GeoBox | undefined>;
export function boxRule(description: string, required: string): QueryRule<GeoBox>;
export function boxRule(description: string, required?: string): QueryRule<GeoBox | undefined> {
  return {
    description:
      `${description} As west,south,east,north in degrees, edges included; west greater than east crosses the antimeridian. ` +
      'Longitudes may lie beyond 180 degrees, as maps give them that show the world more than once.',
    schema: { type: 'string' },
    fallback: undefined,
    ...(required === undefined ? {} : { example: required }),
    read(given) {
      const box = readBox(numbersOf(given));
      return box === undefined
        ? { allowed: 'west,south,east,north in degrees, south not over north, such as 16.3,48.1,16.5,48.3' }
        : { value: box };
    },
  };
}

function readBox(edges: readonly number[]): GeoBox | undefined {
  const [west, south, east, north] = edges;
  if (edges.length !== 4 || west === undefined || east === undefined) return undefined;
  if (south === undefined || north === undefined || !isLatitude(south) || !isLatitude(north))
    return undefined;
  if (south > north || Math.abs(west) > 540 || Math.abs(east) > 540) return undefined;
  if (east - west >= 360) return { west: -180, south, east: 180, north };
  if (isLongitude(west) && isLongitude(east)) return { west, south, east, north };
  return west > east ? undefined : { west: wrapped(west), south, east: wrapped(east), north };
}

/** A longitude of any turn around the earth, as one of -180 to 180. */
function wrapped(lon: number): number {
  if (isLongitude(lon)) return lon;
  return lon - 360 * Math.floor((lon + 180) / 360);
}

/** One place as latitude,longitude. */
export function placeRule(
  description: string,
): QueryRule<{ readonly lat: number; readonly lon: number } | undefined> {
  return {
    description: `${description} As latitude,longitude in degrees.`,
    schema: { type: 'string' },
    fallback: undefined,
    read(given) {
      const numbers = numbersOf(given);
      const [lat, lon] = numbers;
      return numbers.length === 2 && isLatitude(lat) && isLongitude(lon)
        ? { value: { lat, lon } }
        : { allowed: 'latitude,longitude in degrees such as 48.21,16.36' };
    },
  };
}

/** A circle on the ground, as latitude,longitude,radius. */
export const circleRule: QueryRule<
  { readonly lat: number; readonly lon: number; readonly radius: number } | undefined
> = {
  description: 'The fence as latitude,longitude,radius, in degrees and metres; in place of polygon.',
  schema: { type: 'string' },
  suggestion: '48.210,16.363,500',
  fallback: undefined,
  read(given) {
    const numbers = numbersOf(given);
    const [lat, lon, radius] = numbers;
    const fits = numbers.length === 3 && isLatitude(lat) && isLongitude(lon) && radius !== undefined;
    return fits && radius > 0 && radius <= MAX_RADIUS
      ? { value: { lat, lon, radius } }
      : { allowed: `latitude,longitude,radius with a radius of metres up to ${MAX_RADIUS}` };
  },
};

/** A polygon, as longitude and latitude of each corner; the first one closes it, given again or not. */
export const polygonRule: QueryRule<readonly (readonly [number, number])[] | undefined> = {
  description:
    'The fence as corners, longitude then latitude as GeoJSON has them, with a space between the two and commas between ' +
    'corners: 16.3 48.1,16.5 48.1,16.4 48.3. In place of circle.',
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const corners = given.split(',').map((corner) => numbersOf(corner.trim().replace(/[ +]+/, ',')));
    const ring: [number, number][] = [];
    for (const [lon, lat, ...more] of corners) {
      if (more.length === 0 && isLongitude(lon) && isLatitude(lat)) ring.push([lon, lat]);
    }
    const first = ring[0];
    const last = ring[ring.length - 1];
    if (first !== undefined && last !== undefined && (first[0] !== last[0] || first[1] !== last[1])) {
      ring.push([first[0], first[1]]);
    }
    const different = new Set(ring.map(([lon, lat]) => `${lon} ${lat}`)).size;
    const whole = ring.length >= corners.length && different >= 3 && ring.length <= MAX_CORNERS;
    return whole
      ? { value: ring }
      : { allowed: `3 to ${MAX_CORNERS - 1} corners as longitude latitude, separated by commas` };
  },
};

/** A number within bounds. */
export function decimal<Fallback extends number | undefined>(
  bounds: { readonly min: number; readonly max: number; readonly fallback: Fallback },
  description: string,
): QueryRule<number | Fallback> {
  const { min, max, fallback } = bounds;
  return {
    description,
    schema: {
      type: 'number',
      minimum: min,
      maximum: max,
      ...(fallback === undefined ? {} : { default: fallback }),
    },
    fallback,
    read(text) {
      const value = NUMBER.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? { value } : { allowed: `a number from ${min} to ${max}` };
    },
  };
}

/** Numbers with commas between them; empty where one of them is none. */
function numbersOf(given: string): number[] {
  const parts = given.split(',').map((part) => part.trim());
  return parts.every((part) => NUMBER.test(part)) ? parts.map(Number) : [];
}

function isLatitude(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= 90;
}

function isLongitude(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= 180;
}
