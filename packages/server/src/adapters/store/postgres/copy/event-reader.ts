import type { ClockQuality } from '@pisync/protocol';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { CopiedEvent } from '../../../../ports/store-copy.ts';
import { originalText } from '../connection/arrays.ts';

/** Milliseconds from 1970 to 2000, where PostgreSQL counts from. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const WORD = 0x1_0000_0000;
/** Milliseconds of 2^32 microseconds. */
const HIGH_MS = WORD / 1000;

/** Reads the fields of a row as `COPY … TO STDOUT (FORMAT binary)` sends them, one after the other. */
class FieldReader {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;

  /** Goes behind the length of the next field; negative for none. */
  #length(): number {
    const length = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return length;
  }

  bigint(): number {
    const value = this.bytes.readInt32BE(this.at + 4) * WORD + this.bytes.readUInt32BE(this.at + 8);
    this.at += 12;
    return value;
  }

  bigintOrNone(): number | null {
    return this.#skipNone() ? null : this.bigint();
  }

  small(): number {
    const value = this.bytes.readInt16BE(this.at + 4);
    this.at += 6;
    return value;
  }

  integer(): number {
    const value = this.bytes.readInt32BE(this.at + 4);
    this.at += 8;
    return value;
  }

  doubleOrNone(): number | null {
    if (this.#skipNone()) return null;
    const value = this.bytes.readDoubleBE(this.at + 4);
    this.at += 12;
    return value;
  }

  /** Whole milliseconds since 1970; what a double lacks for microseconds is less than half of one. */
  time(): number {
    const high = this.bytes.readInt32BE(this.at + 4);
    const low = this.bytes.readUInt32BE(this.at + 8);
    this.at += 12;
    return Math.round(high * HIGH_MS + low / 1000) + POSTGRES_EPOCH_MS;
  }

  timeOrNone(): number | null {
    return this.#skipNone() ? null : this.time();
  }

  ascii(): string {
    const length = this.#length();
    this.at += length;
    return this.bytes.toString('latin1', this.at - length, this.at);
  }

  asciiOrNone(): string | null {
    return this.#skipNone() ? null : this.ascii();
  }

  textOrNone(): string | null {
    if (this.#skipNone()) return null;
    const length = this.#length();
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }

  #skipNone(): boolean {
    if (this.bytes.readInt32BE(this.at) >= 0) return false;
    this.at += 4;
    return true;
  }
}

/** Signature, flags and length of what else comes before the first row. */
const HEADER = 19;
const FIRST = 0x50;

/** Takes events as COPY sends them, with the columns of `EVENT_FIELDS`; see `copyOut`. */
export class EventTaker {
  events: CopiedEvent[] = [];
  readonly #reader = new FieldReader();

  take(bytes: Buffer, _view: DataView, from: number, to: number): void {
    // A row begins with the number of its fields, which is small; the end is told by -1.
    const reader = this.#reader;
    reader.bytes = bytes;
    reader.at = bytes[from] === FIRST ? from + HEADER : from;
    if (reader.at >= to || bytes.readInt16BE(reader.at) < 0) return;
    reader.at += 2;
    this.events.push(readEvent(reader));
  }
}

function readEvent(reader: FieldReader): CopiedEvent {
  const position = reader.bigint();
  const deviceId = reader.ascii();
  const timestamp = reader.time();
  const epochIndex = reader.integer();
  const tie = reader.bigint();
  const epoch = reader.asciiOrNone();
  const seq = reader.bigintOrNone();
  const eventId = reader.textOrNone();
  const deviceTime = reader.timeOrNone();
  const sentAt = reader.timeOrNone();
  const receivedAt = reader.time();
  const clockQuality = clockQualities[reader.small()] as ClockQuality;
  const totalFilesSynced = reader.bigint();
  const totalErrors = reader.bigint();
  const internetSpeed = reader.doubleOrNone();
  const syncDurationMs = reader.bigintOrNone();
  const bytesSynced = reader.bigintOrNone();
  const metadata = reader.textOrNone();
  return {
    kind: 'sync_event',
    deviceId,
    epoch,
    seq,
    eventId,
    deviceTime,
    sentAt,
    totalFilesSynced,
    totalErrors,
    internetSpeed,
    syncDurationMs,
    bytesSynced,
    metadata: metadata === null ? null : originalText(metadata),
    receivedAt,
    timestamp,
    clockQuality,
    position,
    epochIndex,
    tie,
  };
}
