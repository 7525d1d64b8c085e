/** Runs of one level that are merged into one of the next, when there is time for it. */
const USUAL_FAN_IN = 8;
/** The same while much comes in: a question has to look into more runs then, and commits need not wait for merges. */
const HURRIED_FAN_IN = 24;
/** Runs' worth of commits a second from which there is no time. */
const HURRY = 0.5;
/** Milliseconds over which that is measured, at least. */
const LOOK_MS = 100;

/** Decides how many runs of a level are let stand before they are merged. */
export class MergePace {
  readonly #committed: () => number;
  #seen: number;
  #at: number;
  #hurried = false;
  #heldBack = false;

  /** @param committed - all that was ever committed, in runs */
  constructor(committed: () => number) {
    this.#committed = committed;
    this.#seen = committed();
    this.#at = performance.now();
  }

  /** True where more came, since this was looked at before, than leaves time to merge. */
  #isHurried(): boolean {
    const passed = performance.now() - this.#at;
    if (passed < LOOK_MS) return this.#hurried;
    const committed = this.#committed();
    this.#hurried = (committed - this.#seen) / passed > HURRY / 1000;
    this.#seen = committed;
    this.#at += passed;
    return this.#hurried;
  }

  /** Runs of a level from which they are merged. */
  get fanIn(): number {
    if (!this.#isHurried()) return USUAL_FAN_IN;
    this.#heldBack = true;
    return HURRIED_FAN_IN;
  }

  /** True where runs may have been left standing for want of time, since this was asked before. */
  takeHeldBack(): boolean {
    const heldBack = this.#heldBack;
    this.#heldBack = false;
    return heldBack;
  }
}
