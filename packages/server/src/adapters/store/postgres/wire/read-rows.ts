import { originalText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { readBigint } from './binary-bigint.ts';
import { readMicroseconds, readMilliseconds } from './binary-time.ts';
import { CopyHeader, END, NONE } from './copy-format.ts';
import { type CopyTaker, copyOut } from './copy-out.ts';

const LENGTH = 4;
const FIELD_COUNT = 2;

/** The fields of one row in their order, each to be read once, by its type. */
export class RowReader {
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;

  /** Takes up a row whose fields begin at `at`. */
  open(bytes: Buffer, view: DataView, at: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = at;
  }

  /** Goes behind the next field. @returns where its bytes begin; -1 where it is null */
  #next(): number {
    const length = this.#view.getInt32(this.#at);
    const at = this.#at + LENGTH;
    if (length === NONE) {
      this.#at = at;
      return NONE;
    }
    this.#at = at + length;
    return at;
  }

  double(): number | null {
    const at = this.#next();
    return at === NONE ? null : this.#view.getFloat64(at);
  }

  /** `bigint`, within what a double holds. */
  bigint(): number | null {
    const at = this.#next();
    return at === NONE ? null : readBigint(this.#view, at);
  }

  integer(): number | null {
    const at = this.#next();
    return at === NONE ? null : this.#view.getInt32(at);
  }

  smallint(): number | null {
    const at = this.#next();
    return at === NONE ? null : this.#view.getInt16(at);
  }

  /** `timestamptz` of whole milliseconds, as epoch milliseconds. */
  time(): number | null {
    const at = this.#next();
    return at === NONE ? null : readMilliseconds(this.#view, at);
  }

  /** `timestamptz` as epoch microseconds, where those are a safe integer. */
  microseconds(): number | null {
    const at = this.#next();
    return at === NONE ? null : readMicroseconds(this.#view, at);
  }

  /** Text as it was before `storableText`. */
  text(): string | null {
    const at = this.#next();
    return at === NONE ? null : originalText(this.#bytes.toString('utf8', at, this.#at));
  }

  /** Text of ASCII characters, none of which `storableText` changes. */
  ascii(): string | null {
    const at = this.#next();
    return at === NONE ? null : this.#bytes.toString('latin1', at, this.#at);
  }

  /** `bytea`, as a part of what was received. */
  bytes(): Buffer | null {
    const at = this.#next();
    return at === NONE ? null : this.#bytes.subarray(at, this.#at);
  }
}

/**
 * Runs a query and hands out its rows one by one; see {@link copyOut}.
 *
 * @param take - called for each row, with a reader that is valid for the call
 */
export function readRows(session: Session, query: string, take: (row: RowReader) => void): Promise<void> {
  return copyOut(session, query, new RowTaker(take));
}

class RowTaker implements CopyTaker {
  readonly #take: (row: RowReader) => void;
  readonly #header = new CopyHeader();
  readonly #reader = new RowReader();

  constructor(take: (row: RowReader) => void) {
    this.#take = take;
  }

  take(bytes: Buffer, view: DataView, from: number, to: number): void {
    const at = this.#header.skip(bytes, view, from, to);
    if (at >= to || view.getInt16(at) === END) return;
    this.#reader.open(bytes, view, at + FIELD_COUNT);
    this.#take(this.#reader);
  }
}
