import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { uploadFile } from '../load/detections/upload-file.ts';
import { randomViewports } from '../load/detections/viewports.ts';
import { Wardrive } from '../load/detections/wardrive.ts';
import { writeWigleFile } from '../load/detections/wigle-file.ts';

function temporaryFile(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'drives.csv');
}

test('a drive hears every network five times, five at once, none twice in a second', () => {
  const networks = 1200;
  const drive = new Wardrive({ networks, start: 1_700_000_000 });
  const sightings = Array.from({ length: 5 * networks }, () => drive.next());
  const heard = Map.groupBy(sightings, ({ network }) => network);
  assert.equal(heard.size, networks);
  for (const each of heard.values()) assert.equal(each.length, 5);
  assert.equal(new Set(sightings.map(({ network, time }) => `${network} ${time}`)).size, sightings.length);
  assert.equal(new Set(sightings.map(({ time }) => time)).size, networks);
  assert.ok(sightings.every(({ signal }) => signal >= -90 && signal <= -40));
});

test('a file says how many of its rows are broken; one in a hundred is dirty', (context) => {
  const path = temporaryFile(context);
  const { rows, broken } = writeWigleFile(path, { rows: 25_000, networks: 5000, start: 1_780_000_000 });
  const [first, header, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.match(first!, /^WigleWifi-1\.6,/);
  assert.equal(lines.length, rows);
  const row =
    /^([0-9a-f]{2}:){5}[0-9a-f]{2},("[^"]*"|[^",]*),\[[^,]*\],2026-\d\d-\d\d \d\d:\d\d:\d\d,\d+,\d+,-\d+,48\.\d{6},16\.\d{6},\d+,\d,,,WIFI$/;
  const odd = lines.filter((line) => !row.test(line));
  assert.ok(odd.length > 150 && odd.length < 350, `${odd.length} dirty rows`);
  const columns = header!.split(',').length;
  const cut = odd.filter((line) => line.split(',').length < columns);
  const corrupt = odd.filter((line) => /^([0-9a-f]{2}:){5}zz,/.test(line) && !cut.includes(line));
  assert.equal(cut.length + corrupt.length, broken);
  assert.ok(broken > 0 && broken < odd.length);
});

test('parts of a map lie around what was heard, with all zooms', () => {
  const viewports = randomViewports(26, 1000);
  assert.deepEqual(new Set(viewports.map(({ zoom }) => zoom)).size, 13);
  for (const { box, zoom } of viewports) {
    const [west, south, east, north] = box.split(',').map(Number) as [number, number, number, number];
    const pixels = ((east - west) / 360) * 2 ** zoom * 256;
    assert.ok(Math.abs(pixels - 1280) < 1, `${pixels} pixels wide`);
    assert.ok(north - south < east - west && north > south);
    const lat = (south + north) / 2;
    const lon = (west + east) / 2;
    assert.ok(lat > 48 && lat < 48.4 && lon > 16 && lon < 16.6);
  }
  assert.equal(new Set(viewports.map(({ box }) => box)).size, viewports.length);
});

test('an upload ends with the counts of the last line, and fails where there is none', async (context) => {
  const path = temporaryFile(context);
  writeWigleFile(path, { rows: 3000, networks: 1000, start: 1_780_000_000 });
  let reply =
    '{"line":100,"stored":98,"rejected":2}\n{"line":3002,"stored":2990,"rejected":10,"done":true}\n';
  let received = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    request.on('end', () => response.end(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const { seconds, ...counts } = await uploadFile(url, path, 'pi-drive');
  assert.deepEqual(counts, { stored: 2990, duplicate: 0, conflict: 0, rejected: 10 });
  assert.ok(seconds > 0);
  assert.equal(received, readFileSync(path).length);
  reply = '{"line":100,"stored":98,"code":"payload_too_large"}\n';
  await assert.rejects(uploadFile(url, path, 'pi-drive'), /broke off.*payload_too_large/);
});
