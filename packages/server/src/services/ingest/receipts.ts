import type { CommitOutcome, ItemOutcome, ItemProblem, Observation } from '@pisync/protocol';

/** One item's receipt, as a reply shows it. */
export interface ShownReceipt {
  readonly result: ItemOutcome;
  /** Null where a rejected item had none that could be read. */
  readonly deviceId: string | null;
  readonly seq: number | null;
  readonly eventId: string | null;
  /** Why it was rejected; null otherwise. */
  readonly problem: ItemProblem | null;
}

/**
 * What became of the items of a batch, by their place in it. Kept as columns: thousands of items wait here for a flush,
 * and as objects they would outlive the young generation and fill the heap with garbage that is costly to find.
 */
export class BatchReceipts {
  readonly #results: ItemOutcome[] = [];
  readonly #deviceIds: (string | null)[] = [];
  readonly #seqs: (number | null)[] = [];
  readonly #eventIds = new Map<number, string>();
  readonly #problems = new Map<number, ItemProblem>();

  get length(): number {
    return this.#results.length;
  }

  /** Notes the next item as on its way; {@link settle} says how it ended. */
  take({ deviceId, seq, eventId }: Pick<Observation, 'deviceId' | 'seq' | 'eventId'>): void {
    if (eventId !== null) this.#eventIds.set(this.#results.length, eventId);
    this.#push('stored', deviceId, seq);
  }

  /** Notes the next item as rejected. */
  reject(problem: ItemProblem): void {
    this.#problems.set(this.#results.length, problem);
    this.#push('rejected', problem.deviceId, null);
  }

  #push(result: ItemOutcome, deviceId: string | null, seq: number | null): void {
    this.#results.push(result);
    this.#deviceIds.push(deviceId);
    this.#seqs.push(seq);
  }

  /**
   * Says what the store did with the items of `[from, to)` that it was given.
   *
   * @param outcomes - one for each of them that was not rejected, in order
   */
  settle(from: number, to: number, outcomes: readonly CommitOutcome[]): void {
    let next = 0;
    for (let at = from; at < to; at += 1) {
      if (this.#results[at] === 'rejected') continue;
      this.#results[at] = outcomes[next] as CommitOutcome;
      next += 1;
    }
  }

  at(index: number): ShownReceipt {
    return {
      result: this.#results[index] as ItemOutcome,
      deviceId: this.#deviceIds[index] as string | null,
      seq: this.#seqs[index] as number | null,
      eventId: this.#eventIds.get(index) ?? null,
      problem: this.#problems.get(index) ?? null,
    };
  }

  /** Items by outcome. */
  counts(): Record<ItemOutcome, number> {
    const counts = { stored: 0, duplicate: 0, conflict: 0, rejected: 0 };
    for (const result of this.#results) counts[result] += 1;
    return counts;
  }
}
