/** Grows the arrays of a table of device ids. */
const FIRST_SLOTS = 1024;
const FIRST_BYTES = 16 * 1024;

/**
 * Device ids as bytes, found by hash without making a string: the look-up of 100,000 devices in random order is bound by
 * memory, and this touches two places of it. Ids are ASCII by the protocol's rules.
 */
export class DeviceIndex {
  /** Pairs of hash and number + 1; 0 for a free slot. Open addressing, at most half full. */
  #slots = new Int32Array(FIRST_SLOTS * 2);
  #mask = FIRST_SLOTS - 1;
  /** Per device: where its id lies, as its length and then its bytes. */
  #places = new Uint32Array(FIRST_SLOTS);
  #bytes = Buffer.alloc(FIRST_BYTES);
  #used = 1;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Number of the device whose id is `bytes[at, at + length)`; -1 if it is not known. */
  find(bytes: Uint8Array, at: number, length: number): number {
    const hash = hashOf(bytes, at, length);
    const slots = this.#slots;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const device = (slots[slot * 2 + 1] as number) - 1;
      if (device < 0) return -1;
      if (slots[slot * 2] === hash && this.#equals(device, bytes, at, length)) return device;
    }
  }

  /** The same for any text; what cannot be an id is not known. */
  findText(id: string): number {
    const bytes = Buffer.from(id, 'utf8');
    // Other characters than ASCII take more bytes than units, and no id holds them.
    return bytes.length !== id.length || bytes.length > 255 ? -1 : this.find(bytes, 0, bytes.length);
  }

  #equals(device: number, bytes: Uint8Array, at: number, length: number): boolean {
    const own = this.#bytes;
    const place = this.#places[device] as number;
    if (own[place] !== length) return false;
    for (let index = 0; index < length; index++)
      if (own[place + 1 + index] !== bytes[at + index]) return false;
    return true;
  }

  /** Adds an id that is not there, under a number that is free. */
  add(device: number, bytes: Uint8Array, at: number, length: number): void {
    if ((this.#count + 1) * 4 > this.#slots.length) this.#grow();
    if (device >= this.#places.length) {
      const places = new Uint32Array(Math.max(this.#places.length * 2, device + 1));
      places.set(this.#places);
      this.#places = places;
    }
    if (this.#used + length + 1 > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    }
    this.#places[device] = this.#used;
    this.#bytes[this.#used] = length;
    this.#bytes.set(bytes.subarray(at, at + length), this.#used + 1);
    this.#used += length + 1;
    this.#count += 1;
    this.#insert(hashOf(bytes, at, length), device);
  }

  #insert(hash: number, device: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot * 2] = hash;
    this.#slots[slot * 2 + 1] = device + 1;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    this.#mask = this.#slots.length / 2 - 1;
    for (let slot = 0; slot < before.length; slot += 2) {
      if (before[slot + 1] !== 0) this.#insert(before[slot] as number, (before[slot + 1] as number) - 1);
    }
  }

  /** An id as it is stored: its length, then its bytes. Not a copy: valid until the next {@link add}. */
  stored(device: number): Uint8Array {
    const place = this.#places[device] as number;
    return this.#bytes.subarray(place, place + 1 + (this.#bytes[place] as number));
  }

  id(device: number): string {
    const place = this.#places[device] as number;
    return this.#bytes.toString('latin1', place + 1, place + 1 + (this.#bytes[place] as number));
  }
}

/** FNV-1a with a final mix; the slots, not the ids, are what it has to spread. */
function hashOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let index = at; index < at + length; index++)
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
