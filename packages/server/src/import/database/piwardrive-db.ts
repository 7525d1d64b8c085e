import { parseFileTime } from '../file-time.ts';
import { importDetection } from '../import-detection.ts';
import { type ImportContext, type ImportItem, rowProblem } from '../import-item.ts';
import type { SqliteFile, SqliteRow } from './sqlite-file.ts';

/** Tables of detections; what a row lacks of a type, the table says. */
const detectionTables = [
  { table: 'wifi_detections', type: 'wifi' },
  { table: 'bluetooth_detections', type: 'bluetooth' },
  { table: 'cellular_detections', type: 'cellular' },
] as const;

/**
 * Reads PiWardrive's own database: its detections of Wi-Fi, Bluetooth and cells, then its GPS tracks. A file from before it had these
 * tables holds a cache of access points, which is read in their place. Times have no zone and count as UTC; columns that PiSync has no
 * field for join the metadata.
 */
export async function* readPiwardriveDb(
  file: SqliteFile,
  context: ImportContext,
): AsyncGenerator<ImportItem> {
  let row = 0;
  for (const { table, type } of detectionTables) {
    if (file.columns(table).size === 0) continue;
    for await (const values of file.rows(`SELECT * FROM ${table} ORDER BY rowid`)) {
      row += 1;
      yield detectionOf(row, values, type, values['detection_timestamp'] ?? null, context);
    }
  }
  if (row === 0 && file.columns('ap_cache').has('bssid')) {
    const cache = 'SELECT bssid, ssid, encryption, lat, lon, last_time FROM ap_cache ORDER BY rowid';
    for await (const { last_time: time, ...values } of file.rows(cache)) {
      row += 1;
      yield detectionOf(row, values, 'wifi', time ?? null, context);
    }
  }
  if (!file.columns('gps_tracks').has('latitude')) return;
  for await (const values of file.rows('SELECT * FROM gps_tracks ORDER BY rowid')) {
    row += 1;
    yield trackOf(row, values, context);
  }
}

function detectionOf(
  row: number,
  values: SqliteRow,
  type: 'wifi' | 'bluetooth' | 'cellular',
  time: SqliteRow[string],
  context: ImportContext,
): ImportItem {
  const deviceTime = parseFileTime(String(time ?? ''));
  if (Number.isNaN(deviceTime)) {
    const detail = 'detection_timestamp is not a time such as 2026-11-20T08:30:00';
    return rowProblem(row, 'invalid_timestamp', 'detection_timestamp', detail, shown(values), context);
  }
  const lowEnergy =
    type === 'bluetooth' && /\b(?:ble|le|low.?energy)\b/i.test(String(values['device_type'] ?? ''));
  const record: Record<string, unknown> = { type: lowEnergy ? 'ble' : type, timestamp: deviceTime };
  for (const name in values) {
    const value = values[name] ?? null;
    // A column of these names would be taken for who sent the row.
    if (value === null || ownColumns.has(name)) continue;
    record[name] = value instanceof Uint8Array ? Buffer.from(value).toString('hex').slice(0, 512) : value;
  }
  return importDetection(row, record, () => shown(values), context.deviceId);
}

/** Columns that say nothing about the detection, or were read already. */
const ownColumns = new Set([
  'id',
  'type',
  'kind',
  'timestamp',
  'detection_timestamp',
  'device_id',
  'metadata',
  'position',
]);

function trackOf(row: number, values: SqliteRow, context: ImportContext): ImportItem {
  const [lat, lon] = [values['latitude'], values['longitude']];
  const time = parseFileTime(String(values['timestamp'] ?? ''));
  const placed = typeof lat === 'number' && typeof lon === 'number' && !(lat === 0 && lon === 0);
  if (!placed || !(Math.abs(lat) <= 90) || !(Math.abs(lon) <= 180)) {
    const detail =
      'latitude and longitude are no place; they must be -90 to 90 and -180 to 180, and not both 0';
    return rowProblem(row, 'out_of_range', 'latitude', detail, shown(values), context);
  }
  if (Number.isNaN(time)) {
    const detail = 'timestamp is not a time such as 2026-11-20T08:30:00';
    return rowProblem(row, 'invalid_timestamp', 'timestamp', detail, shown(values), context);
  }
  const heading = within(values['heading_degrees'], 0, 360);
  const kmh = within(values['speed_kmh'], 0, Number.MAX_VALUE);
  const session = values['scan_session_id'];
  return {
    line: row,
    track: {
      deviceTime: time,
      lat: lat + 0,
      lon: lon + 0,
      altitude: within(values['altitude_meters'], -Number.MAX_VALUE, Number.MAX_VALUE),
      accuracy: within(values['accuracy_meters'], 0, Number.MAX_VALUE),
      heading: heading === null ? null : heading % 360,
      speed: kmh === null ? null : kmh / 3.6,
      track: typeof session === 'string' && session !== '' ? session.slice(0, 200).toWellFormed() : null,
      segment: 0,
    },
  };
}

function within(value: SqliteRow[string] | undefined, least: number, most: number): number | null {
  return typeof value === 'number' && value >= least && value <= most ? value + 0 : null;
}

function shown(values: SqliteRow): string {
  return JSON.stringify(values, (_name, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}
