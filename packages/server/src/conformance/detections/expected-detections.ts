import type { ObservedDetection } from '@pisync/protocol';
import type { DetectionFilter, GeoBox, GeoCircle } from '../../ports/detection-store.ts';

type Condition<K extends keyof DetectionFilter> = (
  detection: ObservedDetection,
  asked: NonNullable<DetectionFilter[K]>,
) => boolean;

/** What each condition of a filter means, one by one and without regard to speed. */
const conditions: { readonly [K in keyof Required<DetectionFilter>]: Condition<K> } = {
  box: ({ position }, box) => position !== null && isInBox(position.lat, position.lon, box),
  around: ({ position }, circle) => position !== null && isInCircle(position.lat, position.lon, circle),
  from: ({ timestamp }, from) => timestamp >= from,
  to: ({ timestamp }, to) => timestamp < to,
  types: ({ type }, types) => types.some((each) => each === type),
  security: ({ security }, name) => (security ?? '').split(',').indexOf(name) >= 0,
  minSignal: ({ signalDbm }, min) => signalDbm !== null && signalDbm >= min,
  maxSignal: ({ signalDbm }, max) => signalDbm !== null && signalDbm <= max,
  deviceIds: ({ deviceId }, ids) => ids.some((each) => each === deviceId),
  identity: (detection, identity) => detection.identity === identity,
  name: (detection, name) => detection.name === name,
  search: ({ name }, part) => name !== null && name.toUpperCase().indexOf(part.toUpperCase()) >= 0,
};

/** True where every condition that is given holds. */
export function isExpected(detection: ObservedDetection, filter: DetectionFilter): boolean {
  return Object.entries(filter).every(([name, asked]) => {
    if (asked === undefined) return true;
    const condition = conditions[name as keyof DetectionFilter] as (
      one: ObservedDetection,
      asked: unknown,
    ) => boolean;
    return condition(detection, asked);
  });
}

function isInBox(lat: number, lon: number, { south, west, north, east }: GeoBox): boolean {
  if (lat < south || lat > north) return false;
  if (west > east) return lon >= west || lon <= east;
  return lon >= west && lon <= east;
}

/** By the angle between two directions in space, which is another way to the same distance. */
function isInCircle(lat: number, lon: number, circle: GeoCircle): boolean {
  return metresFromCircle(lat, lon, circle) <= 0;
}

/** Metres that a place lies outside of a circle; negative inside. */
export function metresFromCircle(lat: number, lon: number, circle: GeoCircle): number {
  const from = direction(circle.lat, circle.lon);
  const to = direction(lat, lon);
  const across = [
    from.y * to.z - from.z * to.y,
    from.z * to.x - from.x * to.z,
    from.x * to.y - from.y * to.x,
  ] as const;
  const angle = Math.atan2(Math.hypot(...across), from.x * to.x + from.y * to.y + from.z * to.z);
  return 6_371_008.8 * angle - circle.radius;
}

function direction(lat: number, lon: number): { readonly x: number; readonly y: number; readonly z: number } {
  const [north, east] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180];
  return {
    x: Math.cos(north) * Math.cos(east),
    y: Math.cos(north) * Math.sin(east),
    z: Math.sin(north),
  };
}
