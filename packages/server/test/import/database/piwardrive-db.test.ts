import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { detectionsOf, problemsOf, tracksOf } from '../read-all.ts';
import { imported } from './in-folder.ts';

const place =
  'latitude REAL, longitude REAL, altitude_meters REAL, accuracy_meters REAL, heading_degrees REAL, speed_kmh REAL';
const seen = 'first_seen TIMESTAMP, last_seen TIMESTAMP, detection_count INTEGER';
const start = 'id INTEGER PRIMARY KEY, scan_session_id TEXT NOT NULL';

function tables(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE scan_sessions (id TEXT PRIMARY KEY, device_id TEXT, scan_type TEXT, started_at TIMESTAMP);
    CREATE TABLE wifi_detections (${start}, detection_timestamp TIMESTAMP NOT NULL, bssid TEXT NOT NULL, ssid TEXT, channel INTEGER,
      frequency_mhz INTEGER, signal_strength_dbm INTEGER, encryption_type TEXT, wps_enabled BOOLEAN, vendor_name TEXT, ${place}, ${seen});
    CREATE TABLE bluetooth_detections (${start}, detection_timestamp TIMESTAMP NOT NULL, mac_address TEXT NOT NULL, device_name TEXT,
      device_type TEXT, rssi_dbm INTEGER, ${place}, ${seen});
    CREATE TABLE cellular_detections (${start}, detection_timestamp TIMESTAMP NOT NULL, cell_id INTEGER, lac INTEGER, mcc INTEGER,
      mnc INTEGER, network_name TEXT, technology TEXT, signal_strength_dbm INTEGER, ${place}, ${seen});
    CREATE TABLE gps_tracks (${start}, timestamp TIMESTAMP NOT NULL, ${place}, satellite_count INTEGER);
    INSERT INTO wifi_detections (scan_session_id, detection_timestamp, bssid, ssid, channel, frequency_mhz, signal_strength_dbm,
      encryption_type, wps_enabled, latitude, longitude, altitude_meters, accuracy_meters, heading_degrees, speed_kmh, detection_count)
      VALUES ('s1', '2026-11-20T08:30:00.250000', '00:1a:2b:3c:4d:5e', 'Home', 6, 2437, -71, 'WPA2', 0, 48.1, 11.5, 520, 4, 90, 36, 3);
    INSERT INTO bluetooth_detections (scan_session_id, detection_timestamp, mac_address, device_name, device_type, rssi_dbm)
      VALUES ('s1', '2026-11-20 08:30:00', 'C0:FF:EE:00:00:01', 'Ears', 'BLE', -60),
             ('s1', '2026-11-20 08:30:00', 'C0:FF:EE:00:00:02', NULL, 'headset', -60);
    INSERT INTO cellular_detections (scan_session_id, detection_timestamp, cell_id, lac, mcc, mnc, network_name, technology)
      VALUES ('s1', '2026-11-20 08:30:00', 7711, 42081, 310, 260, 'Operator', 'LTE');
    INSERT INTO gps_tracks (scan_session_id, timestamp, latitude, longitude, speed_kmh, accuracy_meters)
      VALUES ('s1', '2026-11-20T08:30:00', 48.1, 11.5, 36, 4), ('s1', '2026-11-20T08:30:01', 0, 0, 0, 0)`);
}

test('detections and tracks of every table', async () => {
  const items = await imported(tables);
  const found = detectionsOf(items);
  assert.deepEqual(
    found.map(({ type, identity, name, signalDbm }) => [type, identity, name, signalDbm]),
    [
      ['wifi', '00:1A:2B:3C:4D:5E', 'Home', -71],
      ['ble', 'C0:FF:EE:00:00:01', 'Ears', -60],
      ['bluetooth', 'C0:FF:EE:00:00:02', null, -60],
      ['cellular', '310-260-42081-7711', 'Operator', null],
    ],
  );
  assert.equal(found[0]?.deviceTime, Date.UTC(2026, 10, 20, 8, 30, 0, 250));
  assert.deepEqual([found[0]?.security, found[0]?.channel, found[0]?.frequencyMhz], ['wpa2', 6, 2437]);
  assert.deepEqual(found[0]?.position, {
    lat: 48.1,
    lon: 11.5,
    altitude: 520,
    accuracy: 4,
    heading: 90,
    speed: 10,
  });
  assert.equal(found[0]?.metadata, '{"detection_count":3,"scan_session_id":"s1","wps_enabled":0}');
  const { speed, track, accuracy } = tracksOf(items)[0] ?? {};
  assert.deepEqual([speed, track, accuracy], [10, 's1', 4]);
  assert.deepEqual(problemsOf(items), [[6, 'out_of_range']]);
});

test('a corrupt row is a problem, and its neighbours are kept', async () => {
  const items = await imported((database) => {
    tables(database);
    database.exec(`UPDATE bluetooth_detections SET mac_address = 'none' WHERE device_name IS NULL;
      UPDATE cellular_detections SET detection_timestamp = 'soon'; UPDATE wifi_detections SET latitude = 9e999`);
  });
  assert.deepEqual(problemsOf(items), [
    [3, 'invalid_text'],
    [4, 'invalid_timestamp'],
    [6, 'out_of_range'],
  ]);
  assert.equal(detectionsOf(items)[0]?.position, null);
});

test('the cache of an old file is read where there is nothing else', async () => {
  const cache = `CREATE TABLE ap_cache (bssid TEXT PRIMARY KEY, ssid TEXT, encryption TEXT, lat REAL, lon REAL, last_time INTEGER);
    INSERT INTO ap_cache VALUES ('00:1A:2B:3C:4D:5E', 'Home', 'WEP', 48.1, 11.5, 1763627400)`;
  const [detection] = detectionsOf(await imported((database) => database.exec(cache)));
  assert.deepEqual(
    [detection?.name, detection?.security, detection?.position?.lon, detection?.deviceTime],
    ['Home', 'wep', 11.5, 1_763_627_400_000],
  );
  const both = await imported((database) => {
    tables(database);
    database.exec(cache);
  });
  assert.equal(detectionsOf(both).length, 4);
});
