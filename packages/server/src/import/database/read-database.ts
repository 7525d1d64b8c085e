import { Worker } from 'node:worker_threads';
import type { ImportContext, ImportItem, ItemLists } from '../import-item.ts';
import { UnknownFormat } from '../unknown-format.ts';

/** What the thread that reads a database is started with. */
export interface DatabaseOrder {
  readonly path: string;
  readonly context: ImportContext;
}

/** What the thread tells; it sends the next list when the one before was asked for. */
export type DatabaseAnswer =
  | { readonly items: readonly ImportItem[] }
  | { readonly unknownFormat: string }
  | { readonly end: true };

/** Rows of a hostile file are small, however large the file is. */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 } as const;

/**
 * Reads a database of Kismet or PiWardrive in a thread of its own: SQLite reads synchronously, and one question may go over all of a
 * large file. The thread ends with the generator.
 *
 * @throws {UnknownFormat} where it is another database
 */
export async function* readDatabase(path: string, context: ImportContext): ItemLists {
  const workerData: DatabaseOrder = { path, context };
  const worker = new Worker(new URL('./database-thread.ts', import.meta.url), { workerData, resourceLimits });
  const answers = new Answers(worker);
  try {
    for (;;) {
      const answer = await answers.next();
      if ('end' in answer) return;
      if ('unknownFormat' in answer) throw new UnknownFormat(answer.unknownFormat);
      worker.postMessage('more');
      yield answer.items;
    }
  } finally {
    await worker.terminate();
  }
}

/** The thread's answers as a queue; how far the thread is ahead is its own affair. */
class Answers {
  readonly #ready: DatabaseAnswer[] = [];
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(worker: Worker) {
    worker.on('message', (answer: DatabaseAnswer) => {
      this.#ready.push(answer);
      this.#wake();
    });
    worker.on('error', (error) => this.#fail(error as Error));
    worker.on('exit', () => this.#fail(new Error('the thread that reads the database has ended')));
  }

  async next(): Promise<DatabaseAnswer> {
    for (;;) {
      const answer = this.#ready.shift();
      if (answer !== undefined) return answer;
      if (this.#failure !== undefined) throw this.#failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
