import type { HttpConnection } from './http/http-connection.ts';

/** Connections that wait for a request, longest first: so all of them take part, as those of many devices do. */
export class IdleQueue {
  readonly #waiting: HttpConnection[] = [];
  #head = 0;

  add(connection: HttpConnection): void {
    this.#waiting.push(connection);
  }

  /** The connection that has waited longest and is still open. */
  take(): HttpConnection | undefined {
    while (this.#head < this.#waiting.length) {
      const connection = this.#waiting[this.#head++]!;
      if (this.#head >= 4096) {
        this.#waiting.splice(0, this.#head);
        this.#head = 0;
      }
      if (!connection.closed) return connection;
    }
    return undefined;
  }
}
