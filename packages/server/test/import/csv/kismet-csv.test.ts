import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKismetCsv } from '../../../src/import/csv/kismet-csv.ts';
import { detectionsOf, problemsOf, readAll } from '../read-all.ts';

const names =
  'Network;NetType;ESSID;BSSID;Info;Channel;Cloaked;Encryption;Decrypted;MaxRate;MaxSeenRate;Beacon;LLC;Data;Crypt;Weak;Total;Carrier;Encoding;' +
  'FirstTime;LastTime;BestQuality;BestSignal;BestNoise;GPSMinLat;GPSMinLon;GPSMinAlt;GPSMinSpd;GPSMaxLat;GPSMaxLon;GPSMaxAlt;GPSMaxSpd;' +
  'GPSBestLat;GPSBestLon;GPSBestAlt;DataSize;IPType;IP;';

interface Row {
  readonly essid?: string;
  readonly bssid?: string;
  readonly encryption?: string;
  readonly first?: string;
  readonly signal?: string;
  readonly place?: string;
}

function row({
  essid = 'Home',
  bssid = '00:1A:2B:3C:4D:5E',
  encryption = 'WEP,WPA,PSK',
  first,
  signal = '-60',
  place = '48.1;11.5;520',
}: Row): string {
  const time = first ?? 'Fri Nov  6 08:30:00 2026';
  const before = `1;infrastructure;${essid};${bssid};None;6;No;${encryption};No;54.0;54.0;10;0;5;5;0;15;IEEE 802.11;;`;
  return `${before}${time};Fri Nov  6 09:30:00 2026;0;${signal};0;48;11;500;0;49;12;600;0;${place};0;0;0.0.0.0;`;
}

const read = (...rows: string[]) => readAll(readKismetCsv, [names, ...rows, ''].join('\r\n'), { size: 100 });

test('a network becomes one detection at its best place', async () => {
  const [item] = await read(row({}));
  assert.ok(item !== undefined && 'detection' in item);
  const { detection } = item;
  assert.equal(item.line, 2);
  assert.deepEqual(
    [
      detection.identity,
      detection.name,
      detection.security,
      detection.channel,
      detection.signalDbm,
      detection.deviceTime,
    ],
    ['00:1A:2B:3C:4D:5E', 'Home', 'wpa', 6, -60, Date.UTC(2026, 10, 6, 8, 30)],
  );
  assert.deepEqual(detection.position, {
    lat: 48.1,
    lon: 11.5,
    altitude: 520,
    accuracy: null,
    heading: null,
    speed: null,
  });
  assert.deepEqual(JSON.parse(detection.metadata ?? ''), {
    last_seen: '2026-11-06T09:30:00.000Z',
    network_type: 'infrastructure',
    packets: 15,
  });
});

test('separators and quotes in names stand for themselves', async () => {
  const items = await read(row({ essid: 'a;b;"c' }), row({ essid: '"' }), row({ essid: '' }));
  assert.deepEqual(
    detectionsOf(items).map((detection) => detection.name),
    ['a;b;"c', '"', null],
  );
});

test('no fix, no signal, no time', async () => {
  const [detection] = detectionsOf(
    await read(row({ place: '0.000000;0.000000;0', signal: '-1', first: '' })),
  );
  assert.deepEqual([detection?.position, detection?.signalDbm, detection?.deviceTime], [null, null, null]);
  assert.match(detection?.eventId ?? '', /^import:/);
});

test('bad rows are problems, and their neighbours are kept', async () => {
  const items = await read(
    row({}).slice(0, 90),
    row({ bssid: 'no' }),
    row({ first: 'Fri Foo 20 08:30:00 2026' }),
    row({ essid: ';'.repeat(60) }),
    row({}),
  );
  assert.deepEqual(problemsOf(items), [
    [2, 'invalid_item'],
    [3, 'invalid_text'],
    [4, 'invalid_timestamp'],
    [5, 'invalid_item'],
  ]);
  assert.equal(detectionsOf(items).length, 1);
});
