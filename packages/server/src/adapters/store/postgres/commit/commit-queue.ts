import type { CommitOutcome } from '@pisync/protocol';
import type { CommitGroup } from '../../../../ports/store.ts';
import type { CommitAnswer, CommitWriter } from './commit-writer.ts';
import { type PreparedGroup, prepareGroup } from './group-commit.ts';

/** A transaction takes groups up to so many items; one group is never split. */
const MAX_ITEMS = 4_096;
const MAX_POINTS = 131_072;

interface Waiter {
  readonly prepared: PreparedGroup;
  readonly items: number;
  readonly points: number;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Group commit: whatever comes while a transaction runs is committed by the next one, in one flush. */
export class CommitQueue {
  readonly #writer: CommitWriter;
  readonly #onCommit: (answer: CommitAnswer) => void;
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #waiting = 0;

  /** @param onCommit - told of each commit before its groups are */
  constructor(writer: CommitWriter, onCommit: (answer: CommitAnswer) => void) {
    this.#writer = writer;
    this.#onCommit = onCommit;
  }

  /** Items and points that were added and not answered yet. */
  get waiting(): number {
    return this.#waiting;
  }

  add(group: CommitGroup): Promise<readonly CommitOutcome[]> {
    const items = group.observations.length + (group.detections?.length ?? 0) + group.rejected.length;
    const points = group.points?.count ?? 0;
    return new Promise((resolve, reject) => {
      this.#waiters.push({ prepared: prepareGroup(group), items, points, resolve, reject });
      this.#waiting += items + points;
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    // What comes in the same turn of the event loop goes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiters.length > 0) await this.#commit(this.#take());
    this.#running = undefined;
  }

  #take(): readonly Waiter[] {
    let items = 0;
    let points = 0;
    let count = 0;
    for (const waiter of this.#waiters) {
      items += waiter.items;
      points += waiter.points;
      if (count > 0 && (items > MAX_ITEMS || points > MAX_POINTS)) break;
      count += 1;
    }
    const taken = this.#waiters.slice(0, count);
    this.#waiters = this.#waiters.slice(count);
    return taken;
  }

  async #commit(taken: readonly Waiter[]): Promise<void> {
    try {
      const answer = await this.#writer.commit(taken.map(({ prepared }) => prepared));
      this.#onCommit(answer);
      for (const [at, waiter] of taken.entries())
        waiter.resolve(answer.outcomes[at] as readonly CommitOutcome[]);
    } catch (error) {
      for (const { reject } of taken) reject(error);
    } finally {
      for (const { items, points } of taken) this.#waiting -= items + points;
    }
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }
}
