import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csvWriter } from '../../src/export/table/csv.ts';
import { detectionColumns } from '../../src/export/table/detection-columns.ts';
import { networkColumns } from '../../src/export/table/network-columns.ts';
import { storedDetection } from './arbitrary-detection.ts';
import { networkRecord } from './arbitrary-network.ts';
import { readCsv, undoPlainText } from './read-csv.ts';
import { context, detection, textOf } from './write-all.ts';

const detections = csvWriter(detectionColumns);
const networks = csvWriter(networkColumns);

/** A table as its columns tell it, with texts as CSV can hold them. */
function tableOf<T>(columns: ReturnType<typeof detectionColumns>, rows: readonly T[]): string[][] {
  return rows.map((row) =>
    columns.map(({ kind, get }) => {
      const value = get(row as never);
      if (value === null) return '';
      if (kind === 'time') return new Date(value).toISOString();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what CSV cannot hold
      return String(value).replace(/[\0-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd');
    }),
  );
}

test('a row says all that is known, in the order of the header', async () => {
  const [header, row, ...rest] = readCsv(await textOf(detections, [detection({ name: 'Home, "sweet"' })]));
  assert.equal(
    header?.join(),
    'timestamp,device_id,type,identity,vendor,name,security,channel,frequency_mhz,signal_dbm,lat,lon,altitude,accuracy,' +
      'heading,speed,capabilities,metadata,device_time,received_at,clock_quality,epoch,seq,event_id',
  );
  assert.deepEqual(rest, []);
  assert.deepEqual(row, [
    ...['2026-11-20T08:30:00.000Z', 'unit-1', 'wifi', '00:1A:2B:3C:4D:5E', '\'=Vendor, "Inc" <x>'],
    ...['Home, "sweet"', 'wpa2', '6', '2437', '-71', '48.1371', '11.5754', '519.5', '4.25', '', ''],
    ...['[WPA2-PSK-CCMP][ESS]', '', '2026-11-20T08:30:00.000Z', '2026-11-20T09:00:00.000Z', 'ok', '', '', ''],
  ]);
});

test('any rows are read as they were written by the grammar of RFC 4180', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(storedDetection, { maxLength: 8 }), async (rows) => {
      const [, ...read] = readCsv(await textOf(detections, rows));
      assert.deepEqual(
        read.map((row) => row.map(undoPlainText)),
        tableOf(detectionColumns(context), rows),
      );
    }),
    { numRuns: 300 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(networkRecord, { maxLength: 8 }), async (rows) => {
      const [, ...read] = readCsv(await textOf(networks, rows));
      assert.deepEqual(
        read.map((row) => row.map(undoPlainText)),
        tableOf(networkColumns(context) as never, rows),
      );
    }),
    { numRuns: 200 },
  );
});

test('no field starts like a formula, but numbers', async () => {
  const starts = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
  for (const start of starts) {
    const own = { name: `${start}1+1`, capabilities: `${start}x`, eventId: `${start}y`, epoch: '-z', seq: 1 };
    const [, row] = readCsv(await textOf(detections, [detection(own)]));
    const fields = row?.filter((field) => starts.some((each) => field.startsWith(each)));
    assert.deepEqual(fields, ['-71'], JSON.stringify(start));
  }
});

test('no control character but tabs and the ends of lines', async () => {
  const all = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join('');
  const text = await textOf(detections, [detection({ name: all, capabilities: `x${all}` })]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
  assert.doesNotMatch(text, /[\0-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
  assert.match(text, /"x\ufffd{9}\t\n\ufffd\ufffd\r\ufffd{18} !""#/);
});
