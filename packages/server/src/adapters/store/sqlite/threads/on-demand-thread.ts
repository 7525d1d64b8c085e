import type { Transferable, Worker } from 'node:worker_threads';
import { ThreadCaller } from './thread-call.ts';

/**
 * A thread that is started by the first call and ended when it has had nothing to do for a while: its memory, which is
 * large while it sorts, is needed for seconds in an hour.
 */
export class OnDemandThread {
  readonly #start: () => Worker;
  readonly #idleMs: number;
  #worker: Worker | undefined;
  #caller: ThreadCaller | undefined;
  #ending: NodeJS.Timeout | undefined;
  #held = 0;

  /** @param idleMs - how long it outlives its last answer */
  constructor(start: () => Worker, idleMs: number) {
    this.#start = start;
    this.#idleMs = idleMs;
  }

  async call<T>(method: string, argument: unknown, transfer: readonly Transferable[] = []): Promise<T> {
    clearTimeout(this.#ending);
    this.#worker ??= this.#start();
    this.#caller ??= new ThreadCaller(this.#worker);
    const caller = this.#caller;
    try {
      return await caller.call<T>(method, argument, transfer);
    } finally {
      if (caller === this.#caller && caller.waiting === 0) this.#endLater();
    }
  }

  /** Keeps the thread, with what it holds between calls, until {@link release}. */
  hold(): void {
    this.#held += 1;
    clearTimeout(this.#ending);
  }

  release(): void {
    this.#held -= 1;
    this.#endLater();
  }

  #endLater(): void {
    clearTimeout(this.#ending);
    if (this.#held > 0 || this.#worker === undefined) return;
    this.#ending = setTimeout(() => void this.stop(), this.#idleMs);
    this.#ending.unref();
  }

  /** Ends the thread; running calls fail, the next one starts it again. */
  async stop(): Promise<void> {
    clearTimeout(this.#ending);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#caller = undefined;
    await worker?.terminate();
  }
}
