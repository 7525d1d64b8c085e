import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOMParser, onWarningStopParsing } from '@xmldom/xmldom';
import { tableFromIPC } from 'apache-arrow';
import { unzipSync } from 'fflate';
import { exportFormats } from '../../src/export/export-formats.ts';
import { bytesOf, context, detection } from './write-all.ts';

test('names are unique, and extensions fit into the name of a file', () => {
  assert.equal(new Set(exportFormats.map(({ name }) => name)).size, exportFormats.length);
  for (const { name, extension, mediaType } of exportFormats) {
    assert.match(name, /^[a-z-]+$/);
    assert.match(extension, /^[a-z.]+$/);
    assert.match(mediaType, /^[a-z]+\/[a-z0-9.+-]+(?:; charset=utf-8)?$/);
  }
});

test('nothing at all is a whole file, too', async () => {
  const check: Readonly<Record<string, (bytes: Buffer) => unknown>> = {
    csv: (bytes) => assert.equal(bytes.toString().split('\r\n').length, 2),
    ndjson: (bytes) => assert.equal(bytes.length, 0),
    geojson: (bytes) => assert.deepEqual(JSON.parse(bytes.toString()).features, []),
    kml: (bytes) => parseXml(bytes.toString()),
    kmz: (bytes) => parseXml(Buffer.from(unzipSync(bytes)['doc.kml'] as Uint8Array).toString()),
    gpx: (bytes) => parseXml(bytes.toString()),
    'wigle-csv': (bytes) => assert.equal(bytes.toString().split('\n').length, 3),
    arrow: (bytes) => assert.ok(tableFromIPC(bytes).schema.fields.length > 10),
  };
  for (const { name, detections, networks } of exportFormats) {
    for (const writer of [detections, networks]) {
      if (writer !== undefined) check[name]?.(await bytesOf<never>(writer as never, []));
    }
  }
  assert.deepEqual(
    exportFormats.map(({ name }) => name),
    Object.keys(check),
  );
});

test('no more rows are taken than the reader of the bytes asks for, and the source is closed with it', async () => {
  const batch = Array.from({ length: 1000 }, (_, at) =>
    detection({ timestamp: at * 400_000, name: `N${at}`, identity: '02:00:00:00:00:01' }),
  );
  for (const { name, detections } of exportFormats) {
    if (detections === undefined) continue;
    let taken = 0;
    let closed = false;
    async function* source() {
      try {
        for (; taken < 100; taken += 1) yield batch;
      } finally {
        closed = true;
      }
    }
    const stream = detections(source(), context);
    const first = await stream.next();
    assert.ok(first.done === false && first.value.length > 0, name);
    assert.ok(taken < 3 || (name === 'kmz' && taken < 5), `${name} took ${taken} batches`);
    await stream.return(undefined);
    assert.ok(closed, name);
  }
});

test('an error of the source is that of the export', async () => {
  async function* source() {
    yield [detection()];
    throw new RangeError('gone');
  }
  for (const { name, detections } of exportFormats) {
    if (detections === undefined) continue;
    await assert.rejects(Array.fromAsync(detections(source(), context)), { message: 'gone' }, name);
  }
});

function parseXml(text: string): void {
  new DOMParser({ onError: onWarningStopParsing }).parseFromString(text, 'text/xml');
}
