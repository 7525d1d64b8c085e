/** Longest text that is kept, in bytes; names and the lists of what a network can do are shorter. */
const maxLength = 64;

/** How many texts are kept, a power of two: the networks that are heard within some minutes. */
const placeCount = 1024;

/**
 * Texts that were read lately, each at the place that its bytes tell. A scanner hears the same networks again and again, so that most
 * fields say what one of the rows before said; to find that text by its bytes costs less than making it anew, and makes no garbage.
 * Keeps up to 1,024 texts of at most 64 bytes, and only such of ASCII.
 */
export class KnownTexts {
  readonly #texts: string[] = new Array(placeCount).fill('');
  /** The bytes of the texts, since those of a string are slow to get at. */
  readonly #memory = Buffer.alloc(placeCount * maxLength);
  readonly #bytes = new DataView(this.#memory.buffer, this.#memory.byteOffset);
  readonly #lengths = new Uint8Array(placeCount);

  /** The text at a place. */
  at(place: number): string {
    return this.#texts[place] as string;
  }

  /** Reads a text of UTF-8 and keeps it. @returns its place; -1 where texts like it are not kept */
  place(bytes: DataView, from: number, to: number): number {
    if (to - from > maxLength) return -1;
    let hash = to - from;
    let all = 0;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      const word = bytes.getInt32(at, true);
      all |= word;
      hash = Math.imul(hash ^ word, 0x9e_37_79_b1);
      hash ^= hash >>> 15;
    }
    for (; at < to; at += 1) {
      const byte = bytes.getInt8(at);
      all |= byte;
      hash = Math.imul(hash ^ byte, 0x9e_37_79_b1);
    }
    if ((all & 0x80_80_80_80) !== 0) return -1;
    const place = (hash ^ (hash >>> 15)) & (placeCount - 1);
    if (!this.is(place, bytes, from, to)) this.#keep(place, bytes, from, to);
    return place;
  }

  /** True where the text at a place has these bytes. */
  is(place: number, bytes: DataView, from: number, to: number): boolean {
    if (this.#lengths[place] !== to - from) return false;
    const own = this.#bytes;
    let other = place * maxLength;
    let at = from;
    for (; at + 4 <= to; at += 4) {
      if (bytes.getInt32(at, true) !== own.getInt32(other, true)) return false;
      other += 4;
    }
    for (; at < to; at += 1) {
      if (bytes.getInt8(at) !== own.getInt8(other)) return false;
      other += 1;
    }
    return true;
  }

  #keep(place: number, bytes: DataView, from: number, to: number): void {
    const first = place * maxLength;
    for (let at = from; at < to; at += 1) this.#bytes.setInt8(first + at - from, bytes.getInt8(at));
    this.#lengths[place] = to - from;
    this.#texts[place] = this.#memory.toString('latin1', first, first + to - from);
  }
}
