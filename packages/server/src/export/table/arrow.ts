import type { Data, Field } from 'apache-arrow';
import type { ExportContext, ExportWriter } from '../export-format.ts';
import { type Column, isText } from './column.ts';

type Arrow = typeof import('apache-arrow');

/** Rows of one record batch. */
const batchRows = 4096;

/**
 * An Arrow IPC stream: texts as `utf8`, numbers as `float64`, whole numbers as `int64`, times as `timestamp[ms, UTC]`, JSON as `utf8`;
 * all may be null. The library is loaded when the first export begins.
 */
export function arrowWriter<T>(columnsOf: (context: ExportContext) => readonly Column<T>[]): ExportWriter<T> {
  return async function* write(batches, context) {
    const arrow = await import('apache-arrow');
    const columns = columnsOf(context);
    const schema = new arrow.Schema(columns.map((column) => fieldOf(arrow, column)));
    const bytes = collector(arrow);
    const writer = new arrow.RecordBatchStreamWriter();
    writer.reset(bytes, schema);
    for await (const batch of batches) {
      for (let from = 0; from < batch.length; from += batchRows) {
        const rows = batch.slice(from, from + batchRows);
        const children = columns.map((column) => dataOf(arrow, column, rows));
        const type = new arrow.Struct(schema.fields);
        const data = arrow.makeData({ type, length: rows.length, nullCount: 0, children });
        writer.write(new arrow.RecordBatch(schema, data));
        yield bytes.take();
      }
    }
    writer.finish();
    yield bytes.take();
  };
}

/** Takes what a writer writes, at once: the library's own queue would have to be awaited piece by piece. */
function collector(arrow: Arrow) {
  return new (class extends arrow.AsyncByteQueue {
    #pieces: Uint8Array[] = [];

    override write(piece: Uint8Array): void {
      this.#pieces.push(piece);
    }

    take(): Uint8Array {
      const bytes = Buffer.concat(this.#pieces);
      this.#pieces = [];
      return bytes;
    }
  })();
}

function fieldOf<T>(arrow: Arrow, { name, kind }: Column<T>): Field {
  switch (kind) {
    case 'text':
    case 'json':
      return new arrow.Field(name, new arrow.Utf8(), true);
    case 'number':
      return new arrow.Field(name, new arrow.Float64(), true);
    case 'integer':
      return new arrow.Field(name, new arrow.Int64(), true);
    case 'time':
      return new arrow.Field(name, new arrow.TimestampMillisecond('UTC'), true);
  }
}

function dataOf<T>(arrow: Arrow, column: Column<T>, rows: readonly T[]): Data {
  const { length } = rows;
  if (isText(column)) {
    const texts = rows.map(column.get);
    return arrow.makeData({ type: new arrow.Utf8(), length, ...nullsOf(texts), ...utf8Of(texts) });
  }
  const values = rows.map(column.get);
  const nulls = nullsOf(values);
  if (column.kind === 'number') {
    const data = Float64Array.from(values, (value) => value ?? 0);
    return arrow.makeData({ type: new arrow.Float64(), length, ...nulls, data });
  }
  const whole = { length, ...nulls, data: int64Of(values) };
  return column.kind === 'integer'
    ? arrow.makeData({ type: new arrow.Int64(), ...whole })
    : arrow.makeData({ type: new arrow.TimestampMillisecond('UTC'), ...whole });
}

/** Validity as Arrow keeps it: one bit for each value, the lowest first. */
function nullsOf(values: readonly unknown[]): { nullCount: number; nullBitmap: Uint8Array } {
  const nullBitmap = new Uint8Array((values.length + 7) >> 3);
  let nullCount = 0;
  for (let at = 0; at < values.length; at += 1) {
    if (values[at] === null) nullCount += 1;
    else (nullBitmap[at >> 3] as number) |= 1 << (at & 7);
  }
  return { nullCount, nullBitmap };
}

function utf8Of(texts: readonly (string | null)[]): { valueOffsets: Int32Array; data: Uint8Array } {
  const data = Buffer.from(texts.join(''));
  const valueOffsets = new Int32Array(texts.length + 1);
  let units = 0;
  for (const [at, text] of texts.entries()) {
    units += text?.length ?? 0;
    valueOffsets[at + 1] = units;
  }
  if (units === data.length) return { valueOffsets, data };
  let bytes = 0;
  for (const [at, text] of texts.entries()) {
    bytes += text === null ? 0 : Buffer.byteLength(text);
    valueOffsets[at + 1] = bytes;
  }
  return { valueOffsets, data };
}

/** Whole numbers below 2^53 as 64 bits, in two halves: a BigInt for each would cost more than all the rest. */
function int64Of(values: readonly (number | null)[]): BigInt64Array {
  const data = new BigInt64Array(values.length);
  const halves = new Uint32Array(data.buffer);
  const low = isLittleEndian ? 0 : 1;
  for (const [at, value] of values.entries()) {
    if (value === null) continue;
    const high = Math.floor(value / 2 ** 32);
    halves[2 * at + low] = value - high * 2 ** 32;
    halves[2 * at + 1 - low] = high;
  }
  return data;
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
