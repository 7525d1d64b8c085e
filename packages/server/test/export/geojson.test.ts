import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { detectionColumns } from '../../src/export/table/detection-columns.ts';
import { geojsonWriter } from '../../src/export/table/geojson.ts';
import type { StoredDetection } from '../../src/ports/detection-store.ts';
import { storedDetection } from './arbitrary-detection.ts';
import { detection, textOf } from './write-all.ts';

const writer = geojsonWriter(detectionColumns, (item: StoredDetection) => item.position);

test('a feature has its place in the order of RFC 7946 and all else as properties', async () => {
  const collection = JSON.parse(await textOf(writer, [detection({ metadata: '{"a":1}' })]));
  assert.deepEqual(collection, {
    type: 'FeatureCollection',
    features: [
      {
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [11.5754, 48.1371] },
        properties: {
          ...{ timestamp: '2026-11-20T08:30:00.000Z', device_id: 'unit-1', type: 'wifi' },
          ...{ identity: '00:1A:2B:3C:4D:5E', vendor: '=Vendor, "Inc" <x>', name: 'Home', security: 'wpa2' },
          ...{ channel: 6, frequency_mhz: 2437, signal_dbm: -71, altitude: 519.5, accuracy: 4.25 },
          ...{ capabilities: '[WPA2-PSK-CCMP][ESS]', metadata: { a: 1 } },
          ...{ device_time: '2026-11-20T08:30:00.000Z', received_at: '2026-11-20T09:00:00.000Z' },
          clock_quality: 'ok',
        },
      },
    ],
  });
});

test('any detections make a document of as many features, with no control character', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(storedDetection, { maxLength: 8 }), async (rows) => {
      const text = await textOf(writer, rows);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
      assert.doesNotMatch(text, /[\0-\t\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
      const { features } = JSON.parse(text) as { features: { geometry: unknown; properties: object }[] };
      assert.equal(features.length, rows.length);
      for (const [at, { geometry, properties }] of features.entries()) {
        const { position, name, metadata, seq, eventId, ...row } = rows[at] as StoredDetection;
        assert.deepEqual(
          geometry,
          position && { type: 'Point', coordinates: [position.lon, position.lat].map((value) => value + 0) },
        );
        const told = { name, seq, event_id: eventId, altitude: position?.altitude ?? null };
        for (const [key, value] of Object.entries(told)) {
          assert.deepEqual((properties as Record<string, unknown>)[key] ?? null, value);
        }
        assert.equal('metadata' in properties, metadata !== null);
        assert.equal((properties as Record<string, unknown>)['device_id'], row.deviceId);
      }
    }),
    { numRuns: 300 },
  );
});
