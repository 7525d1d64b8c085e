import { connect, type Socket } from 'node:net';
import { ResponseReader } from './response-reader.ts';

/** What a connection tells its owner; called synchronously from the socket. */
export interface ConnectionEvents {
  /** A whole response is in `connection.reader`; the next request may be sent from here. */
  onResponse(connection: HttpConnection): void;
  /** The connection is gone. Called once; a request without a response has failed. */
  onClosed(connection: HttpConnection, error: Error | null): void;
}

// Reads are synchronous with their callback, so all connections share one buffer.
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

/** One keep-alive HTTP/1.1 connection on a raw socket, one request at a time. */
export class HttpConnection {
  readonly reader = new ResponseReader();
  /** Free for the owner: which request is on its way, and since when (milliseconds of `performance.now`). */
  tag = 0;
  startedAt = 0;
  busy = false;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  #error: Error | null = null;
  #closed = false;

  private constructor(host: string, port: number, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (bytes) => this.#read(bytes) },
    });
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#events.onClosed(this, this.#error);
    });
  }

  /** Resolves when connected. Rejects, and tells nobody else, when that fails. */
  static open(url: string, events: ConnectionEvents): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    let opened = false;
    return new Promise((resolve, reject) => {
      const connection = new HttpConnection(hostname, Number(port), {
        onResponse: (it) => events.onResponse(it),
        onClosed: (it, error) =>
          opened ? events.onClosed(it, error) : reject(error ?? new Error('closed while connecting')),
      });
      connection.#socket.once('connect', () => {
        opened = true;
        resolve(connection);
      });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends one whole request. The bytes must not change until its response is there. */
  send(request: Buffer | string): void {
    this.busy = true;
    this.#socket.write(request as Buffer);
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: number): boolean {
    try {
      if (!this.reader.push(readBuffer.subarray(0, bytes))) return true;
    } catch (error) {
      this.#socket.destroy(error as Error);
      return false;
    }
    this.busy = false;
    this.#events.onResponse(this);
    return true;
  }
}

/** Opens `count` connections, a few at a time, so that no listen queue overflows. */
export async function openConnections(
  url: string,
  count: number,
  events: ConnectionEvents,
): Promise<HttpConnection[]> {
  const all: HttpConnection[] = [];
  while (all.length < count) {
    const some = Math.min(100, count - all.length);
    all.push(...(await Promise.all(Array.from({ length: some }, () => HttpConnection.open(url, events)))));
  }
  return all;
}
