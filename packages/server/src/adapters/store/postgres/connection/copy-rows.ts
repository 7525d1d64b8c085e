import { once } from 'node:events';
import { from as copyFrom } from 'pg-copy-streams';
import { stopAnswerTimer } from './answer-timer.ts';
import type { Session } from './session.ts';

/*
 * Rows in the binary format of COPY (PostgreSQL manual, "COPY", section "Binary Format"): a signature, rows of a count of
 * fields and each field with its length before it, and a count of -1 at the end. Numbers are big-endian.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const FIRST_CAPACITY = 65_536;

/** Milliseconds from 1970 to 2000, where PostgreSQL counts from. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const WORD = 0x1_0000_0000;

/** Rows on their way into a table. Each `row` is followed by as many fields as it says. */
export class CopyRows {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY);
  #at = SIGNATURE.copy(this.#bytes);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  row(fields: number): void {
    this.#reserve(2);
    this.#at = this.#bytes.writeInt16BE(fields, this.#at);
    this.#count += 1;
  }

  none(): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeInt32BE(-1, this.#at);
  }

  smallint(value: number): void {
    this.#reserve(6);
    this.#bytes.writeInt32BE(2, this.#at);
    this.#at = this.#bytes.writeInt16BE(value, this.#at + 4);
  }

  integer(value: number): void {
    this.#reserve(8);
    this.#bytes.writeInt32BE(4, this.#at);
    this.#at = this.#bytes.writeInt32BE(value, this.#at + 4);
  }

  /** A whole number that a double holds; null for none. */
  bigint(value: number | null): void {
    if (value === null) {
      this.none();
      return;
    }
    this.#reserve(12);
    this.#bytes.writeInt32BE(8, this.#at);
    this.#bytes.writeInt32BE(Math.floor(value / WORD), this.#at + 4);
    this.#at = this.#bytes.writeUInt32BE(
      value >= 0 ? value % WORD : ((value % WORD) + WORD) % WORD,
      this.#at + 8,
    );
  }

  double(value: number | null): void {
    if (value === null) {
      this.none();
      return;
    }
    this.#reserve(12);
    this.#bytes.writeInt32BE(8, this.#at);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at + 4);
  }

  /** A `timestamptz`, given as whole epoch milliseconds of the years 0 to 9999. */
  time(ms: number | null): void {
    if (ms === null) {
      this.none();
      return;
    }
    this.#reserve(12);
    this.#bytes.writeInt32BE(8, this.#at);
    // Microseconds do not fit into a double: multiplied in two halves.
    const since = ms - POSTGRES_EPOCH_MS;
    const high = Math.floor(since / WORD);
    const low = (since - high * WORD) * 1000;
    const carry = Math.floor(low / WORD);
    this.#bytes.writeInt32BE(high * 1000 + carry, this.#at + 4);
    this.#at = this.#bytes.writeUInt32BE(low - carry * WORD, this.#at + 8);
  }

  text(value: string | null): void {
    if (value === null) {
      this.none();
      return;
    }
    this.#reserve(4 + value.length * 3);
    const length = this.#bytes.write(value, this.#at + 4, 'utf8');
    this.#bytes.writeInt32BE(length, this.#at);
    this.#at += 4 + length;
  }

  /** 16 bytes, given as 32 hexadecimal digits. */
  uuid(digits: string | null): void {
    if (digits === null) {
      this.none();
      return;
    }
    this.#reserve(20);
    this.#bytes.writeInt32BE(16, this.#at);
    this.#bytes.write(digits, this.#at + 4, 'hex');
    this.#at += 20;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(4 + value.length);
    this.#at = this.#bytes.writeInt32BE(value.length, this.#at);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** All that was written; nothing may be added afterwards. */
  end(): Buffer {
    this.#reserve(2);
    this.#at = this.#bytes.writeInt16BE(-1, this.#at);
    return this.#bytes.subarray(0, this.#at);
  }
}

/**
 * Sends rows into a table.
 *
 * @param into - table and columns, such as `identity (key, body)`
 */
export async function copyRows(session: Session, into: string, rows: CopyRows): Promise<void> {
  await session.inTurn(async () => {
    const stream = session.client.query(copyFrom(`COPY ${into} FROM STDIN WITH (FORMAT binary)`));
    const finished = once(stream, 'finish');
    stream.end(rows.end());
    await finished.finally(() => stopAnswerTimer(stream));
  });
}
