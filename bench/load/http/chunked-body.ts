const lf = 10;
/** A size in hexadecimal digits, with its line end; extensions of chunks are used by nobody. */
const maxLineBytes = 64;

/**
 * Joins the chunks of one body as they arrive. Each byte is copied once into memory that is kept for the next body, so
 * that a body of many megabytes costs the measured program next to nothing.
 */
export class ChunkedBody {
  #store = Buffer.allocUnsafeSlow(65_536);
  #filled = 0;
  /** Bytes of the chunk at hand that are still to come, its line end not counted. */
  #left = 0;
  /** What stands between two chunks and is not complete: the end of one, the size of the next. */
  #line = '';
  #last = false;

  /** To be called before the first bytes of a body. */
  begin(): void {
    this.#filled = 0;
    this.#left = 0;
    this.#line = '';
    this.#last = false;
  }

  /** The whole body, once `push` returned true; valid until the next {@link begin}. */
  get body(): Buffer {
    return this.#store.subarray(0, this.#filled);
  }

  /**
   * Takes bytes; true when they completed the body.
   *
   * @throws {Error} where they are no chunks, or go on behind the last one
   */
  push(data: Buffer): boolean {
    let at = 0;
    while (at < data.length) {
      if (this.#left > 0) {
        const end = Math.min(at + this.#left, data.length);
        this.#keep(data.subarray(at, end));
        this.#left -= end - at;
        at = end;
        continue;
      }
      const end = data.indexOf(lf, at);
      const to = end < 0 ? data.length : end + 1;
      this.#line += data.toString('latin1', at, to);
      if (this.#line.length > maxLineBytes) throw new Error('a broken chunked response');
      at = to;
      if (end >= 0 && this.#endLine()) {
        if (at < data.length) throw new Error('more bytes than one response');
        return true;
      }
    }
    return false;
  }

  /** Reads a complete line between chunks; true for the empty one behind the last chunk. */
  #endLine(): boolean {
    const text = this.#line.trim();
    this.#line = '';
    if (text === '') return this.#last;
    const size = /^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
    if (this.#last || !(size >= 0)) throw new Error('a broken chunked response');
    this.#last = size === 0;
    this.#left = size;
    return false;
  }

  #keep(bytes: Buffer): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#store.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#store.length * 2));
      this.#store.copy(larger, 0, 0, this.#filled);
      this.#store = larger;
    }
    bytes.copy(this.#store, this.#filled);
    this.#filled = needed;
  }
}
