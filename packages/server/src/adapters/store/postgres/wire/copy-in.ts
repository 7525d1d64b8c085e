import type { Connection, Submittable } from 'pg';
import type { Session } from '../connection/session.ts';
import { writeCopyData, writeCopyDone, writeCopyFail } from './copy-messages.ts';

/** Bytes of one message: the server begins to work while more is on its way. */
const MESSAGE_BYTES = 1 << 18;

/** @param into - table and columns, such as `identity (key, body)` */
export function copyInStatement(into: string): string {
  return `COPY ${into} FROM STDIN WITH (FORMAT binary)`;
}

/**
 * Sends rows into a table.
 *
 * @param into - as for {@link copyInStatement}
 * @param bytes - a whole COPY: what `CopyRows.end` gives
 * @throws what the server answered, or what became of the connection
 */
export function copyIn(session: Session, into: string, bytes: Buffer): Promise<void> {
  const send = () =>
    new Promise<void>((resolve, reject) => {
      const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      session.client.query(new CopyIn(copyInStatement(into), bytes, end));
    });
  return session.inTurn(send);
}

/** A query that sends the rows when the server asks for them, no faster than the connection takes them. */
class CopyIn implements Submittable {
  readonly #text: string;
  readonly #bytes: Buffer;
  readonly #end: (error?: unknown) => void;
  #at = 0;
  /** While there are rows to be sent. */
  #stream: Connection['stream'] | undefined;

  constructor(text: string, bytes: Buffer, end: (error?: unknown) => void) {
    this.#text = text;
    this.#bytes = bytes;
    this.#end = end;
  }

  /** Replaced by the driver, which stops its timer for the answer by it. */
  callback(): void {}

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleCopyInResponse({ stream }: Connection): void {
    this.#stream = stream;
    this.#send();
  }

  readonly #send = (): void => {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.cork();
    for (let more = true; more && this.#at < this.#bytes.length; this.#at += MESSAGE_BYTES) {
      more = writeCopyData(stream, this.#bytes.subarray(this.#at, this.#at + MESSAGE_BYTES));
    }
    if (this.#at < this.#bytes.length) stream.once('drain', this.#send);
    else {
      writeCopyDone(stream);
      this.#stream = undefined;
    }
    stream.uncork();
  };

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback();
    this.#end();
  }

  handleError(error: unknown): void {
    this.callback();
    // Whatever is sent behind an error of the server is passed over; behind another one it still waits for rows.
    if (this.#stream?.writable === true) writeCopyFail(this.#stream);
    this.#stream = undefined;
    this.#end(error);
  }
}
