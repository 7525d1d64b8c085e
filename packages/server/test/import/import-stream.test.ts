import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { detectFormat } from '../../src/import/detect-format.ts';
import { UnknownFormat } from '../../src/import/unknown-format.ts';
import { importedFile, inFolder } from './database/in-folder.ts';
import { detectionsOf, problemsOf, tracksOf } from './read-all.ts';

const wigle = `MAC,SSID,AuthMode,FirstSeen,Channel,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,Type
00:1A:2B:3C:4D:5E,Home,[ESS],2026-11-20 08:30:00,6,-71,48.1,11.5,519,4,WIFI\n`;
const ndjson = '{"type":"wifi","bssid":"00:1A:2B:3C:4D:5E"}\n';
const gpx = '<?xml version="1.0"?><gpx><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>';

const imported = (content: string | Uint8Array) =>
  inFolder(async (folder) => {
    // The name says something else on purpose.
    const path = join(folder, 'photo.jpg');
    await writeFile(path, content);
    return importedFile(path);
  });

test('formats are told by content', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['WigleWifi-1.6,appRelease=1\n', 'wigle-csv'],
    ['\ufeffWigleWifi-1.4\r\n', 'wigle-csv'],
    [wigle, 'wigle-csv'],
    ['Network;NetType;ESSID;BSSID;Info\n', 'kismet-csv'],
    ['<?xml version="1.0"?>\n<!DOCTYPE detection-run SYSTEM "x">\n<detection-run>', 'kismet-netxml'],
    ['<!-- <detection-run> --><gpx>', 'gpx'],
    ['<x:gpx xmlns:x="y">', 'gpx'],
    ['<html>', null],
    [' \n{"a":1}', 'ndjson'],
    ['SQLite format 3\0', 'sqlite'],
    ['\x1f\x8b', null],
    ['', null],
    ['device_id,ssid', null],
  ];
  for (const [text, format] of cases) assert.equal(detectFormat(Buffer.from(text)), format, text);
  assert.equal(detectFormat(Buffer.from([0x1f, 0x8b, 8])), 'gzip');
});

test('a file is read by what stands in it, packed or not', async () => {
  assert.equal(detectionsOf(await imported(wigle)).length, 1);
  assert.equal(detectionsOf(await imported(ndjson)).length, 1);
  assert.equal(tracksOf(await imported(gpx)).length, 1);
  assert.deepEqual(await imported(gzipSync(wigle)), await imported(wigle));
});

test('what is none of the formats is refused', async () => {
  for (const content of ['hello', '', gzipSync('hello'), gzipSync(''), gzipSync(gzipSync(wigle))]) {
    await assert.rejects(imported(content), UnknownFormat);
  }
  await assert.rejects(importedFile('/nowhere/at/all'), { code: 'ENOENT' });
});

test('a packed file that was cut off keeps what was unpacked and says so', async () => {
  const line = wigle.slice(wigle.indexOf('\n') + 1);
  const rows = Array.from({ length: 20_000 }, (_, at) =>
    line.replace('4D:5E', `${10 + (at % 90)}:${10 + ((at * 7) % 90)}`),
  );
  const packed = gzipSync(wigle + rows.join(''));
  const items = await imported(packed.subarray(0, packed.length / 2));
  assert.ok(detectionsOf(items).length > 1000);
  const last = items.at(-1);
  assert.ok(last !== undefined && 'problem' in last);
  assert.match(last.problem.detail, /cannot be unpacked/);
});

test('a damaged database keeps the rows before the damage and says so', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'log.kismet');
    const database = new DatabaseSync(path);
    database.exec(`CREATE TABLE ap_cache (bssid TEXT, ssid TEXT, encryption TEXT, lat REAL, lon REAL, last_time INTEGER);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO ap_cache SELECT '00:1A:2B:3C:4D:5E', 'Home', 'WEP', 48, 11, i FROM n`);
    database.close();
    const bytes = await readFile(path);
    bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 8192);
    await writeFile(path, bytes);
    const items = await importedFile(path);
    assert.ok(detectionsOf(items).length > 100);
    assert.deepEqual(problemsOf(items), [[detectionsOf(items).length + 1, 'invalid_item']]);
  });
});

test('a packed database is read as well', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'log.db');
    const database = new DatabaseSync(path);
    database.exec(`CREATE TABLE ap_cache (bssid TEXT, ssid TEXT, encryption TEXT, lat REAL, lon REAL, last_time INTEGER);
      INSERT INTO ap_cache VALUES ('00:1A:2B:3C:4D:5E', 'Home', 'WEP', 48, 11, 5)`);
    database.close();
    const plain = await importedFile(path);
    assert.equal(detectionsOf(plain).length, 1);
    await writeFile(path, gzipSync(await readFile(path)));
    assert.deepEqual(await importedFile(path), plain);
  });
});

test('a foreign database is refused, and so is one whose tables are views', async () => {
  const other = (sql: string) =>
    inFolder(async (folder) => {
      const path = join(folder, 'x');
      const database = new DatabaseSync(path);
      database.exec(sql);
      database.close();
      await importedFile(path);
    });
  await assert.rejects(other('CREATE TABLE t (x)'), UnknownFormat);
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS bssid FROM n';
  await assert.rejects(
    other(`CREATE VIEW ap_cache AS ${endless}; CREATE VIEW wifi_detections AS ${endless}`),
    UnknownFormat,
  );
});
