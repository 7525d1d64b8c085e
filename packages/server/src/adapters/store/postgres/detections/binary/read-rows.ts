import { to } from 'pg-copy-streams';
import { stopAnswerTimer } from '../../connection/answer-timer.ts';
import { originalText } from '../../connection/arrays.ts';
import type { Session } from '../../connection/session.ts';
import { readTime } from './binary-time.ts';

const SIGNATURE = 11;
/** Signature, flags, and the length of what else is told ahead. */
const HEADER = SIGNATURE + 8;
const LENGTH = 4;
const FIELD_COUNT = 2;
const NONE = -1;

/** The fields of one row in their order, each to be read once, by its type. */
export class RowReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Takes up a row whose fields begin at `at`. */
  open(bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Length of the next field, whose bytes begin at the place afterwards. */
  #length(): number {
    const length = this.#bytes.readInt32BE(this.#at);
    this.#at += LENGTH;
    return length;
  }

  double(): number | null {
    if (this.#length() === NONE) return null;
    this.#at += 8;
    return this.#bytes.readDoubleBE(this.#at - 8);
  }

  /** `bigint`, within what a double holds. */
  bigint(): number | null {
    if (this.#length() === NONE) return null;
    this.#at += 8;
    return this.#bytes.readInt32BE(this.#at - 8) * 2 ** 32 + this.#bytes.readUInt32BE(this.#at - 4);
  }

  smallint(): number | null {
    if (this.#length() === NONE) return null;
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  /** `timestamptz` of whole milliseconds, as epoch milliseconds. */
  time(): number | null {
    if (this.#length() === NONE) return null;
    this.#at += 8;
    return readTime(this.#bytes, this.#at - 8);
  }

  /** Text as it was before `storableText`. */
  text(): string | null {
    const length = this.#length();
    if (length === NONE) return null;
    this.#at += length;
    return originalText(this.#bytes.toString('utf8', this.#at - length, this.#at));
  }
}

/**
 * Runs a query and hands out its rows one by one, as they come; what is held is a piece of the answer, however long that is.
 * The server may answer with several processes.
 *
 * @param query - without parameters: values stand in it as literals
 * @param take - called for each row, with a reader that is valid for the call; what it throws is thrown when all has come
 */
export function readRows(session: Session, query: string, take: (row: RowReader) => void): Promise<void> {
  return session.inTurn(async () => {
    const stream = session.client.query(to(`COPY (${query}) TO STDOUT (FORMAT binary)`));
    const rows = new Rows(take);
    try {
      // To leave the loop would leave the connection in the middle of an answer.
      for await (const chunk of stream as AsyncIterable<Buffer>) rows.push(chunk);
    } finally {
      stopAnswerTimer(stream);
    }
    rows.end();
  });
}

/** Cuts an answer into rows, however it comes. */
class Rows {
  readonly #take: (row: RowReader) => void;
  readonly #reader = new RowReader();
  #rest: Buffer = Buffer.alloc(0);
  #begun = false;
  #fault: { readonly error: unknown } | undefined;

  constructor(take: (row: RowReader) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    if (this.#fault !== undefined) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      this.#rest = bytes.subarray(this.#takeAll(bytes));
    } catch (error) {
      this.#fault = { error };
    }
  }

  /** @throws what was thrown for a row */
  end(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  /** @returns where the first row begins whose end has not come */
  #takeAll(bytes: Buffer): number {
    if (!this.#begun && bytes.length < HEADER) return 0;
    let at = this.#begun ? 0 : HEADER;
    this.#begun = true;
    for (let end = endOfRow(bytes, at); end !== NONE; end = endOfRow(bytes, at)) {
      // The end of the answer stands where the number of fields would.
      if (bytes.readInt16BE(at) !== NONE) {
        this.#reader.open(bytes, at + FIELD_COUNT);
        this.#take(this.#reader);
      }
      at = end;
    }
    return at;
  }
}

/** Where the row that begins at `at` ends; -1 where its end is not there yet. */
function endOfRow(bytes: Buffer, at: number): number {
  if (at + FIELD_COUNT > bytes.length) return NONE;
  const fields = bytes.readInt16BE(at);
  let end = at + FIELD_COUNT;
  for (let field = 0; field < fields; field++) {
    if (end + LENGTH > bytes.length) return NONE;
    end += LENGTH + Math.max(0, bytes.readInt32BE(end));
  }
  return end > bytes.length ? NONE : end;
}
