/** Random numbers by xorshift: the same ones in every run. */
export class Random {
  #state: number;

  /** @param seed - any integer but 0 */
  constructor(seed = 0x2545f491) {
    this.#state = seed;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  /** Puts a list into a random order, in place. */
  shuffle(list: Uint32Array): void {
    for (let index = list.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      const kept = list[index]!;
      list[index] = list[other]!;
      list[other] = kept;
    }
  }
}
