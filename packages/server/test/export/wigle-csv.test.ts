import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Detection, securityNames } from '@pisync/protocol';
import fc from 'fast-check';
import { wigleCsv } from '../../src/export/wigle-csv.ts';
import { readWigleCsv } from '../../src/import/csv/wigle-csv.ts';
import type { StoredDetection } from '../../src/ports/detection-store.ts';
import { detectionsOf, problemsOf, readAll } from '../import/read-all.ts';
import { storedDetection } from './arbitrary-detection.ts';
import { bytesOf, detection, textOf } from './write-all.ts';

const head =
  'WigleWifi-1.6,appRelease=PiSync-1.2.3,model=PiSync,release=1.2.3,device=PiSync,display=,board=,brand=PiSync,star=Sol,body=3,subBody=0';
const columns =
  'MAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type';

async function readBack(rows: readonly StoredDetection[]): Promise<Detection[]> {
  const items = await readAll(readWigleCsv, await bytesOf(wigleCsv, rows));
  assert.deepEqual(problemsOf(items), []);
  return detectionsOf(items);
}

test('the lines are those of the format page', async () => {
  const cell: Partial<StoredDetection> = {
    ...{ type: 'cellular' as const, identity: '310-41-56967-4118917', name: 'AT&T Mobility', security: null },
    ...{ channel: 4385, frequencyMhz: null, capabilities: null, metadata: '{"technology":"wcdma"}' },
  };
  const radio = { security: null, channel: null, frequencyMhz: null, capabilities: null } as const;
  const rows = [
    detection({ name: 'Moog, LLC' }),
    detection({ ...cell }),
    detection({ ...radio, type: 'ble', name: null, metadata: '{"mfgr_id":"72","wigle_frequency":7936}' }),
    detection({ ...radio, type: 'bluetooth', position: null, signalDbm: null }),
    detection({ ...cell, identity: '0-4139-12-7', metadata: null }),
  ];
  const text = await textOf(wigleCsv, rows);
  assert.deepEqual(text.split('\n'), [
    ...[head, columns],
    '00:1a:2b:3c:4d:5e,"Moog, LLC",[WPA2-PSK-CCMP][ESS],2026-11-20 08:30:00,6,2437,-71,48.1371,11.5754,520,4.25,,,WIFI',
    '310041_56967_4118917,AT&T Mobility,WCDMA;310041,2026-11-20 08:30:00,,4385,-71,48.1371,11.5754,520,4.25,,,WCDMA',
    '00:1a:2b:3c:4d:5e,,,2026-11-20 08:30:00,0,7936,-71,48.1371,11.5754,520,4.25,,72,BLE',
    '00:1a:2b:3c:4d:5e,Home,,2026-11-20 08:30:00,0,,,0,0,,,,,BT',
    '4139_12_7,AT&T Mobility,CDMA;4139,2026-11-20 08:30:00,,0,-71,48.1371,11.5754,520,4.25,,,CDMA',
    '',
  ]);
});

test('our reader has any detections again, as far as the format goes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(storedDetection, { maxLength: 6 }), async (rows) => {
      const read = await readBack(rows);
      assert.equal(read.length, rows.length);
      for (const [at, found] of read.entries()) {
        const row = rows[at] as StoredDetection;
        const { position } = row;
        const time = row.clockQuality === 'unknown' ? (row.deviceTime ?? row.timestamp) : row.timestamp;
        const seconds = Math.floor(time / 1000) * 1000;
        assert.deepEqual(
          [found.type, found.identity, found.name ?? '', found.signalDbm, found.deviceTime],
          [row.type, row.identity, row.name ?? '', row.signalDbm, seconds === 0 ? null : seconds],
        );
        const wanted = position && {
          ...{ lat: position.lat, lon: position.lon, accuracy: position.accuracy },
          altitude: position.altitude === null ? null : Math.round(position.altitude) + 0,
          ...{ heading: null, speed: null },
        };
        assert.deepEqual(found.position, wanted);
        if (row.type !== 'wifi') {
          if (row.type !== 'cellular' || row.capabilities !== null)
            assert.equal(found.capabilities ?? '', row.capabilities ?? '');
          // The column has another meaning for CDMA, whose cells have no MCC, and none for Bluetooth.
          const tuned = row.type === 'cellular' && !row.identity.startsWith('0-') ? row.channel : null;
          assert.equal(found.channel, tuned === 0 ? null : tuned);
          continue;
        }
        assert.equal(found.security, row.security);
        assert.equal(found.channel, row.channel === 0 ? null : row.channel);
        const { frequencyMhz } = row;
        assert.equal(found.frequencyMhz, frequencyMhz && Math.max(1, Math.round(frequencyMhz)));
      }
    }),
    { numRuns: 500 },
  );
});

test('a network whose capabilities are not known keeps its security, whatever that is', async () => {
  const all = Array.from({ length: 2 ** securityNames.length - 1 }, (_, bits) =>
    securityNames.filter((_name, at) => ((bits + 1) >> at) & 1).join(','),
  );
  const read = await readBack(all.map((security) => detection({ security, capabilities: null })));
  assert.deepEqual(
    read.map(({ security }) => security),
    all,
  );
});

test('what was imported from WiGLE is written as it stood there', async () => {
  const rows = [
    '00:1a:2b:3c:4d:5e,Scampoodle,[WPA2-EAP-CCMP][ESS],2018-08-01 13:08:27,161,5805,-43,37.76578028,-123.45919439,67,3.2160000801086426,5A03BA0000 BAA2D00000 BAA2D02000,,WIFI',
    '310410_56967_4118917,AT&T Mobility,WCDMA;310410,2018-08-03 18:14:15,,4385,-81,37.72090053,-122.44579219,104,34.30400085449219,,,WCDMA',
    '63:56:ac:c4:d4:30,,Misc [LE],2018-08-03 18:14:12,0,,-67,37.76090571,-122.44877987,104,49.3120002746582,,72,BLE',
    '63:56:ac:c4:d4:30,Jabra Headset,Headset [BT],2018-08-03 18:14:12,0,7936,-67,37.76090571,-122.44877987,104,49.3120002746582,,72,BT',
  ];
  const file = [head, columns, ...rows, ''].join('\n');
  // Imported years later: the corrected time is that of the receipt.
  const receivedAt = Date.UTC(2026, 10, 22);
  const kept = { receivedAt, timestamp: receivedAt, clockQuality: 'unknown', ordinal: 1 } as const;
  const stored = detectionsOf(await readAll(readWigleCsv, file)).map((each) => ({ ...each, ...kept }));
  assert.equal(await textOf(wigleCsv, stored), file);
});

test('only a file that says it is of PiSync gets its formulas back', async () => {
  const rows = ["'=1+1", "''@x", "'plain"].map((name) => detection({ name }));
  const text = await textOf(wigleCsv, rows);
  const names = async (file: string) =>
    detectionsOf(await readAll(readWigleCsv, file)).map(({ name }) => name);
  assert.deepEqual(await names(text), ["'=1+1", "''@x", "'plain"]);
  assert.deepEqual(await names(text.replace('brand=PiSync', 'brand=q')), ["''=1+1", "'''@x", "'plain"]);
});

test('a name that starts like a formula is made plain', async () => {
  const text = await textOf(wigleCsv, [
    detection({ name: '=1+1' }),
    detection({ name: '@x', capabilities: '+y' }),
  ]);
  const rows = text.split('\n').slice(2, 4);
  assert.match(rows[0] as string, /^[^,]+,'=1\+1,/);
  assert.match(rows[1] as string, /^[^,]+,'@x,\[WPA2-PSK\]\[ESS\],/);
});
