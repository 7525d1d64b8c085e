import { writeBigint } from './binary-bigint.ts';
import { writeMicroseconds, writeMilliseconds } from './binary-time.ts';
import { COPY_HEADER, END, NONE } from './copy-format.ts';

const FIRST_CAPACITY = 65_536;

/** What rows were written into before, if it is not larger than {@link MAX_SPARE}: new memory for each commit keeps the collector busy. */
let spare: Buffer | undefined;
const MAX_SPARE = 4_194_304;

/** Rows on their way into a table. Each `row` is followed by as many fields as it says. */
export class CopyRows {
  #bytes: Buffer;
  #view: DataView;
  #at: number;
  #count = 0;

  constructor() {
    this.#bytes = spare ?? Buffer.allocUnsafe(FIRST_CAPACITY);
    spare = undefined;
    this.#view = viewOf(this.#bytes);
    this.#at = COPY_HEADER.copy(this.#bytes);
  }

  get count(): number {
    return this.#count;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }

  row(fields: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#at, fields);
    this.#at += 2;
    this.#count += 1;
  }

  none(): void {
    this.#reserve(4);
    this.#view.setInt32(this.#at, NONE);
    this.#at += 4;
  }

  /** Makes room for a field. @returns where its bytes begin */
  #field(size: number): number {
    this.#reserve(4 + size);
    this.#view.setInt32(this.#at, size);
    const at = this.#at + 4;
    this.#at = at + size;
    return at;
  }

  smallint(value: number): void {
    const at = this.#field(2);
    this.#view.setInt16(at, value);
  }

  integer(value: number): void {
    const at = this.#field(4);
    this.#view.setInt32(at, value);
  }

  /** A whole number that a double holds; null for none. */
  bigint(value: number | null): void {
    if (value === null) {
      this.none();
      return;
    }
    const at = this.#field(8);
    writeBigint(this.#view, at, value);
  }

  double(value: number | null): void {
    if (value === null) {
      this.none();
      return;
    }
    const at = this.#field(8);
    this.#view.setFloat64(at, value);
  }

  /** A `timestamptz`, given as whole epoch milliseconds. */
  time(ms: number | null): void {
    if (ms === null) {
      this.none();
      return;
    }
    const at = this.#field(8);
    writeMilliseconds(this.#view, at, ms);
  }

  /** A `timestamptz`, given as epoch microseconds. */
  microseconds(time: number): void {
    const at = this.#field(8);
    writeMicroseconds(this.#view, at, time);
  }

  text(value: string | null): void {
    if (value === null) {
      this.none();
      return;
    }
    this.#reserve(4 + value.length * 3);
    const length = this.#bytes.write(value, this.#at + 4, 'utf8');
    this.#view.setInt32(this.#at, length);
    this.#at += 4 + length;
  }

  /** 16 bytes, given as 32 hexadecimal digits. */
  uuid(digits: string | null): void {
    if (digits === null) {
      this.none();
      return;
    }
    const at = this.#field(16);
    this.#bytes.write(digits, at, 'hex');
  }

  bytes(value: Uint8Array): void {
    const at = this.#field(value.length);
    this.#bytes.set(value, at);
  }

  /** All that was written; nothing may be added afterwards. */
  end(): Buffer {
    this.#reserve(2);
    this.#view.setInt16(this.#at, END);
    this.#at += 2;
    if (this.#bytes.length > MAX_SPARE) return this.#bytes.subarray(0, this.#at);
    const written = Buffer.from(this.#bytes.subarray(0, this.#at));
    spare = this.#bytes;
    return written;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
