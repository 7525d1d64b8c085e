import type { PartialRule } from '../../../../core/fold.ts';
import { F } from '../../../../core/sync-state.ts';

/** Failures from which on all devices are counted as one number: few ask for more than so many. */
export const MOST_COUNTED = 64;

/**
 * What a commit changes in `failure_count`: devices leave the number of failures that they had, and enter the one that they
 * have. Costs a commit one statement on one row, whatever the number of its devices.
 */
export class FailureChanges {
  readonly #partial: PartialRule;
  /** By how many devices each number of failures changes; the number is the place. */
  readonly #total = new Int32Array(MOST_COUNTED + 1);
  readonly #streak = new Int32Array(MOST_COUNTED + 1);

  constructor(partial: PartialRule) {
    this.#partial = partial;
  }

  /** To be told of each device once, before it changes. One that is new need not leave: it has no failures. */
  leave(state: Float64Array): void {
    this.#add(state, -1);
  }

  /** To be told of each device that has left, and of new ones, when it has changed. */
  enter(state: Float64Array): void {
    this.#add(state, 1);
  }

  #add(state: Float64Array, devices: number): void {
    const partial = this.#partial === 'failure' ? (state[F.partial] as number) : 0;
    this.#total[Math.min(MOST_COUNTED, (state[F.failed] as number) + partial)]! += devices;
    this.#streak[Math.min(MOST_COUNTED, state[F.streak] as number)]! += devices;
  }

  /**
   * The statement that writes the changes, to be run in the transaction of the commit; null where no event was stored, without
   * which no number of failures changes. It changes nothing where a commit before it has not counted: then the counts stay
   * what they were at their own position, and are not used.
   *
   * @param before - position of the store before the commit
   * @param after - position of the store after it
   */
  statement(before: number, after: number): string | null {
    if (before === after) return null;
    const sets = [
      `position = ${after}`,
      ...changesOf('total', this.#total),
      ...changesOf('streak', this.#streak),
    ];
    return `UPDATE failure_count SET ${sets.join(', ')} WHERE id = 1 AND position = ${before}`;
  }
}

function changesOf(column: string, changes: Int32Array): readonly string[] {
  const sets: string[] = [];
  // Those without failures are not counted.
  for (let failures = 1; failures <= MOST_COUNTED; failures++) {
    const change = changes[failures] as number;
    if (change !== 0) sets.push(`${column}[${failures}] = ${column}[${failures}] + ${change}`);
  }
  return sets;
}
