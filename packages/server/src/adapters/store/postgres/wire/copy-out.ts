import type { Connection, Submittable } from 'pg';
import type { Session } from '../connection/session.ts';
import { COPY_DATA, COPY_DONE, MESSAGE_HEAD } from './copy-messages.ts';

/** Takes what COPY sends. The server sends whole rows: each message holds one, the first one the header besides. */
export interface CopyTaker {
  /** Takes the bytes `[from, to)` of a message. */
  take(bytes: Buffer, view: DataView, from: number, to: number): void;
}

const ERROR = 0x45;

/**
 * Finds the messages of a COPY in what a connection receives, however it is cut. What follows the last one, or an error,
 * belongs to the driver.
 */
export class CopyFrames {
  #taker: CopyTaker;
  /** The beginning of a message whose end has not come, in the pieces in which it came. */
  #pending: Buffer[] = [];
  #length = 0;
  /** Bytes that must be there before there is anything to do. */
  #needed = MESSAGE_HEAD;
  /** Where the next message begins. */
  #at = 0;
  /** What the taker threw: then it is given nothing more. */
  fault: unknown;

  constructor(taker: CopyTaker) {
    this.#taker = taker;
  }

  /** @returns undefined while there is more to come; else what belongs to the driver */
  push(received: Buffer): Buffer | undefined {
    let from = 0;
    // A message that was cut is put together by itself: what follows is read where it lies.
    while (this.#length > 0) {
      const more = received.subarray(from, from + this.#needed - this.#length);
      this.#pending.push(more);
      this.#length += more.length;
      from += more.length;
      if (this.#length < this.#needed) return undefined;
      const joint = Buffer.concat(this.#pending, this.#length);
      if (this.#read(joint)) return Buffer.concat([joint.subarray(this.#at), received.subarray(from)]);
    }
    const rest = received.subarray(from);
    return this.#read(rest) ? rest.subarray(this.#at) : undefined;
  }

  /** Reads whole messages and keeps what is left. @returns true where that belongs to the driver */
  #read(bytes: Buffer): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#needed = MESSAGE_HEAD;
    this.#at = 0;
    let ended: boolean;
    try {
      ended = this.#takeAll(bytes, view);
    } catch (error) {
      this.fault = error;
      this.#taker = { take: () => {} };
      ended = this.#takeAll(bytes, view);
    }
    const left = bytes.subarray(this.#at);
    this.#pending = left.length === 0 ? [] : [left];
    this.#length = left.length;
    return ended;
  }

  /** @returns true where what follows belongs to the driver */
  #takeAll(bytes: Buffer, view: DataView): boolean {
    const taker = this.#taker;
    while (this.#at + MESSAGE_HEAD <= bytes.length) {
      const at = this.#at;
      const code = bytes[at];
      // The driver learns of an error, and ends the query by it.
      if (code === ERROR) return true;
      const end = at + 1 + view.getUint32(at + 1);
      if (end > bytes.length) {
        this.#needed = end - at;
        return false;
      }
      this.#at = end;
      if (code === COPY_DATA) taker.take(bytes, view, at + MESSAGE_HEAD, end);
      else if (code === COPY_DONE) return true;
    }
    return false;
  }
}

/** Bytes that are received for nothing when their taker wants no more; then the connection is given up. */
const MOST_LEFT_BYTES = 1 << 22;

type Listener = (bytes: Buffer) => void;

/**
 * A query by which the driver hands over its connection while rows come. Its own reader makes an object of every row, and a
 * stream of every message: both take several times as long as the server does.
 */
class CopyOut implements Submittable {
  /** Set by the driver: ends the timer that it set for the answer. */
  callback: (() => void) | undefined;
  readonly #text: string;
  readonly #frames: CopyFrames;
  readonly #end: (error?: unknown) => void;
  #stream: Connection['stream'] | undefined;
  #giveBack: (() => void) | undefined;
  /** Bytes that may follow after the taker threw: they must be received before anything else can be asked. */
  #left = MOST_LEFT_BYTES;

  constructor(text: string, taker: CopyTaker, end: (error?: unknown) => void) {
    this.#text = text;
    this.#end = end;
    this.#frames = new CopyFrames(taker);
  }

  submit(connection: Connection): void {
    const { stream } = connection;
    this.#stream = stream;
    const [driver] = stream.listeners('data') as Listener[];
    if (driver === undefined) throw new TypeError('the driver does not read its connection');
    const listen = (bytes: Buffer): void => {
      const rest = this.#frames.push(bytes);
      if (rest !== undefined) {
        this.#giveBack?.();
        driver(rest);
      } else if (this.#frames.fault !== undefined) {
        this.#left -= bytes.length;
        if (this.#left < 0) stream.destroy();
      }
    };
    stream.removeListener('data', driver);
    stream.on('data', listen);
    this.#giveBack = () => {
      this.#giveBack = undefined;
      stream.removeListener('data', listen);
      stream.on('data', driver);
    };
    connection.query(this.#text);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback?.();
    this.#end(this.#frames.fault);
  }

  handleError(error: unknown): void {
    this.callback?.();
    // An error of the server comes behind the rows; any other leaves the connection in the middle of them.
    if (this.#giveBack !== undefined) this.#stream?.destroy();
    this.#giveBack?.();
    this.#end(this.#frames.fault ?? error);
  }
}

/**
 * Runs a query and hands its rows over as they come; what is held is a piece of the answer, however long that is. The server may
 * answer with several processes.
 *
 * @param query - without parameters: values stand in it as literals
 * @throws what the taker throws. The rest of the rows is received then, or the connection given up where that is much
 */
export function copyOut(session: Session, query: string, taker: CopyTaker): Promise<void> {
  const receive = () =>
    new Promise<void>((resolve, reject) => {
      const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      session.client.query(new CopyOut(`COPY (${query}) TO STDOUT (FORMAT binary)`, taker, end));
    });
  return session.inTurn(receive);
}
