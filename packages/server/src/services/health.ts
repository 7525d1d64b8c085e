import { PisyncError } from '@pisync/protocol';
import type { Store } from '../ports/store.ts';

/** Tells whether this process should get work. */
export class Health {
  readonly #store: Store;
  #draining = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** True once the server began to stop. */
  get draining(): boolean {
    return this.#draining;
  }

  /** From here on, new work is refused. */
  drain(): void {
    this.#draining = true;
  }

  /** What an operator should know, such as a damaged file that was set aside. */
  readiness(): { readonly ready: boolean; readonly notes: readonly string[] } {
    const { state, notes } = this.#store.status();
    if (this.#draining) return { ready: false, notes: ['The server is stopping.', ...notes] };
    return { ready: state === 'ready', notes };
  }

  /** @throws {PisyncError} `shutting_down` */
  refuseIfDraining(): void {
    if (!this.#draining) return;
    throw new PisyncError('shutting_down', {
      detail: 'The server is stopping; nothing was stored.',
      retryAfterMs: 2000,
    });
  }
}
