import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { arrowWriter } from '../../src/export/table/arrow.ts';
import type { Column } from '../../src/export/table/column.ts';
import { detectionColumns } from '../../src/export/table/detection-columns.ts';
import { networkColumns } from '../../src/export/table/network-columns.ts';
import { storedDetection } from './arbitrary-detection.ts';
import { networkRecord } from './arbitrary-network.ts';
import { bytesOf, context, detection, inBatches } from './write-all.ts';

/** A stream as the library reads it, 64-bit integers as numbers. */
function columnsOf(bytes: Uint8Array): Record<string, unknown[]> {
  const table = tableFromIPC(bytes);
  return Object.fromEntries(
    table.schema.fields.map(({ name }, at) => [
      name,
      Array.from(table.getChildAt(at) as Iterable<unknown>, (value) =>
        typeof value === 'bigint' ? Number(value) : value,
      ),
    ]),
  );
}

/** The library's reader takes a byte order mark at the start of a text for none of it. */
function wantedOf<T>(columns: readonly Column<T>[], rows: readonly T[]): Record<string, unknown[]> {
  const readable = (value: unknown) => (typeof value === 'string' ? value.replace(/^\ufeff/, '') : value);
  return Object.fromEntries(columns.map(({ name, get }) => [name, rows.map((row) => readable(get(row)))]));
}

test('any rows are read again by apache-arrow, value by value', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(storedDetection, { maxLength: 20 }),
      fc.array(networkRecord, { maxLength: 5 }),
      async (rows, networks) => {
        const read = columnsOf(await bytesOf(arrowWriter(detectionColumns), rows));
        assert.deepEqual(read, wantedOf(detectionColumns(context), rows));
        const others = columnsOf(await bytesOf(arrowWriter(networkColumns), networks));
        assert.deepEqual(others, wantedOf(networkColumns(context), networks));
      },
    ),
    { numRuns: 100 },
  );
});

test('times are timestamps in UTC, and large batches come in parts', async () => {
  const rows = Array.from({ length: 10_000 }, (_, seq) =>
    detection({ seq, epoch: 'e', deviceTime: 7 - seq * 1e9 }),
  );
  const bytes = Buffer.concat(
    await Array.fromAsync(arrowWriter(detectionColumns)(inBatches(rows, 10_000), context)),
  );
  const table = tableFromIPC(bytes);
  const types = table.schema.fields.map(({ name, type }) => `${name} ${type}`);
  assert.ok(types.includes('timestamp Timestamp<MILLISECOND, UTC>'), types.join());
  assert.ok(types.includes('seq Int64') && types.includes('lat Float64') && types.includes('name Utf8'));
  assert.deepEqual(
    table.batches.map(({ numRows }) => numRows),
    [4096, 4096, 1808],
  );
  const times = columnsOf(bytes)['device_time'];
  // Not by deepEqual, which takes minutes to say how ten thousand values differ.
  assert.ok(rows.every(({ deviceTime }, at) => times?.[at] === deviceTime));
});
