/** Keeps the values that were asked for last, up to a number of them. */
export class RecentlyUsed<Key, Value> {
  readonly #most: number;
  readonly #dropped: (value: Value) => void;
  readonly #values = new Map<Key, Value>();

  /** @param dropped - called with each value that gives way to another, or is cleared; to give its memory back */
  constructor(most: number, dropped: (value: Value) => void = () => {}) {
    this.#most = most;
    this.#dropped = dropped;
  }

  /** The value of a key, made anew where it is not kept. */
  get(key: Key, make: () => Value): Value {
    let value = this.#values.get(key);
    if (value === undefined) {
      value = make();
      if (this.#values.size >= this.#most) this.#dropOldest();
    } else this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Drops what was not asked for lately, until the rest is no larger than `most` in sum. */
  keepWithin(most: number, sizeOf: (value: Value) => number): void {
    let sum = 0;
    for (const value of this.#values.values()) sum += sizeOf(value);
    for (const [key, value] of this.#values) {
      if (sum <= most) return;
      sum -= sizeOf(value);
      this.#values.delete(key);
      this.#dropped(value);
    }
  }

  clear(): void {
    const values = [...this.#values.values()];
    this.#values.clear();
    for (const value of values) this.#dropped(value);
  }

  #dropOldest(): void {
    for (const [key, value] of this.#values) {
      this.#values.delete(key);
      this.#dropped(value);
      return;
    }
  }
}
