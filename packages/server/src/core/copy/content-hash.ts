const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/**
 * Two hashes of 32 bits that take words one after the other: multiply and rotate as in MurmurHash3 (Austin Appleby), with
 * other constants for each. They tell copies apart that a fault has changed, not forgeries.
 */
export class ContentHash {
  first = 0;
  second = 0;

  begin(): void {
    this.first = 0x2545f491;
    this.second = 0x7f4a7c15;
  }

  word(value: number): void {
    let mixed = Math.imul(value, 0xcc9e2d51);
    mixed = (mixed << 15) | (mixed >>> 17);
    let hash = this.first ^ Math.imul(mixed, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    this.first = (Math.imul(hash, 5) + 0xe6546b64) | 0;
    mixed = Math.imul(value ^ this.first, 0x239b961b);
    hash = this.second ^ ((mixed << 17) | (mixed >>> 15));
    hash = (hash << 11) | (hash >>> 21);
    this.second = (Math.imul(hash, 5) + 0x561ccd1b) | 0;
  }

  /** Any number bit for bit; null as a word that no number begins with. */
  number(value: number | null): void {
    if (value === null) {
      this.word(0x7ff80001);
      return;
    }
    if (Number.isNaN(value)) {
      this.word(0x7ff80003);
      return;
    }
    // Most are small integers: one word says them.
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.word(1);
      this.word(value);
      return;
    }
    float[0] = value;
    this.word(2);
    this.word(words[0] as number);
    this.word(words[1] as number);
  }

  text(value: string | null): void {
    if (value === null) {
      this.word(0x7ff80002);
      return;
    }
    this.word(value.length);
    for (let at = 0; at < value.length; at += 2) {
      this.word(value.charCodeAt(at) | ((value.charCodeAt(at + 1) || 0) << 16));
    }
  }

  end(): void {
    this.first = finish(this.first);
    this.second = finish(this.second ^ this.first);
  }

  /** Sixteen digits of both. */
  get digits(): string {
    return digitsOf([this.first, this.second]);
  }
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Words as eight digits each. */
export function digitsOf(both: Iterable<number>): string {
  return [...both].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
