import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { detectionsOf, problemsOf } from '../read-all.ts';
import { imported } from './in-folder.ts';

const accessPoint = JSON.stringify({
  'kismet.device.base.crypt': 'WPA2-PSK',
  'kismet.device.base.channel': '6',
  'kismet.device.base.manuf': 'Maker',
  'dot11.device': {
    'dot11.device.last_beaconed_ssid_record': { 'dot11.advertisedssid.ssid': 'Home, "sweet"' },
  },
});

interface Log {
  readonly version: number;
  /** What a degree is stored as. */
  readonly scale: number;
}

function tables(database: DatabaseSync, { version, scale }: Log): void {
  const real = version < 5 ? 'INT' : 'REAL';
  const newer = version < 5 ? '' : 'alt REAL, speed REAL, heading REAL,';
  database.exec(`CREATE TABLE KISMET (kismet_version TEXT, db_version INT, db_module TEXT);
    INSERT INTO KISMET VALUES ('2019.01', ${version}, 'kismetlog');
    CREATE TABLE devices (first_time INT, last_time INT, devkey TEXT, phyname TEXT, devmac TEXT, strongest_signal INT,
      min_lat ${real}, min_lon ${real}, max_lat ${real}, max_lon ${real}, avg_lat ${real}, avg_lon ${real}, bytes_data INT,
      type TEXT, device BLOB, UNIQUE(phyname, devmac) ON CONFLICT REPLACE);
    CREATE TABLE packets (ts_sec INT, ts_usec INT, phyname TEXT, sourcemac TEXT, lat ${real}, lon ${real}, ${newer}
      signal INT, frequency REAL, packet BLOB)`);
  const device = database.prepare(
    'INSERT INTO devices (first_time, last_time, phyname, devmac, strongest_signal, avg_lat, avg_lon, type, device) VALUES (?,?,?,?,?,?,?,?,?)',
  );
  const [lat, lon] = [48.1 * scale, 11.5 * scale];
  device.run(
    1000,
    2000,
    'IEEE802.11',
    '00:1A:2B:3C:4D:5E',
    -50,
    lat,
    lon,
    'Wi-Fi AP',
    Buffer.from(accessPoint),
  );
  device.run(1000, 2000, 'IEEE802.11', '00:1A:2B:3C:4D:5F', -50, 0, 0, 'Wi-Fi AP', Buffer.from('{damaged'));
  device.run(1000, 2000, 'IEEE802.11', '02:00:00:00:00:01', -50, lat, lon, 'Wi-Fi Client', Buffer.from('{}'));
  device.run(
    1000,
    2000,
    'Bluetooth',
    'C0:FF:EE:00:00:01',
    0,
    lat,
    lon,
    'BTLE',
    '{"kismet.device.base.name":"Ears"}',
  );
  device.run(1000, 2000, 'RTL433', 'C0:FF:EE:00:00:02', 0, lat, lon, 'Sensor', '{}');
  const packet = database.prepare(
    'INSERT INTO packets (ts_sec, ts_usec, phyname, sourcemac, lat, lon, signal, frequency) VALUES (?,?,?,?,?,?,?,?)',
  );
  packet.run(1500, 250_000, 'IEEE802.11', '00:1A:2B:3C:4D:5E', lat, lon, -61, 2_437_000);
  packet.run(1501, 0, 'IEEE802.11', '00:1A:2B:3C:4D:5E', 0, 0, -61, 2_437_000);
  packet.run(1502, 0, 'IEEE802.11', '02:00:00:00:00:01', lat, lon, -61, 2_437_000);
  packet.run(1503, 0, 'IEEE802.11', '00:1A:2B:3C:4D:5E', lat, lon, 0, 0);
}

for (const log of [
  { version: 4, scale: 100_000 },
  { version: 5, scale: 1 },
  { version: 8, scale: 1 },
]) {
  test(`packets and devices of version ${log.version}`, async () => {
    const items = await imported((database) => tables(database, log));
    assert.deepEqual(problemsOf(items), []);
    const found = detectionsOf(items);
    assert.deepEqual(
      found.map(({ type, identity, name, deviceTime, signalDbm }) => [
        type,
        identity,
        name,
        deviceTime,
        signalDbm,
      ]),
      [
        ['wifi', '00:1A:2B:3C:4D:5E', 'Home, "sweet"', 1_500_250, -61],
        ['wifi', '00:1A:2B:3C:4D:5E', 'Home, "sweet"', 1_503_000, null],
        ['wifi', '00:1A:2B:3C:4D:5F', null, 1_000_000, -50],
        ['ble', 'C0:FF:EE:00:00:01', 'Ears', 1_000_000, null],
      ],
    );
    assert.deepEqual(
      found.map(({ position }) => position?.lat ?? null),
      [48.1, 48.1, null, 48.1],
    );
    assert.deepEqual(
      [found[0]?.security, found[0]?.frequencyMhz, found[1]?.frequencyMhz],
      ['wpa2', 2437, null],
    );
    const lines = items.map((item) => item.line);
    assert.deepEqual(
      lines,
      lines.toSorted((a, b) => a - b),
    );
  });
}

test('altitude, heading and speed in km/h where the log has them', async () => {
  const items = await imported((database) => {
    tables(database, { version: 8, scale: 1 });
    database.exec('UPDATE packets SET alt = 520, speed = 36, heading = 90');
  });
  assert.deepEqual(detectionsOf(items)[0]?.position, {
    ...{ lat: 48.1, lon: 11.5, altitude: 520, accuracy: null, heading: 90, speed: 10 },
  });
});

test('a corrupt row is a problem, and its neighbours are kept', async () => {
  const items = await imported((database) => {
    tables(database, { version: 8, scale: 1 });
    database.exec("UPDATE packets SET lat = 'north' WHERE ts_sec = 1500");
  });
  assert.deepEqual(problemsOf(items), [[1, 'invalid_type']]);
  assert.equal(detectionsOf(items).length, 3);
});
