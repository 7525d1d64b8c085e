import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDetection } from '@pisync/protocol';
import fc from 'fast-check';
import { readWigleCsv } from '../../../src/import/csv/wigle-csv.ts';
import { detectionsOf, problemsOf, readAll } from '../read-all.ts';

const head16 =
  'WigleWifi-1.6,appRelease=2.78,model=X,release=11,device=d,display=p,board=b,"brand=Moog, LLC",star=Sol,body=3,subBody=0';
const names16 =
  'MAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type';
const head14 = 'WigleWifi-1.4,appRelease=2.53,model=X,release=11,device=d,display=p,board=b,brand=q';
const names14 =
  'MAC,SSID,AuthMode,FirstSeen,Channel,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,Type';
const good =
  '00:1A:2B:3C:4D:5E,Home,[WPA2-PSK-CCMP][ESS],2026-11-20 08:30:00,6,2437,-71,48.1371,11.5754,519.5,4.25,,,WIFI';

const file = (...rows: string[]) => [head16, names16, ...rows, ''].join('\n');
const read = (text: string | Uint8Array, size?: number) =>
  readAll(readWigleCsv, text, size === undefined ? {} : { size });
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

const name = fc.string({
  unit: fc.oneof(
    fc.constantFrom(',', '"', '\n', '\r', '\r\n', ';', '[', ' ', 'é', '\u{1F600}'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 32,
});

test('a row of 1.6 becomes the detection that it says', async () => {
  const [item] = await read(file(good));
  assert.deepEqual(item, {
    line: 3,
    detection: {
      kind: 'detection',
      deviceId: 'unit-1',
      epoch: null,
      seq: null,
      eventId: null,
      deviceTime: Date.UTC(2026, 10, 20, 8, 30),
      sentAt: null,
      type: 'wifi',
      identity: '00:1A:2B:3C:4D:5E',
      name: 'Home',
      security: 'wpa2',
      channel: 6,
      frequencyMhz: 2437,
      signalDbm: -71,
      position: { lat: 48.1371, lon: 11.5754, altitude: 519.5, accuracy: 4.25, heading: null, speed: null },
      capabilities: '[WPA2-PSK-CCMP][ESS]',
      metadata: null,
    },
  });
});

test('1.4, columns in another order, no header at all, a byte order mark', async () => {
  const row14 = '00:1A:2B:3C:4D:5E,Home,[ESS],2026-11-20 08:30:00,6,-71,48.1,11.5,519,4,WIFI';
  const row14b = 'Home,00:1A:2B:3C:4D:5E,-71,48.1,11.5';
  for (const text of [
    [head14, names14, row14].join('\r\n'),
    [head14, row14].join('\n'),
    `\ufeff${[names14, row14].join('\n')}`,
  ]) {
    const [detection] = detectionsOf(await read(text));
    assert.deepEqual(
      [detection?.signalDbm, detection?.position?.lat, detection?.security],
      [-71, 48.1, 'open'],
      text,
    );
  }
  const own = detectionsOf(
    await read(
      `MAC,SSID,RSSI,CurrentLatitude,CurrentLongitude\n${row14b.replace('Home,00:1A:2B:3C:4D:5E', '00:1A:2B:3C:4D:5E,Home')}`,
    ),
  );
  assert.deepEqual([own[0]?.name, own[0]?.signalDbm, own[0]?.deviceTime], ['Home', -71, null]);
});

test('any names survive a write and a read, whatever the pieces the bytes come in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(name, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 300 }),
      async (names, size) => {
        const rows = names.map((text) => good.replace('Home', () => quoted(text.toWellFormed())));
        const items = await read(file(...rows), size);
        assert.deepEqual(problemsOf(items), []);
        assert.deepEqual(
          detectionsOf(items).map((detection) => detection.name),
          names.map((text) => text.toWellFormed()),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('line numbers count the lines of the file, also those inside of names', async () => {
  const items = await read(file(good, good.replace('Home', '"a\nb\nc"'), '', good, 'cut'));
  assert.deepEqual(
    items.map((item) => item.line),
    [3, 4, 8, 9],
  );
});

test('what is read is what the decoder makes of the same fields', async () => {
  const real = fc.double({ noNaN: true });
  const row = fc.record({
    channel: fc.nat(200),
    rssi: fc.integer({ min: -300, max: 100 }),
    lat: fc.oneof(real, fc.double({ min: -90, max: 90, noNaN: true })),
    lon: fc.oneof(real, fc.double({ min: -180, max: 180, noNaN: true })),
    altitude: real,
  });
  await fc.assert(
    fc.asyncProperty(row, async ({ channel, rssi, lat, lon, altitude }) => {
      const text = `00:1A:2B:3C:4D:5E,x,[ESS],2026-11-20 08:30:00,${channel},0,${rssi},${lat},${lon},${altitude},3,,,WIFI`;
      const wanted = decodeDetection({
        device_id: 'unit-1',
        type: 'wifi',
        bssid: '00:1A:2B:3C:4D:5E',
        ssid: 'x',
        capabilities: '[ESS]',
        timestamp: '2026-11-20T08:30:00Z',
        channel: channel === 0 ? null : channel,
        rssi,
        position: { lat, lon, altitude, accuracy: 3 },
      });
      assert.ok(wanted.ok);
      assert.deepEqual(detectionsOf(await read(file(text))), [wanted.detection]);
    }),
    { numRuns: 500 },
  );
});

test('every kind of radio', async () => {
  const items = await read(
    file(
      'c0:ff:ee:00:00:01,Ears,Headphones [BT],2026-11-20 08:30:00,0,1028,-60,48.1,11.5,1,1,,,BT',
      'C0:FF:EE:00:00:02,,Misc [BLE],2026-11-20 08:30:00,,,-60,48.1,11.5,1,1,AA BB,76,BLE',
      '310260_42081_7711,Operator,LTE;us,2026-11-20 08:30:00,66486,,-99,48.1,11.5,1,1,,,LTE',
      '26201_9_8,Operator,,2026-11-20 08:30:00,,,-99,48.1,11.5,1,1,,,GSM',
      '4183_7_52,Operator,,2026-11-20 08:30:00,,,-99,48.1,11.5,1,1,,,CDMA',
    ),
  );
  assert.deepEqual(
    detectionsOf(items).map(({ type, identity, metadata }) => [type, identity, metadata]),
    [
      ['bluetooth', 'C0:FF:EE:00:00:01', '{"wigle_frequency":1028}'],
      ['ble', 'C0:FF:EE:00:00:02', '{"mfgr_id":"76","rcois":"AA BB"}'],
      ['cellular', '310-260-42081-7711', '{"technology":"lte"}'],
      ['cellular', '262-1-9-8', '{"technology":"gsm"}'],
      ['cellular', '0-4183-7-52', '{"technology":"cdma"}'],
    ],
  );
});

test('a row has its own kind, whatever the kinds of the rows before', async () => {
  const row = (type: string) => `00:1A:2B:3C:4D:5E,x,,2026-11-20 08:30:00,,,-60,48.1,11.5,1,1,,,${type}`;
  const types = ['BLE', 'BLE', 'ble', 'WIFI', 'WIFI', 'BT', 'ZIGBEE', 'BT', 'W'];
  const items = await read(file(...types.map(row)));
  assert.deepEqual(
    items.map((item) => ('detection' in item ? item.detection.type : null)),
    ['ble', 'ble', 'ble', 'wifi', 'wifi', 'bluetooth', null, 'bluetooth', 'wifi'],
  );
});

test('dirty rows are problems of their line, and their neighbours are kept', async () => {
  const items = await read(
    file(
      good,
      good.slice(0, 60),
      good.replace('00:1A:2B:3C:4D:5E', '00:1A:2B:3C:4D'),
      good.replace('-71', 'loud'),
      good.replace('2026-11-20', '2026-02-30'),
      good.replace('WIFI', 'ZIGBEE'),
      '310260__7711,,,2026-11-20 08:30:00,,,-99,48.1,11.5,1,1,,,LTE',
      good,
    ),
  );
  assert.deepEqual(problemsOf(items), [
    [4, 'invalid_item'],
    [5, 'invalid_text'],
    [6, 'invalid_type'],
    [7, 'invalid_timestamp'],
    [8, 'invalid_text'],
    [9, 'invalid_text'],
  ]);
  assert.equal(detectionsOf(items).length, 2);
  const cut = items[1];
  assert.ok(cut !== undefined && 'text' in cut);
  assert.equal(cut.text, good.slice(0, 60));
});

test('positions and times that are none are kept as none', async () => {
  const place = '48.1371,11.5754';
  const rows = ['Infinity,11', '-inf,NaN', '91,11', '0.0,0.0', ','].map((no) => good.replace(place, no));
  const items = await read(file(...rows, good.replace('2026-11-20 08:30:00', '1970-01-01 00:00:00')));
  assert.deepEqual(problemsOf(items), []);
  const all = detectionsOf(items);
  assert.deepEqual(
    all.map((detection) => detection.position === null),
    [true, true, true, true, true, false],
  );
  assert.deepEqual(
    all.map((detection) => detection.metadata !== null),
    [true, true, true, false, false, false],
  );
  assert.equal(all[5]?.deviceTime, null);
});

test('a row without a time has an identity all the same, and the same one each time', async () => {
  const timeless = good.replace('2026-11-20 08:30:00', '');
  const text = file(timeless, timeless.replace('-71', '-72'));
  const ids = detectionsOf(await read(text)).map((detection) => detection.eventId);
  assert.match(ids[0] ?? '', /^import:[0-9a-f]{32}$/);
  assert.notEqual(ids[0], ids[1]);
  assert.deepEqual(
    detectionsOf(await read(text, 7)).map((detection) => detection.eventId),
    ids,
  );
});

test('commas in a name without quotes are mended, quotes that are not doubled too', async () => {
  const items = await read(
    file(good.replace('Home', 'a, b,c'), good.replace('Home', '"5" disk"'), good.replace('Home', '5" disk')),
  );
  assert.deepEqual(problemsOf(items), []);
  assert.deepEqual(
    detectionsOf(items).map((detection) => detection.name),
    ['a, b,c', '5" disk', '5" disk'],
  );
});

test('a quote that is never closed costs its own line only', async () => {
  const open = good.replace('Home', '"Home');
  for (const rows of [
    [open, good, good],
    [open, good, good.replace('Home', '"x"'), good],
    [...Array(200).fill(good), open, ...Array(200).fill(good)],
  ]) {
    for (const size of [17, 65_536]) {
      const items = await read(file(...rows), size);
      assert.deepEqual(problemsOf(items), [[rows.indexOf(open) + 3, 'invalid_item']]);
      assert.equal(detectionsOf(items).length, rows.length - 1);
    }
  }
});

test('a line without end is one problem, and the next line is read', async () => {
  for (const size of [1000, 65_536]) {
    const items = await read(file(good, 'x'.repeat(200_000), good), size);
    assert.deepEqual(problemsOf(items), [[4, 'invalid_item']]);
    assert.deepEqual(
      items.map((item) => item.line),
      [3, 4, 5],
    );
  }
});

test('files one behind the other', async () => {
  const items = await read(
    file(good) +
      [
        head14,
        names14,
        '00:1A:2B:3C:4D:5E,Home,[ESS],2026-11-20 08:30:00,6,-71,48.1,11.5,519,4,WIFI',
        '',
      ].join('\n'),
  );
  assert.deepEqual(problemsOf(items), []);
  assert.equal(detectionsOf(items).length, 2);
});

test('bytes of a name that are no UTF-8 are kept', async () => {
  const [before, after] = file(good).split('Home') as [string, string];
  const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0x41, 0xff, 0xfe]), Buffer.from(after)]);
  const [detection] = detectionsOf(await read(bytes));
  assert.equal(detection?.name, 'A\ufffd\ufffd');
  assert.equal(detection?.metadata, '{"name_bytes":"41fffe"}');
});

test('any bytes at all are read to the end, in any pieces alike', async () => {
  const bytes = fc.array(fc.constantFrom('"', ',', '\n', '\r', 'a', good, names16, '\u0000', 'é'), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 50 }), async (parts, size) => {
      const whole = await read(parts.join(''));
      assert.deepEqual(await read(parts.join(''), size), whole);
      const lines = whole.map((item) => item.line);
      assert.deepEqual(
        lines,
        [...new Set(lines)].sort((a, b) => a - b),
      );
    }),
    { numRuns: 1000 },
  );
});
