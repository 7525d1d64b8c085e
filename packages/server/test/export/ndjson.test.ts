import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDetection, parseJsonDocument } from '@pisync/protocol';
import fc from 'fast-check';
import { detectionBody, detectionIdentityHash } from '../../src/core/detections/detection-identity.ts';
import { detectionLines, networkLines } from '../../src/export/ndjson.ts';
import type { StoredDetection } from '../../src/ports/detection-store.ts';
import { storedDetection } from './arbitrary-detection.ts';
import { networkRecord } from './arbitrary-network.ts';
import { bytesOf, detection, textOf } from './write-all.ts';

const linesOf = (text: string) => text.split('\n').slice(0, -1);

/** What a device would have sent of it. */
function observation(stored: StoredDetection) {
  const {
    receivedAt: _receivedAt,
    timestamp: _timestamp,
    clockQuality: _clockQuality,
    ordinal: _ordinal,
    ...sent
  } = stored;
  return { ...sent, sentAt: null };
}

test('a line has the names of the wire, without what the server added', async () => {
  const line = await textOf(detectionLines, [detection({ metadata: '{"a":[1]}', seq: 7, epoch: 'boot' })]);
  assert.deepEqual(JSON.parse(line), {
    ...{ device_id: 'unit-1', type: 'wifi', identity: '00:1A:2B:3C:4D:5E', name: 'Home', security: 'wpa2' },
    ...{ timestamp: '2026-11-20T08:30:00.000Z', channel: 6, frequency_mhz: 2437, signal_dbm: -71 },
    ...{ capabilities: '[WPA2-PSK-CCMP][ESS]', metadata: { a: [1] }, epoch: 'boot', seq: 7 },
    position: { lat: 48.1371, lon: 11.5754, altitude: 519.5, accuracy: 4.25 },
  });
});

test('any detection that is posted again is the same one: a duplicate', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(storedDetection, { maxLength: 6 }), async (rows) => {
      const lines = linesOf(await textOf(detectionLines, rows));
      assert.equal(lines.length, rows.length);
      for (const [at, line] of lines.entries()) {
        const parsed = parseJsonDocument(Buffer.from(line), { maxDepth: 32 });
        assert.ok(parsed.ok, line);
        const decoded = decodeDetection(parsed.value);
        assert.ok(decoded.ok, line);
        const kept = rows[at] as StoredDetection;
        assert.deepEqual(decoded.detection, observation(kept));
        assert.equal(detectionBody(decoded.detection), detectionBody(kept));
        assert.deepEqual(detectionIdentityHash(decoded.detection), detectionIdentityHash(kept));
      }
    }),
    { numRuns: 500 },
  );
});

test('a line holds no control character', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(storedDetection, { maxLength: 3 }),
      fc.array(networkRecord, { maxLength: 3 }),
      async (rows, networks) => {
        const text = (await textOf(detectionLines, rows)) + (await textOf(networkLines, networks));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
        assert.doesNotMatch(text, /[\0-\t\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
      },
    ),
    { numRuns: 300 },
  );
});

test('any network is read as it was written', async () => {
  await fc.assert(
    fc.asyncProperty(networkRecord, async (network) => {
      const { strongest } = network;
      const view = JSON.parse((await bytesOf(networkLines, [network])).toString());
      const place = strongest === null || strongest.lat === null || strongest.lon === null ? null : strongest;
      assert.deepEqual(view, {
        id: `${network.type}:${network.identity}`,
        ...{ type: network.type, identity: network.identity, name: network.name, security: network.security },
        vendor: network.identity.startsWith('00:1A') ? '=Vendor, "Inc" <x>' : null,
        ...{ channel: network.channel, frequency_mhz: network.frequencyMhz, detections: network.detections },
        first_seen_at: new Date(network.firstSeenAt).toISOString(),
        last_seen_at: new Date(network.lastSeenAt).toISOString(),
        strongest: strongest && {
          signal_dbm: strongest.signalDbm,
          position: place && { lat: place.lat, lon: place.lon },
        },
        position: network.position,
      });
    }),
    { numRuns: 300 },
  );
});
