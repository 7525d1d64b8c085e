/** Begins every binary COPY; PostgreSQL manual, "COPY", section "Binary Format". Flags and an extension, which is empty, follow. */
export const COPY_SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** Bytes of a header without an extension. */
export const COPY_HEADER = COPY_SIGNATURE.length + 8;

/** Passes the header, which comes with the first row. */
export class CopyHeader {
  #passed = false;

  /** @returns where the rows of this message begin. @throws {TypeError} where the first message has no header */
  skip(bytes: Buffer, view: DataView, from: number, to: number): number {
    if (this.#passed) return from;
    const data = from + COPY_HEADER;
    if (
      data > to ||
      bytes.compare(COPY_SIGNATURE, 0, COPY_SIGNATURE.length, from, from + COPY_SIGNATURE.length) !== 0
    )
      throw new TypeError('the database sent no header of a COPY');
    this.#passed = true;
    return data + view.getUint32(data - 4);
  }
}
