import type { CommitOutcome } from '@pisync/protocol';
import type { CommitGroup } from '../../../../ports/store.ts';
import type { CommitAnswer, CommitWriter, FailedCommit, PreparedCommit } from './commit-writer.ts';
import { type PreparedGroup, prepareGroup } from './group-commit.ts';
import { isScriptable } from './scripted-commit.ts';

/** A transaction takes groups up to so many items; one group is never split. */
const MAX_ITEMS = 2_048;
const MAX_POINTS = 131_072;

/** A commit is sent behind one that is not answered yet if it is worth it: with so many items, and no fewer than that one. */
const AHEAD_ITEMS = 64;

/** Commits that are sent and not answered. */
const MAX_SENT = 2;

interface Waiter {
  readonly prepared: PreparedGroup;
  readonly items: number;
  readonly points: number;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A commit that is sent and not answered. */
interface SentCommit {
  readonly items: number;
  readonly answered: Promise<void>;
}

/**
 * Group commit: whatever comes while a transaction runs is committed by the next one, in one flush. The next one is worked out
 * and sent while the server is at work on the one before.
 */
export class CommitQueue {
  readonly #writer: CommitWriter;
  readonly #onCommit: (answer: CommitAnswer) => void;
  #waiters: Waiter[] = [];
  #waitingItems = 0;
  /** In the order in which they were sent. */
  #sent: SentCommit[] = [];
  #failed: (FailedCommit & { readonly taken: readonly Waiter[] })[] = [];
  #wake: (() => void) | undefined;
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
      this.#waitingItems += items;
      this.#running ??= this.#run();
      if (this.#wake !== undefined && this.#hasRoom()) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // What comes in the same turn of the event loop goes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (;;) {
      while (this.#waiters.length > 0) {
        await this.#room();
        await this.#commit(this.#take());
      }
      await this.#settle();
      if (this.#waiters.length === 0) break;
    }
    this.#running = undefined;
  }

  /** True where another commit should be begun now. */
  #hasRoom(): boolean {
    const last = this.#sent.at(-1);
    if (last === undefined) return true;
    return this.#sent.length < MAX_SENT && this.#waitingItems >= Math.max(AHEAD_ITEMS, last.items);
  }

  async #room(): Promise<void> {
    while (!this.#hasRoom()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** Events alone are committed faster than together with what else waits. */
  #take(): readonly Waiter[] {
    let items = 0;
    let points = 0;
    let count = 0;
    const most = Math.min(MAX_ITEMS, Math.max(AHEAD_ITEMS, Math.ceil(this.#waitingItems / 2)));
    const onlyEvents = isScriptable((this.#waiters[0] as Waiter).prepared);
    for (const waiter of this.#waiters) {
      if (onlyEvents && !isScriptable(waiter.prepared)) break;
      if (count > 0 && (items + waiter.items > most || points + waiter.points > MAX_POINTS)) break;
      items += waiter.items;
      points += waiter.points;
      count += 1;
    }
    const taken = this.#waiters.slice(0, count);
    this.#waiters = this.#waiters.slice(count);
    this.#waitingItems -= items;
    return taken;
  }

  async #commit(taken: readonly Waiter[]): Promise<void> {
    const groups = taken.map(({ prepared }) => prepared);
    const commit = await this.#writer.prepare(groups).catch(() => undefined);
    if (commit !== undefined) {
      this.#send(taken, commit);
      return;
    }
    await this.#settle();
    await this.#commitNow(taken);
  }

  #send(taken: readonly Waiter[], commit: PreparedCommit): void {
    const answered = this.#writer
      .send(commit)
      .then(
        () => this.#answer(taken, commit.answer),
        (error: unknown) => {
          this.#failed.push({ taken, commit, error });
        },
      )
      .then(() => {
        // Answers come in the order of what was sent.
        this.#sent.shift();
        this.#wake?.();
      });
    this.#sent.push({ items: taken.reduce((sum, { items }) => sum + items, 0), answered });
  }

  /** Waits until all that was sent is answered, and does again what failed. */
  async #settle(): Promise<void> {
    await Promise.all(this.#sent.map(({ answered }) => answered));
    const failed = this.#failed;
    this.#failed = [];
    for (const { taken, commit, error } of failed) await this.#commitNow(taken, { commit, error });
  }

  async #commitNow(taken: readonly Waiter[], sent?: FailedCommit): Promise<void> {
    try {
      const groups = taken.map(({ prepared }) => prepared);
      this.#answer(taken, await this.#writer.commit(groups, sent));
    } catch (error) {
      for (const { reject } of taken) reject(error);
      this.#forget(taken);
    }
  }

  #answer(taken: readonly Waiter[], answer: CommitAnswer): void {
    this.#onCommit(answer);
    for (const [at, waiter] of taken.entries())
      waiter.resolve(answer.outcomes[at] as readonly CommitOutcome[]);
    this.#forget(taken);
  }

  #forget(taken: readonly Waiter[]): void {
    for (const { items, points } of taken) this.#waiting -= items + points;
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }
}
