/** Bits per identity and probes: about 0.8 % of foreign identities pass. */
const BITS_PER_IDENTITY = 10;
const PROBES = 7;

/**
 * A Bloom filter over the 64-bit identity hashes of one sealed run (Kirsch and Mitzenmacher's double hashing). It says
 * "never seen" for certain, so that a new event from a device that cannot count costs no look-up in sealed history.
 */
export class IdentityFilter {
  readonly bytes: Uint8Array;
  readonly #bits: number;

  /** @param bytes - as {@link IdentityFilter.bytes} of a filter that was kept */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#bits = bytes.length * 8;
  }

  /** An empty filter for so many identities. */
  static for(identities: number): IdentityFilter {
    return new IdentityFilter(new Uint8Array(Math.max(8, Math.ceil((identities * BITS_PER_IDENTITY) / 8))));
  }

  add(high: number, low: number): void {
    const step = stepOf(low);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (high + probe * step) % this.#bits;
      this.bytes[bit >>> 3]! |= 1 << (bit & 7);
    }
  }

  mayHold(high: number, low: number): boolean {
    const step = stepOf(low);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (high + probe * step) % this.#bits;
      if (((this.bytes[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

/** An odd step from an unsigned number; bitwise "or" alone would make it signed. */
function stepOf(low: number): number {
  return (low | 1) >>> 0;
}
