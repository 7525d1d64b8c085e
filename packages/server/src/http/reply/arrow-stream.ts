import type { Data, DataType, RecordBatchStreamWriter, Schema } from 'apache-arrow';

/** Media type of Arrow IPC streams. */
export const ARROW_TYPE = 'application/vnd.apache.arrow.stream';

/** Rows of one record batch at most. */
export const ARROW_BATCH_ROWS = 65_536;

const TWO_32 = 2 ** 32;

/** Smaller parts of a batch are put together. */
const LEAST_PIECE = 16_384;

/**
 * Rows of a column: microseconds since the epoch, numbers, 0 or 1 for booleans, or texts. The numbers of `timestamp` and
 * `int64` are written over: they become integers where they lie.
 */
export type ArrowValues =
  | { readonly type: 'timestamp'; readonly values: Float64Array }
  | { readonly type: 'int64'; readonly values: Float64Array }
  | { readonly type: 'float64'; readonly values: Float64Array; readonly valid?: ArrowValidity }
  | { readonly type: 'bool'; readonly values: Float64Array; readonly valid?: ArrowValidity }
  | { readonly type: 'utf8'; readonly texts: readonly (string | null)[] };

/** Which rows of a column have a value. */
type ArrowValidity = (row: number) => boolean;

export interface ArrowColumn {
  readonly name: string;
  readonly type: ArrowValues['type'];
  readonly nullable: boolean;
}

/**
 * Makes an Arrow IPC stream (https://arrow.apache.org/docs/format/Columnar.html) piece by piece. The library is loaded
 * by the first stream.
 */
export class ArrowStream {
  readonly #arrow: typeof import('apache-arrow');
  readonly #schema: Schema;
  readonly #writer: RecordBatchStreamWriter;
  #parts: Uint8Array[] = [];

  private constructor(
    arrow: typeof import('apache-arrow'),
    columns: readonly ArrowColumn[],
    metadata: ReadonlyMap<string, string>,
  ) {
    this.#arrow = arrow;
    const { AsyncByteQueue, Field, RecordBatchStreamWriter, Schema } = arrow;
    const fields = columns.map(({ name, type, nullable }) => new Field(name, typeOf(arrow, type), nullable));
    this.#schema = new Schema(fields, new Map(metadata));
    this.#writer = new RecordBatchStreamWriter({ autoDestroy: false });
    // Its own queue has no bound: bytes are taken from here after each batch instead.
    const sink = Object.assign(new AsyncByteQueue(), {
      write: (chunk: Uint8Array): void => void this.#parts.push(chunk),
    });
    this.#writer.reset(sink, this.#schema);
  }

  static async begin(
    columns: readonly ArrowColumn[],
    metadata: ReadonlyMap<string, string>,
  ): Promise<ArrowStream> {
    return new ArrowStream(await import('apache-arrow'), columns, metadata);
  }

  /**
   * The bytes of one record batch; before the first one those of the schema.
   *
   * @param columns - in their order
   * @returns pieces that follow each other; large columns are among them as they are, without a copy
   */
  batch(rows: number, columns: readonly ArrowValues[]): Uint8Array[] {
    const { makeData, RecordBatch, Struct } = this.#arrow;
    const children = columns.map((column) => dataOf(this.#arrow, rows, column));
    const type = new Struct(this.#schema.fields);
    this.#writer.write(
      new RecordBatch(this.#schema, makeData({ type, length: rows, nullCount: 0, children })),
    );
    return this.#take();
  }

  /** The last bytes; also those of the schema if there was no batch. */
  end(): Uint8Array[] {
    this.#writer.finish();
    return this.#take();
  }

  #take(): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let small: Uint8Array[] = [];
    const join = (): void => {
      if (small.length > 0) pieces.push(Buffer.concat(small));
      small = [];
    };
    for (const part of this.#parts) {
      if (part.length < LEAST_PIECE) {
        small.push(part);
        continue;
      }
      join();
      pieces.push(part);
    }
    join();
    this.#parts = [];
    return pieces;
  }
}

function typeOf(arrow: typeof import('apache-arrow'), type: ArrowValues['type']): DataType {
  switch (type) {
    case 'timestamp':
      return new arrow.TimestampMicrosecond('UTC');
    case 'int64':
      return new arrow.Int64();
    case 'float64':
      return new arrow.Float64();
    case 'bool':
      return new arrow.Bool();
    case 'utf8':
      return new arrow.Utf8();
  }
}

function dataOf(arrow: typeof import('apache-arrow'), length: number, column: ArrowValues): Data {
  const { makeData } = arrow;
  switch (column.type) {
    case 'timestamp':
      return makeData({
        type: new arrow.TimestampMicrosecond('UTC'),
        length,
        nullCount: 0,
        data: wholes(column.values, length),
      });
    case 'int64':
      return makeData({ type: new arrow.Int64(), length, nullCount: 0, data: wholes(column.values, length) });
    case 'float64': {
      const data = column.values.subarray(0, length);
      return makeData({ type: new arrow.Float64(), length, data, ...validity(length, column.valid) });
    }
    case 'bool': {
      const { values } = column;
      const { bits: data } = bitsOf(length, (row) => values[row] === 1);
      return makeData({ type: new arrow.Bool(), length, data, ...validity(length, column.valid) });
    }
    case 'utf8':
      return textData(arrow, length, column.texts);
  }
}

/** Turns whole numbers into 64-bit integers, by halves: a BigInt for each would take ten times as long. */
function wholes(values: Float64Array, length: number): BigInt64Array {
  // Over the numbers themselves: each is read before it is written.
  const halves = new Uint32Array(values.buffer, values.byteOffset, length * 2);
  let base = Number.NaN;
  let high = 0;
  for (let at = 0; at < length; at++) {
    const value = values[at] as number;
    let low = value - base;
    // Neighbours mostly have the upper half in common.
    if (!(low >= 0 && low < TWO_32)) {
      high = Math.floor(value / TWO_32);
      base = high * TWO_32;
      low = value - base;
    }
    halves[at * 2] = low;
    halves[at * 2 + 1] = high;
  }
  return new BigInt64Array(values.buffer, values.byteOffset, length);
}

function validity(
  length: number,
  valid: ArrowValidity | undefined,
): { nullCount: number; nullBitmap?: Uint8Array } {
  if (valid === undefined) return { nullCount: 0 };
  const { bits, set } = bitsOf(length, valid);
  return { nullCount: length - set, nullBitmap: bits };
}

function bitsOf(length: number, isSet: (row: number) => boolean): { bits: Uint8Array; set: number } {
  const bits = new Uint8Array(Math.ceil(length / 8));
  let set = 0;
  for (let row = 0; row < length; row++) {
    if (!isSet(row)) continue;
    bits[row >> 3]! |= 1 << (row & 7);
    set += 1;
  }
  return { bits, set };
}

function textData(
  arrow: typeof import('apache-arrow'),
  length: number,
  texts: readonly (string | null)[],
): Data {
  const bytes = texts.map((text) => Buffer.from(text ?? '', 'utf8'));
  const valueOffsets = new Int32Array(length + 1);
  for (let row = 0; row < length; row++)
    valueOffsets[row + 1] = (valueOffsets[row] as number) + (bytes[row] as Buffer).length;
  const valid = texts.includes(null) ? (row: number) => texts[row] !== null : undefined;
  const data = Buffer.concat(bytes);
  return arrow.makeData({ type: new arrow.Utf8(), length, valueOffsets, data, ...validity(length, valid) });
}
