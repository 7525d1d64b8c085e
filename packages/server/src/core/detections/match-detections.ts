import { type DetectionType, detectionTypes } from '@pisync/protocol';
import type { DetectionColumns, TextColumn } from './detection-columns.ts';
import type { DetectionFilter, GeoBox, GeoCircle } from './detection-filter.ts';
import { earthRadius, greatCircle } from './great-circle.ts';

/**
 * Rows of the columns that meet a filter, ascending.
 *
 * A condition reads its column only where rows are left of those before it, cheap ones first and time before all; a text
 * is judged once however many rows have it. So columns that are decoded when they are first read cost nothing where no row
 * is left.
 *
 * @param room - where the answer is written, if it is long enough: valid until it is used again
 */
export function matchRows(
  columns: DetectionColumns,
  filter: DetectionFilter,
  room?: Uint32Array,
): Uint32Array {
  const { count } = columns;
  const rows = room !== undefined && room.length >= count ? room.subarray(0, count) : new Uint32Array(count);
  for (let row = 0; row < rows.length; row++) rows[row] = row;
  let left = rows.length;
  const { from, to, box, around, types, minSignal, maxSignal } = filter;
  if (left > 0 && (from !== undefined || to !== undefined)) {
    left = keepTimes(rows, left, columns.timestamps, from ?? -Infinity, to ?? Infinity);
  }
  if (left > 0 && box !== undefined) left = keepBox(rows, left, columns, box);
  if (left > 0 && types !== undefined) left = keepTypes(rows, left, columns.types, types);
  if (left > 0 && (minSignal !== undefined || maxSignal !== undefined)) {
    left = keepSignals(rows, left, columns.signals, minSignal ?? -Infinity, maxSignal ?? Infinity);
  }
  if (left > 0 && around !== undefined) left = keepCircle(rows, left, columns, around);
  if (left > 0) left = keepTexts(rows, left, columns, filter);
  return rows.subarray(0, left);
}

/**
 * The smallest rectangle that holds a circle, and a little more so that no rounding leaves out its edge. A circle over a pole
 * has every longitude; one that reaches the antimeridian has `west` greater than `east`.
 * J. P. Matuschek, "Finding Points Within a Distance of a Latitude/Longitude Using Bounding Coordinates", 2010.
 */
export function boundingBox({ lat, lon, radius }: GeoCircle): GeoBox {
  const slack = 1e-7;
  const angle = (radius / earthRadius) * (180 / Math.PI) + slack;
  const south = lat - angle;
  const north = lat + angle;
  const whole = { south: Math.max(-90, south), west: -180, north: Math.min(90, north), east: 180 };
  if (south <= -90 || north >= 90) return whole;
  const perDegree = Math.PI / 180;
  // The widest place of a circle is nearer to the pole than its middle.
  const reach = Math.asin(Math.sin(angle * perDegree) / Math.cos(lat * perDegree)) / perDegree + slack;
  // Not a number where rounding takes a circle that all but touches the pole over it.
  if (!(reach < 180)) return whole;
  const west = lon - reach;
  const east = lon + reach;
  return { ...whole, west: west <= -180 ? west + 360 : west, east: east >= 180 ? east - 360 : east };
}

function keepTimes(rows: Uint32Array, count: number, times: Float64Array, from: number, to: number): number {
  let left = 0;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const time = times[row]!;
    rows[left] = row;
    if (time >= from && time < to) left += 1;
  }
  return left;
}

function keepBox(rows: Uint32Array, count: number, { lats, lons }: DetectionColumns, box: GeoBox): number {
  const { south, west, north, east } = box;
  let left = 0;
  if (west <= east) {
    for (let at = 0; at < count; at++) {
      const row = rows[at]!;
      const lat = lats[row]!;
      const lon = lons[row]!;
      rows[left] = row;
      if (lat >= south && lat <= north && lon >= west && lon <= east) left += 1;
    }
    return left;
  }
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const lat = lats[row]!;
    const lon = lons[row]!;
    rows[left] = row;
    if (lat >= south && lat <= north && (lon >= west || lon <= east)) left += 1;
  }
  return left;
}

function keepTypes(
  rows: Uint32Array,
  count: number,
  types: Uint8Array,
  wanted: readonly DetectionType[],
): number {
  const accepted = Uint8Array.from(detectionTypes, (type) => (wanted.includes(type) ? 1 : 0));
  let left = 0;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    rows[left] = row;
    left += accepted[types[row]!]!;
  }
  return left;
}

function keepSignals(
  rows: Uint32Array,
  count: number,
  signals: Float64Array,
  min: number,
  max: number,
): number {
  let left = 0;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const signal = signals[row]!;
    rows[left] = row;
    if (signal >= min && signal <= max) left += 1;
  }
  return left;
}

function keepCircle(
  rows: Uint32Array,
  count: number,
  columns: DetectionColumns,
  { lat, lon, radius }: GeoCircle,
): number {
  const inBox = keepBox(rows, count, columns, boundingBox({ lat, lon, radius }));
  const { lats, lons } = columns;
  let left = 0;
  for (let at = 0; at < inBox; at++) {
    const row = rows[at]!;
    rows[left] = row;
    if (greatCircle(lat, lon, lats[row]!, lons[row]!) <= radius) left += 1;
  }
  return left;
}

type TextJudge = (text: string) => boolean;

function keepTexts(
  rows: Uint32Array,
  count: number,
  columns: DetectionColumns,
  { deviceIds, identity, security, name, search }: DetectionFilter,
): number {
  let left = count;
  const keep = (column: 'devices' | 'identities' | 'securities' | 'names', judge: TextJudge) => {
    if (left > 0) left = keepJudged(rows, left, columns[column], judge);
  };
  if (deviceIds !== undefined) {
    const wanted = new Set(deviceIds);
    keep('devices', (id) => wanted.has(id));
  }
  if (security !== undefined) keep('securities', (names) => names.split(',').includes(security));
  if (identity !== undefined) keep('identities', (text) => text === identity);
  if (name !== undefined) keep('names', (text) => text === name);
  if (search !== undefined) {
    const part = search.toLowerCase();
    keep('names', (text) => text.toLowerCase().includes(part));
  }
  return left;
}

const REFUSED = 1;
const ACCEPTED = 2;

function keepJudged(
  rows: Uint32Array,
  count: number,
  { values, codes }: TextColumn,
  judge: TextJudge,
): number {
  const verdicts = new Uint8Array(values.length);
  let left = 0;
  for (let at = 0; at < count; at++) {
    const row = rows[at]!;
    const code = codes[row]!;
    let verdict = verdicts[code]!;
    if (verdict === 0) {
      const text = values[code];
      verdict = typeof text === 'string' && judge(text) ? ACCEPTED : REFUSED;
      verdicts[code] = verdict;
    }
    rows[left] = row;
    if (verdict === ACCEPTED) left += 1;
  }
  return left;
}
