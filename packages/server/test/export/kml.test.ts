import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kml } from '@tmcw/togeojson';
import { DOMParser, onWarningStopParsing } from '@xmldom/xmldom';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { detectionColumns } from '../../src/export/table/detection-columns.ts';
import { detectionKml, networkKml } from '../../src/export/xml/kml.ts';
import { kmzWriter } from '../../src/export/xml/kmz.ts';
import type { StoredDetection } from '../../src/ports/detection-store.ts';
import { storedDetection } from './arbitrary-detection.ts';
import { networkRecord } from './arbitrary-network.ts';
import { bytesOf, context, detection, inBatches, textOf } from './write-all.ts';

const parse = (text: string) =>
  new DOMParser({ onError: onWarningStopParsing }).parseFromString(text, 'text/xml');

/** Text as XML 1.0 can hold it. */
const holdable = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
  text.replace(/[\0-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');

const childText = (element: { getElementsByTagName(name: string): ArrayLike<unknown> }, name: string) =>
  (element.getElementsByTagName(name)[0] as { textContent: string } | undefined)?.textContent;

test('a placemark says what, when and where, in the style of its type', async () => {
  const text = await textOf(detectionKml, [detection({ name: 'A<B & "C"' })]);
  const [feature] = kml(parse(text) as never).features;
  assert.ok(feature !== undefined);
  assert.deepEqual(feature.geometry, { type: 'Point', coordinates: [11.5754, 48.1371] });
  const { name, styleUrl, timestamp, signal_dbm, description } = feature.properties as Record<
    string,
    unknown
  >;
  assert.deepEqual([name, styleUrl, timestamp], ['A<B & "C"', '#wifi', '2026-11-20T08:30:00.000Z']);
  assert.equal(signal_dbm, '-71');
  assert.equal(description, 'Wi-Fi 00:1A:2B:3C:4D:5E, wpa2, channel 6, -71 dBm, heard by unit-1');
  for (const type of ['wifi', 'bluetooth', 'ble', 'cellular'])
    assert.match(text, new RegExp(`<Style id="${type}">`));
  assert.doesNotMatch(text.replace('http://www.opengis.net/kml/2.2', ''), /https?:/);
});

test('any detections make strict XML with one placemark each, whose texts are those of the detection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(storedDetection, { maxLength: 5 }), async (rows) => {
      const document = parse(await textOf(detectionKml, rows));
      assert.equal(childText(document, 'name'), context.title);
      const placemarks = Array.from(document.getElementsByTagName('Placemark'));
      assert.equal(placemarks.length, rows.length);
      for (const [at, placemark] of placemarks.entries()) {
        const row = rows[at] as StoredDetection;
        assert.equal(childText(placemark, 'name'), holdable(row.name ?? row.identity));
        const data = Array.from(placemark.getElementsByTagName('Data'));
        const told = new Map(data.map((each) => [each.getAttribute('name'), each.textContent]));
        for (const { name, kind, get } of detectionColumns(context)) {
          const value = get(row);
          if (kind === 'time' || name === 'lat' || name === 'lon') continue;
          assert.equal(told.get(name), value === null ? undefined : holdable(String(value)));
        }
        const coordinates = childText(placemark, 'coordinates')?.split(',').map(Number);
        assert.deepEqual(
          coordinates,
          row.position === null ? undefined : [row.position.lon, row.position.lat],
        );
      }
    }),
    { numRuns: 200 },
  );
});

test('any networks make strict XML that a library reads with all their places', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(networkRecord, { maxLength: 5 }), async (rows) => {
      const { features } = kml(parse(await textOf(networkKml, rows)) as never) as {
        features: { geometry: unknown }[];
      };
      assert.deepEqual(
        features.map(({ geometry }) => geometry),
        rows.map(({ position }) => position && { type: 'Point', coordinates: [position.lon, position.lat] }),
      );
    }),
    { numRuns: 200 },
  );
});

test('a KMZ is a zip with the KML, written while the rows come', async () => {
  const rows = Array.from({ length: 3000 }, (_, at) =>
    detection({ name: `Network ${at}`, signalDbm: -at / 100 }),
  );
  const writer = kmzWriter(detectionKml);
  const files = unzipSync(await bytesOf(writer, rows));
  assert.deepEqual(Object.keys(files), ['doc.kml']);
  assert.equal(Buffer.from(files['doc.kml'] as Uint8Array).toString(), await textOf(detectionKml, rows));
  let batches = 0;
  async function* counted() {
    for await (const batch of inBatches(rows, 100)) {
      batches += 1;
      yield batch;
    }
  }
  const stream = writer(counted(), context);
  await stream.next();
  assert.ok(batches < 5, `${batches} batches were taken before the first bytes`);
  await stream.return(undefined);
});
