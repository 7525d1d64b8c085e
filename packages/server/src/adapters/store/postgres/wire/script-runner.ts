import type { Client, Connection, Submittable } from 'pg';
import type { Script } from './script.ts';

/**
 * Sends scripts on a connection that does nothing else meanwhile. One that is sent while another runs is begun by the server
 * as soon as the other has ended, with no way between them.
 */
export class ScriptRunner {
  readonly #client: Client;
  /** Answers that are awaited, in the order in which they come. */
  readonly #awaited: Answer[] = [];
  #connection: Connection | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Resolves when the server has ended the script with COMMIT.
   *
   * @throws the first error that the server answered, or what became of the connection
   */
  run(script: Script): Promise<void> {
    return new Promise((resolve, reject) => {
      let failure: { readonly error: unknown } | undefined;
      let command = '';
      const idle = this.#awaited.length === 0;
      for (let part = 1; part <= script.parts; part++) {
        const begin = (connection: Connection): void => {
          this.#connection = connection;
          if (idle && part === 1) script.write(connection.stream);
        };
        const answer = new Answer(begin, (error) => {
          if (error !== undefined) failure ??= { error };
          command = answer.command;
          this.#awaited.shift();
          this.#next();
          if (part < script.parts) return;
          if (failure !== undefined) reject(failure.error);
          else if (command === 'COMMIT') resolve();
          else reject(new Error(`the commit ended with ${command}`));
        });
        this.#awaited.push(answer);
      }
      // The driver sends one query after the other: it has nothing left to send when it gets to these.
      if (!idle && this.#connection !== undefined) script.write(this.#connection.stream);
      if (idle) this.#next();
    });
  }

  /** The driver is told of one answer at a time: those of scripts that were sent later stand behind. */
  #next(): void {
    const [answer] = this.#awaited;
    if (answer !== undefined) this.#client.query(answer);
  }
}

/** A query for the driver whose messages are written elsewhere, or with it. */
class Answer implements Submittable {
  readonly #begin: (connection: Connection) => void;
  readonly #end: (error?: unknown) => void;
  #ended = false;
  /** What the last statement was, as the server calls it. */
  command = '';

  constructor(begin: (connection: Connection) => void, end: (error?: unknown) => void) {
    this.#begin = begin;
    this.#end = end;
  }

  /** Replaced by the driver, which stops its timer by it. */
  callback(): void {}

  submit(connection: Connection): void {
    this.#begin(connection);
  }

  #finish(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.callback();
    this.#end(error);
  }

  handleRowDescription(): void {}

  handleDataRow(): void {}

  handleEmptyQuery(): void {}

  handleCopyInResponse(): void {}

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.command = text;
  }

  handleError(error: unknown): void {
    this.#finish(error);
  }

  handleReadyForQuery(): void {
    this.#finish();
  }
}
