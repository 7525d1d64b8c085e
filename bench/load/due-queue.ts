/** What is to be done when, earliest first: a binary heap of numbers by time. */
export class DueQueue {
  readonly #times: number[] = [];
  readonly #values: number[] = [];

  get size(): number {
    return this.#times.length;
  }

  /** Time of the earliest entry; infinity when empty. */
  get next(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  add(time: number, value: number): void {
    let place = this.#times.push(time) - 1;
    this.#values.push(value);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#times[parent]! <= this.#times[place]!) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  /** Removes and returns the value of the earliest entry. */
  take(): number | undefined {
    const value = this.#values[0];
    const last = this.#times.length - 1;
    if (last < 0) return undefined;
    this.#swap(0, last);
    this.#times.pop();
    this.#values.pop();
    this.#sink();
    return value;
  }

  #sink(): void {
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.#times.length) return;
      const right = left + 1;
      const child = right < this.#times.length && this.#times[right]! < this.#times[left]! ? right : left;
      if (this.#times[place]! <= this.#times[child]!) return;
      this.#swap(place, child);
      place = child;
    }
  }

  #swap(a: number, b: number): void {
    const time = this.#times[a]!;
    const value = this.#values[a]!;
    this.#times[a] = this.#times[b]!;
    this.#values[a] = this.#values[b]!;
    this.#times[b] = time;
    this.#values[b] = value;
  }
}
