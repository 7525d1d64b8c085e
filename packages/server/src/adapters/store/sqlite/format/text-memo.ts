/** Places for texts: of two that fall on one place the newer stays. */
const PLACES = 8192;
/** Bytes of a text that is kept, at most. */
const MOST_BYTES = 64;

/**
 * Makes texts of UTF-8 bytes, and those that come again only once: to compare a few bytes costs less than to make a text, and
 * nothing is left for the garbage collector. Half a megabyte of bytes, and up to a megabyte of texts.
 */
export class TextMemo {
  readonly #texts: string[] = new Array<string>(PLACES).fill('');
  readonly #lengths = new Uint8Array(PLACES);
  readonly #bytes = new Uint8Array(PLACES * MOST_BYTES);

  read(bytes: Buffer, at: number, length: number): string {
    if (length > MOST_BYTES) return bytes.toString('utf8', at, at + length);
    // FNV-1a: G. Fowler, L. C. Noll and K.-P. Vo.
    let hash = 0x811c_9dc5;
    for (let index = at; index < at + length; index++)
      hash = Math.imul(hash ^ (bytes[index] as number), 0x0100_0193);
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    if (this.#holds(place, bytes, at, length)) return this.#texts[place] as string;
    const text = bytes.toString('utf8', at, at + length);
    this.#texts[place] = text;
    this.#lengths[place] = length;
    for (let index = 0; index < length; index++)
      this.#bytes[place * MOST_BYTES + index] = bytes[at + index] as number;
    return text;
  }

  #holds(place: number, bytes: Buffer, at: number, length: number): boolean {
    if (this.#lengths[place] !== length) return false;
    const kept = place * MOST_BYTES;
    for (let index = 0; index < length; index++)
      if (this.#bytes[kept + index] !== bytes[at + index]) return false;
    return true;
  }
}
