import { hash } from 'node:crypto';

/** Words of 32 bits that a SHA-256 has. */
const WORDS = 8;

/**
 * What a set of items comes to, whatever their order: how many there are, and the sum of the SHA-256 of their texts, each of the
 * eight words by itself modulo 2^32. Unlike exclusive or, a sum tells one item from the same three times.
 */
export class DigestSum {
  count = 0;
  readonly #words = new Uint32Array(WORDS);

  /** @param text - the whole item, canonical: equal texts are equal items */
  add(text: string): void {
    const digest = hash('sha256', text, 'binary');
    for (let word = 0; word < WORDS; word++) {
      const at = word * 4;
      const value =
        (digest.charCodeAt(at) << 24) |
        (digest.charCodeAt(at + 1) << 16) |
        (digest.charCodeAt(at + 2) << 8) |
        digest.charCodeAt(at + 3);
      this.#words[word] = (this.#words[word] as number) + value;
    }
    this.count += 1;
  }

  /** 64 hexadecimal digits. */
  get hex(): string {
    return Array.from(this.#words, (word) => word.toString(16).padStart(8, '0')).join('');
  }
}
