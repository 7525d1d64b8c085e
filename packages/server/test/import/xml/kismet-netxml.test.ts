import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readKismetNetxml } from '../../../src/import/xml/kismet-netxml.ts';
import { detectionsOf, problemsOf, readAll } from '../read-all.ts';

interface Network {
  readonly bssid?: string;
  readonly essid?: string;
  readonly first?: string;
  readonly gps?: string;
}

const gpsInfo = (lat: number, lon: number, which = 'peak') =>
  `<gps-info><${which}-lat>${lat}</${which}-lat><${which}-lon>${lon}</${which}-lon><${which}-alt>520</${which}-alt></gps-info>`;

function network({
  bssid = '00:1A:2B:3C:4D:5E',
  essid = 'Home',
  first = 'Fri Nov  6 08:30:00 2026',
  gps = gpsInfo(48.1, 11.5),
}: Network): string {
  return `<wireless-network number="1" type="infrastructure" first-time="${first}" last-time="Fri Nov  6 09:30:00 2026">
<SSID><type>Beacon</type><packets>7</packets><encryption>WPA+PSK</encryption><encryption>WPA+AES-CCM</encryption><wpa-version>WPA2</wpa-version>
<essid cloaked="false">${essid}</essid></SSID><BSSID>${bssid}</BSSID><manuf>Maker</manuf><channel>6</channel><freqmhz>2437 12</freqmhz>
<snr-info><last_signal_dbm>-70</last_signal_dbm><max_signal_dbm>-61</max_signal_dbm></snr-info>${gps}
<wireless-client number="1"><client-mac>02:00:00:00:00:01</client-mac><channel>11</channel>${gpsInfo(1, 1)}</wireless-client>
</wireless-network>`;
}

const netxml = (...networks: string[]) =>
  `<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE detection-run SYSTEM "http://kismetwireless.net/kismet-3.1.0.dtd">\n<detection-run>\n${networks.join('\n')}\n</detection-run>\n`;
const read = (text: string, size = 50) => readAll(readKismetNetxml, Buffer.from(text, 'latin1'), { size });

test('a network becomes one detection; its clients are no networks', async () => {
  const items = await read(netxml(network({ essid: 'Caf\u00e9 &amp; &lt;Bar&gt;' })));
  const [detection] = detectionsOf(items);
  assert.equal(items.length, 1);
  assert.equal(items[0]?.line, 4);
  assert.deepEqual(
    [
      detection?.identity,
      detection?.name,
      detection?.channel,
      detection?.frequencyMhz,
      detection?.signalDbm,
      detection?.deviceTime,
    ],
    ['00:1A:2B:3C:4D:5E', 'Caf\u00e9 & <Bar>', 6, 2437, -61, Date.UTC(2026, 10, 6, 8, 30)],
  );
  assert.deepEqual([detection?.security, detection?.capabilities], ['wpa,wpa2', 'WPA+PSK WPA+AES-CCM WPA2']);
  assert.deepEqual(
    [detection?.position?.lat, detection?.position?.lon, detection?.position?.altitude],
    [48.1, 11.5, 520],
  );
  assert.deepEqual(JSON.parse(detection?.metadata ?? ''), {
    last_seen: '2026-11-06T09:30:00.000Z',
    manufacturer: 'Maker',
    network_type: 'infrastructure',
  });
});

test('the average place where there is no strongest one, and none at 0, 0', async () => {
  const average = gpsInfo(0, 0) + gpsInfo(47, 10, 'avg');
  const items = detectionsOf(
    await read(netxml(network({ gps: average }), network({ gps: gpsInfo(0, 0) }), network({ gps: '' }))),
  );
  assert.deepEqual(
    items.map((detection) => detection.position?.lat ?? null),
    [47, null, null],
  );
});

test('bad networks are problems, good ones beside them are kept, and a cut is told', async () => {
  const whole = netxml(
    network({ bssid: 'corrupt' }),
    network({ first: 'Fri Foo' }),
    network({}),
    network({}),
  );
  const items = await read(whole.slice(0, whole.length - 150));
  assert.deepEqual(
    problemsOf(items).map(([, code]) => code),
    ['invalid_text', 'invalid_timestamp', 'invalid_item'],
  );
  assert.equal(detectionsOf(items).length, 1);
});
