/** Largest magnitude that {@link ByteWriter.signed} writes as a varint; beyond it a double follows a zero byte. */
const SIGNED_VARINT_LIMIT = 2 ** 50;

/** Growing little-endian byte sink. Integers are LEB128 varints, signed ones zigzag. */
export class ByteWriter {
  bytes: Buffer;
  at = 0;
  #view: DataView;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, capacity);
  }

  /** Continues in `bytes` from its start. */
  static over(bytes: Buffer): ByteWriter {
    const writer = new ByteWriter(0);
    writer.bytes = bytes;
    writer.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return writer;
  }

  /** Makes room for `more` bytes. Every method but the `u8`…`f64` family calls it. */
  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more, 256));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }

  u8(value: number): void {
    this.bytes[this.at++] = value;
  }

  u16(value: number): void {
    this.#view.setUint16(this.at, value, true);
    this.at += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  f64(value: number): void {
    this.#view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  /** Unsigned integer up to 2^53 - 1; at most 8 bytes. */
  varint(value: number): void {
    this.reserve(9);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.at++] = rest >= 0x8000_0000 ? (rest % 0x80) | 0x80 : (rest & 0x7f) | 0x80;
      rest = rest >= 0x8000_0000 ? Math.floor(rest / 0x80) : rest >>> 7;
    }
    this.bytes[this.at++] = rest;
  }

  /** Any integer that a double holds exactly. */
  signed(value: number): void {
    if (value < SIGNED_VARINT_LIMIT && value > -SIGNED_VARINT_LIMIT) {
      this.varint(value >= 0 ? value * 2 + 1 : -value * 2);
      return;
    }
    this.varint(0);
    this.reserve(8);
    this.f64(value);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Text with its UTF-8 length before it as a varint. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.reserve(length);
    this.at += this.bytes.write(value, this.at, length, 'utf8');
  }

  /** ASCII text of at most 255 characters with its length before it as one byte. */
  ascii(value: string): void {
    this.reserve(value.length + 1);
    this.bytes[this.at++] = value.length;
    this.at += this.bytes.write(value, this.at, value.length, 'latin1');
  }

  /** What was written, without a copy: valid until the next write. */
  written(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}

/** Reads what {@link ByteWriter} wrote. Bounds are the caller's: use it on checked bytes only. */
export class ByteReader {
  bytes: Buffer;
  at: number;
  #view: DataView;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.bytes[this.at++] as number;
  }

  u16(): number {
    const value = this.#view.getUint16(this.at, true);
    this.at += 2;
    return value;
  }

  /** The byte at a place, without reading on. */
  u8At(at: number): number {
    return this.bytes[at] as number;
  }

  /** The same for two bytes. */
  u16At(at: number): number {
    return this.#view.getUint16(at, true);
  }

  u32(): number {
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  f64(): number {
    const value = this.#view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++] as number;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = bytes[this.at++] as number;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  signed(): number {
    const code = this.varint();
    if (code === 0) return this.f64();
    return code % 2 === 1 ? (code - 1) / 2 : -code / 2;
  }

  raw(length: number): Buffer {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    const length = this.varint();
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }

  ascii(): string {
    const length = this.bytes[this.at++] as number;
    this.at += length;
    return this.bytes.toString('latin1', this.at - length, this.at);
  }
}

/**
 * Gives the memory behind views back now. Left to the garbage collector, which sees only the small object before it, tens
 * of megabytes would pile up under load. The views are empty afterwards.
 */
export function freeBytes(...views: readonly ArrayBufferView[]): void {
  for (const { buffer } of views) if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
