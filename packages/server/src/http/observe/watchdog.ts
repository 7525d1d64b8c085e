/** How often the watchdog looks, in milliseconds. */
const TICK_MS = 20;

/** A delay of the event loop that is worth a word, in milliseconds. */
const BLOCKED_MS = 50;

/** A time in which nothing else could run. */
export interface Blockage {
  /** What ran in it for the most part; `other` where no marked work explains half of it. */
  readonly work: string;
  readonly milliseconds: number;
}

/**
 * Notices when the event loop was blocked, and by what.
 *
 * Work on the main thread is marked by {@link begin} and {@link end} around its synchronous parts; that costs two
 * readings of a clock, which an async context on every request would not. A timer that comes late then blames the
 * work that took the most of the time in between.
 */
export class Watchdog {
  readonly #names: readonly string[];
  readonly #spent: Float64Array;
  readonly #report: (blockage: Blockage) => void;
  #timer: NodeJS.Timeout | undefined;
  #expected = 0;
  #begun = 0;

  /** @param names - kinds of work; {@link begin} takes their index */
  constructor(names: readonly string[], report: (blockage: Blockage) => void) {
    this.#names = names;
    this.#spent = new Float64Array(names.length);
    this.#report = report;
  }

  start(): void {
    this.#expected = performance.now() + TICK_MS;
    this.#timer = setInterval(() => this.#look(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Marks the beginning of synchronous work; work does not nest. */
  begin(): void {
    this.#begun = performance.now();
  }

  end(work: number): void {
    this.#spent[work] = (this.#spent[work] ?? 0) + performance.now() - this.#begun;
  }

  #look(): void {
    const now = performance.now();
    const late = now - this.#expected;
    this.#expected = now + TICK_MS;
    if (late > BLOCKED_MS) this.#report({ work: this.#culprit(late), milliseconds: late });
    this.#spent.fill(0);
  }

  #culprit(late: number): string {
    let most = 0;
    for (let at = 1; at < this.#spent.length; at += 1) {
      if ((this.#spent[at] ?? 0) > (this.#spent[most] ?? 0)) most = at;
    }
    return (this.#spent[most] ?? 0) >= late / 2 ? (this.#names[most] ?? 'other') : 'other';
  }
}
