/** Keeps the values that were asked for last, up to a number of them. */
export class RecentlyUsed<Key, Value> {
  readonly #most: number;
  readonly #values = new Map<Key, Value>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The value of a key, made anew where it is not kept. */
  get(key: Key, make: () => Value): Value {
    let value = this.#values.get(key);
    if (value === undefined) {
      value = make();
      if (this.#values.size >= this.#most) this.#values.delete(this.#values.keys().next().value as Key);
    } else this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  clear(): void {
    this.#values.clear();
  }
}
