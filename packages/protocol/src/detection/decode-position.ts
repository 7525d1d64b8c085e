import type { Position } from './detection.ts';
import { field } from './detection-fields.ts';
import { asJson, type DetectionValues } from './detection-values.ts';

/**
 * The position of a detection, null where there is none that can be used.
 *
 * Exactly 0, 0 is what a receiver without a fix sends, and counts as absent. A latitude without a longitude, one out of range or not
 * finite is dropped and told in `metadata`, for the detection itself is as good as any; so is a part of a good position.
 *
 * @throws {ItemFault} where a value is no number at all
 */
export function decodePosition(values: DetectionValues): Position | null {
  const lat = values.number(field.lat, 'degrees');
  const lon = values.number(field.lon, 'degrees');
  const altitude = part(values, field.altitude, 'altitude', Number.NEGATIVE_INFINITY, 'metres');
  const accuracy = part(values, field.accuracy, 'accuracy', 0, 'metres');
  const heading = readHeading(values);
  const speed = readSpeed(values);
  if (lat === null && lon === null) return null;
  if (lat === 0 && lon === 0) return null;
  const inside = lat !== null && lon !== null && lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180;
  if (inside) return { lat, lon, altitude, accuracy, heading, speed };
  values.drop('position', { lat: asJson(lat), lon: asJson(lon) });
  return null;
}

/** One number beside latitude and longitude, dropped where it is not finite or less than `least`. */
function part(
  values: DetectionValues,
  slot: number,
  name: string,
  least: number,
  unit: string,
): number | null {
  const value = values.number(slot, unit);
  if (value === null || (Number.isFinite(value) && value >= least)) return value;
  values.drop(name, asJson(value));
  return null;
}

function readHeading(values: DetectionValues): number | null {
  const value = part(values, field.heading, 'heading', 0, 'degrees');
  if (value === null || value < 360) return value;
  if (value === 360) return 0;
  values.drop('heading', value);
  return null;
}

function readSpeed(values: DetectionValues): number | null {
  const kmh = part(values, field.speedKmh, 'speed_kmh', 0, 'km/h');
  if (kmh === null) return part(values, field.speed, 'speed', 0, 'm/s');
  if (values.get(field.speed) === null) return kmh / 3.6;
  throw values.fault('duplicate_field', field.speedKmh, 'is given beside speed, which is in m/s; send one');
}
