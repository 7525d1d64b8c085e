/*
 * The binary format of COPY (PostgreSQL manual, "COPY", section "Binary Format"): a header, rows of a count of fields and each
 * field with its length before it, and -1 where the next count would be. Numbers are big-endian.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** What a COPY begins with: the signature, flags, and the length of an extension, which is empty. */
export const COPY_HEADER = Buffer.concat([SIGNATURE, Buffer.alloc(8)]);

/** In the place of the count of fields: there are no more rows. */
export const END = -1;

/** In the place of the length of a field: it is null. */
export const NONE = -1;

/** Passes the header, which comes with the first row. */
export class CopyHeader {
  #passed = false;

  /** @returns where the rows of this message begin. @throws {TypeError} where the first message has no header */
  skip(bytes: Buffer, view: DataView, from: number, to: number): number {
    if (this.#passed) return from;
    const data = from + COPY_HEADER.length;
    if (data > to || bytes.compare(SIGNATURE, 0, SIGNATURE.length, from, from + SIGNATURE.length) !== 0)
      throw new TypeError('the database sent no header of a COPY');
    this.#passed = true;
    return data + view.getUint32(data - 4);
  }
}
