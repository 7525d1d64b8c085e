/** What there is room for at first. */
const FIRST_SLOTS = 1024;
const FIRST_BYTES = 16 * 1024;

/**
 * Keys as bytes, found by hash without making a string: the look-up of 100,000 devices in random order is bound by
 * memory, and this touches two places of it. A key, such as a device id, has at most 65,535 bytes.
 */
export class KeyIndex {
  /** Pairs of hash and number + 1; 0 for a free slot. Open addressing, at most half full. */
  #slots = new Int32Array(FIRST_SLOTS * 2);
  #mask = FIRST_SLOTS - 1;
  /** Per number: where its key lies, as two bytes of length and then its bytes. */
  #places = new Uint32Array(FIRST_SLOTS);
  #bytes = Buffer.alloc(FIRST_BYTES);
  #used = 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Number of the key `bytes[at, at + length)`; -1 if it is not known. */
  find(bytes: Uint8Array, at: number, length: number): number {
    const hash = hashOf(bytes, at, length);
    const slots = this.#slots;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const number = (slots[slot * 2 + 1] as number) - 1;
      if (number < 0) return -1;
      if (slots[slot * 2] === hash && this.#equals(number, bytes, at, length)) return number;
    }
  }

  /** The same for any text; what cannot be a key is not known. */
  findText(key: string): number {
    const bytes = Buffer.from(key, 'utf8');
    return bytes.length > 0xffff ? -1 : this.find(bytes, 0, bytes.length);
  }

  #equals(number: number, bytes: Uint8Array, at: number, length: number): boolean {
    const own = this.#bytes;
    const place = this.#places[number] as number;
    if (this.#length(place) !== length) return false;
    const start = place + 2;
    let index = 0;
    // Four at once: keys of one hash are nearly always equal, so that all of them are looked at.
    for (; index + 3 < length; index += 4) {
      const differs =
        ((own[start + index] as number) ^ (bytes[at + index] as number)) |
        ((own[start + index + 1] as number) ^ (bytes[at + index + 1] as number)) |
        ((own[start + index + 2] as number) ^ (bytes[at + index + 2] as number)) |
        ((own[start + index + 3] as number) ^ (bytes[at + index + 3] as number));
      if (differs !== 0) return false;
    }
    for (; index < length; index++) if (own[start + index] !== bytes[at + index]) return false;
    return true;
  }

  #length(place: number): number {
    return (this.#bytes[place] as number) | ((this.#bytes[place + 1] as number) << 8);
  }

  /** Adds a key that is not there, under a number that is free. */
  add(number: number, bytes: Uint8Array, at: number, length: number): void {
    if ((this.#count + 1) * 4 > this.#slots.length) this.#grow();
    if (number >= this.#places.length) {
      const places = new Uint32Array(Math.max(this.#places.length * 2, number + 1));
      places.set(this.#places);
      this.#places = places;
    }
    if (this.#used + length + 2 > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(Math.max(this.#bytes.length, length + 2))]);
    }
    this.#places[number] = this.#used;
    this.#bytes[this.#used] = length & 0xff;
    this.#bytes[this.#used + 1] = length >>> 8;
    this.#bytes.set(bytes.subarray(at, at + length), this.#used + 2);
    this.#used += length + 2;
    this.#count += 1;
    this.#insert(hashOf(bytes, at, length), number);
  }

  #insert(hash: number, number: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot * 2] = hash;
    this.#slots[slot * 2 + 1] = number + 1;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    this.#mask = this.#slots.length / 2 - 1;
    for (let slot = 0; slot < before.length; slot += 2) {
      if (before[slot + 1] !== 0) this.#insert(before[slot] as number, (before[slot + 1] as number) - 1);
    }
  }

  /** The bytes of a key. Not a copy: valid until the next {@link add}. */
  key(number: number): Uint8Array {
    const place = this.#places[number] as number;
    return this.#bytes.subarray(place + 2, place + 2 + this.#length(place));
  }

  /** A key that is ASCII, as text. */
  id(number: number): string {
    const place = this.#places[number] as number;
    return this.#bytes.toString('latin1', place + 2, place + 2 + this.#length(place));
  }
}

/** Four bytes a step, each multiplied and mixed as MurmurHash3 finishes; the slots, not the keys, are what it has to spread. */
function hashOf(bytes: Uint8Array, at: number, length: number): number {
  const end = at + length;
  let hash = 0x811c9dc5 ^ length;
  let index = at;
  for (; index + 3 < end; index += 4) {
    const word =
      (bytes[index] as number) |
      ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) |
      ((bytes[index + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  for (; index < end; index++) hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
