import type { ChildProcess } from 'node:child_process';
import { test } from 'node:test';
import type { Store, StorePolicy, StoreSupports } from '../ports/store.ts';

/** A failure of the machine that a suite can ask for. */
export type FaultKind = 'disk_full' | 'io_error';

/** An adapter, and how the suite gets at what a {@link Store} does not show. */
export interface StoreSuiteOptions {
  /** Name of the adapter, for the report. */
  readonly name: string;
  /** What the adapter must say of itself. Each of these promises is tested, and so is its absence. */
  readonly supports: StoreSupports;
  /** Makes a new, empty place and names it; called once for each test. */
  readonly createPlace: () => Promise<string>;
  /** Releases a place and all that is in it; its stores are closed. */
  readonly removePlace: (place: string) => Promise<void>;
  readonly open: (place: string, policy: StorePolicy) => Promise<Store>;
  /** Finishes now what the adapter would do in the background. It must change no answer; called at random moments. */
  readonly settle?: ((store: Store) => Promise<void>) | undefined;
  /** Makes the next flush fail as the operating system would; the store must then recover without help. */
  readonly failNextCommit?: ((store: Store, kind: FaultKind) => void | Promise<void>) | undefined;
  /**
   * Starts a process that opens the place and runs {@link serveCommits}, with piped standard input and output. Needed
   * where `supports.durable`.
   */
  readonly startChild?: ((place: string, policy: StorePolicy) => ChildProcess) | undefined;
  /** Opens an empty store that is known to be right; without it, answers are compared with what follows from outcomes. */
  readonly model?: ((policy: StorePolicy) => Promise<Store>) | undefined;
  /** Command sequences of the model-based property; 60 if absent. */
  readonly numRuns?: number | undefined;
}

/** What a suite registered, and how much of it has run. */
export interface SuiteReport {
  readonly name: string;
  readonly declared: number;
  ran(): number;
}

/** A store that one test has for itself. */
export interface OpenedStore {
  /** The store that is open now. */
  readonly store: Store;
  readonly place: string;
  /** Closes the store and opens its place again. */
  reopen(policy?: StorePolicy): Promise<Store>;
}

/** The usual policy: a partial sync counts as a failure. */
export const usualPolicy: StorePolicy = { partial: 'failure' };

/** Registers tests, gives each its own store, and counts them. */
export class StoreSuite implements SuiteReport {
  readonly options: StoreSuiteOptions;
  readonly name: string;
  declared = 0;
  #ran = 0;

  constructor(options: StoreSuiteOptions) {
    this.options = options;
    this.name = options.name;
  }

  ran(): number {
    return this.#ran;
  }

  /** Registers a test that gets an empty store, which is closed and removed after it. */
  test(title: string, body: (opened: OpenedStore) => Promise<void>, policy = usualPolicy): void {
    this.declared += 1;
    test(title, async () => {
      this.#ran += 1;
      await this.withStore(body, policy);
    });
  }

  /** Gives `body` an empty store and cleans up after it, however it ends. */
  async withStore(body: (opened: OpenedStore) => Promise<void>, policy: StorePolicy): Promise<void> {
    const { createPlace, removePlace, open } = this.options;
    const place = await createPlace();
    let store: Store | undefined;
    try {
      store = await open(place, policy);
      const opened = {
        place,
        store,
        reopen: async (next = policy) => {
          await opened.store.close();
          opened.store = await open(place, next);
          store = opened.store;
          return opened.store;
        },
      };
      await body(opened);
    } finally {
      await store?.close();
      await removePlace(place);
    }
  }
}
