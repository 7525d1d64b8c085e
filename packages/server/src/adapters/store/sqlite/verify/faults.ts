import type { Finding } from '../../../../ports/store.ts';
import { isDamage } from '../format/connection.ts';

/** Findings of one kind that are told; the rest is counted. */
const TOLD = 10;
/** Milliseconds after which a check lets other work have its turn. */
const TURN_MS = 20;

/** What one check of a store has found wrong. */
export class Faults {
  readonly #check: string;
  readonly #told: string[] = [];
  #count = 0;

  constructor(check: string) {
    this.#check = check;
  }

  get count(): number {
    return this.#count;
  }

  add(detail: string): void {
    this.#count += 1;
    if (this.#told.length < TOLD) this.#told.push(detail);
  }

  /** Takes over what another check of the same kind has found. */
  take(others: Faults): void {
    for (const detail of others.#told) this.add(detail);
    this.#count += others.#count - others.#told.length;
  }

  /** What `read` returns; undefined where it came upon damage, which is a fault of `what`. */
  attempt<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.add(`${what}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** @param sound - the sentence where nothing is wrong */
  findings(sound: string): Finding[] {
    if (this.#count === 0) return [{ severity: 'ok', check: this.#check, detail: sound }];
    const more = this.#count - this.#told.length;
    return [...this.#told, ...(more > 0 ? [`and ${more} more`] : [])].map((detail) => ({
      severity: 'error',
      check: this.#check,
      detail,
    }));
  }
}

/** A long pass gives way now and then: a running server verifies its store, too. */
export class Turns {
  #since = performance.now();

  get due(): boolean {
    return performance.now() - this.#since > TURN_MS;
  }

  async next(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}
