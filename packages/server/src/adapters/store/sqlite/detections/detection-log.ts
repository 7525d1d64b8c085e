import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Detection } from '@pisync/protocol';
import { ByteReader, freeBytes } from '../../sealed/bytes.ts';
import { DetectionView } from '../format/detection-record.ts';
import { DetectionTail, type SealableDetections } from './detection-tail.ts';
import type { SealedDetections, SequenceCounters } from './known-detections.ts';

/** Outcome codes as they cross between threads. */
const STORED = 0;
const DUPLICATE = 1;
const CONFLICT = 2;

/** Rows and bytes deleted in one go, so that no commit waits long behind a clean-up. */
const SWEEP_ROWS = 500;
const SWEEP_BYTES = 2 * 1024 * 1024;

/** Up to where detections are sealed. */
export type DetectionWatermark = Pick<SealableDetections, 'lastChunk' | 'nextOrdinal'>;

/**
 * Detections on the writing connection: the log of their records, and the tail that mirrors it in memory. Everything here
 * runs inside a transaction of the engine, or between two; when something throws, or the transaction fails, memory is void
 * and the store is read again.
 */
export class DetectionLog {
  readonly tail: DetectionTail;
  /** Number of the newest row. */
  chunk: number;
  /** Rows up to this one are sealed; they may still lie in the table until they are swept. */
  sealedChunk: number;
  readonly #db: DatabaseSync;
  readonly #append: StatementSync;
  readonly #putMeta: StatementSync;
  readonly #view = new DetectionView();
  /** What {@link admit} has kept and {@link write} has not written yet. */
  #pending: { readonly ordinal: number; readonly data: Uint8Array } | undefined;
  /** What {@link #take} or {@link #takeSealed} made of the detection they were asked about. */
  #outcome = STORED;

  /**
   * Reads all that is not sealed.
   *
   * @throws {RangeError} where it cannot be read
   */
  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#append = db.prepare('INSERT INTO detection_log (chunk, ordinal, crc, data) VALUES (?, ?, ?, ?)');
    this.#putMeta = db.prepare('INSERT OR REPLACE INTO meta (key, value, data) VALUES (?, ?, NULL)');
    const meta = db.prepare('SELECT value FROM meta WHERE key = ?');
    const metaOr = (key: string, none: number): number =>
      (meta.get(key) as { value: number } | undefined)?.value ?? none;
    this.sealedChunk = metaOr('detections_sealed', 0);
    this.chunk = this.sealedChunk;
    this.tail = new DetectionTail(metaOr('detections_ordinal', 1));
    this.#load();
  }

  #load(): void {
    const rows = this.#db
      .prepare('SELECT chunk, ordinal, crc, data FROM detection_log WHERE chunk > ? ORDER BY chunk')
      .iterate(this.sealedChunk);
    for (const { chunk, ordinal, crc, data } of rows as Iterable<unknown> as Iterable<LogRow>) {
      if (chunk !== this.chunk + 1 || ordinal !== this.tail.nextOrdinal) {
        throw new RangeError(
          `detection log row ${chunk} (ordinal ${ordinal}) does not follow row ${this.chunk}`,
        );
      }
      if (crc32(data) !== crc) throw new RangeError(`detection log row ${chunk} fails its checksum`);
      this.chunk = chunk;
      this.#keepAll(data);
      freeBytes(data);
    }
  }

  #keepAll(data: Uint8Array): void {
    const reader = this.tail.beginChunk(data, countRecords(data));
    for (const end = reader.at + data.length; reader.at < end; ) {
      const start = reader.at;
      this.#view.read(reader);
      this.tail.append(start, reader.at, this.#view);
    }
    this.tail.endChunk(this.chunk);
  }

  /**
   * Takes those of `count` records whose identity is new, in their order, so that the first of equal ones is stored.
   * {@link write} must follow before more are admitted.
   *
   * A number that the device has used before and that no stored detection bears is a conflict where another kind of
   * observation holds it. Else it is a duplicate: its row is gone, but it was stored all the same, and its body can no longer
   * be compared.
   *
   * @param count - at most {@link DetectionTail.maxChunkDetections}
   * @returns one outcome code per record: 0 stored, 1 duplicate, 2 conflict
   */
  admit(
    records: Uint8Array,
    count: number,
    counters: SequenceCounters,
    sealed: SealedDetections,
  ): Uint8Array {
    if (this.#pending !== undefined) throw new TypeError('what was admitted before is not written yet');
    const outcomes = new Uint8Array(count);
    const { tail } = this;
    const view = this.#view;
    const ordinal = tail.nextOrdinal;
    const reader = tail.beginChunk(records, count);
    for (let index = 0; index < count; index++) {
      const start = reader.at;
      view.read(reader);
      const outcome = this.#known(view, counters, sealed);
      outcomes[index] = outcome;
      if (outcome === CONFLICT) counters.conflict(view);
      if (outcome !== STORED) continue;
      counters.stored(view);
      tail.append(start, reader.at, view);
    }
    const data = tail.endChunk(this.chunk + 1);
    if (data.length > 0) this.#pending = { ordinal, data };
    return outcomes;
  }

  #known(view: DetectionView, counters: SequenceCounters, sealed: SealedDetections): number {
    if (!view.hashed) return STORED;
    if (view.seq !== null && !counters.has(view)) return STORED;
    this.#outcome = STORED;
    if (this.tail.find(view, this.#take) || sealed.find(view, this.#takeSealed)) return this.#outcome;
    if (view.seq === null) return STORED;
    return counters.heldByOther(view) ? CONFLICT : DUPLICATE;
  }

  readonly #take = (candidate: DetectionView): boolean => {
    if (!hasIdentityOf(this.#view, candidate)) return false;
    return this.#judge(this.#view.sameBodyAs(candidate));
  };

  readonly #takeSealed = (candidate: Detection): boolean => {
    if (!hasIdentityOf(this.#view, candidate)) return false;
    return this.#judge(this.#view.sameBody(candidate));
  };

  /** Equal hashes of different bodies are different facts; a digest is the whole body, so it cannot conflict. */
  #judge(same: boolean): boolean {
    if (!same && this.#view.byDigest) return false;
    this.#outcome = same ? DUPLICATE : CONFLICT;
    return true;
  }

  /** Appends what was admitted as one row; to be called within a transaction. @returns bytes written */
  write(): number {
    if (this.#pending === undefined) return 0;
    const { ordinal, data } = this.#pending;
    this.#append.run(this.chunk + 1, ordinal, crc32(data), data);
    this.#pending = undefined;
    this.chunk += 1;
    return data.length;
  }

  /** Makes the log rows up to a chunk garbage; to be called in the transaction that makes their run part of history. */
  finishSeal({ lastChunk, nextOrdinal }: DetectionWatermark): void {
    this.#putMeta.run('detections_sealed', lastChunk);
    this.#putMeta.run('detections_ordinal', nextOrdinal);
  }

  /** After the transaction of {@link finishSeal}: memory follows. */
  sealed({ lastChunk, nextOrdinal }: DetectionWatermark): void {
    this.sealedChunk = lastChunk;
    this.tail.drop(nextOrdinal);
  }

  /** Deletes a slice of the sealed rows. True if there may be more. */
  sweep(): boolean {
    const rows = this.#db
      .prepare(
        `SELECT chunk, length(data) AS bytes FROM detection_log WHERE chunk <= ? ORDER BY chunk LIMIT ${SWEEP_ROWS}`,
      )
      .all(this.sealedChunk) as { chunk: number; bytes: number }[];
    let last: number | undefined;
    let bytes = 0;
    for (const row of rows) {
      if (last !== undefined && bytes + row.bytes > SWEEP_BYTES) break;
      last = row.chunk;
      bytes += row.bytes;
    }
    if (last === undefined) return false;
    this.#db.prepare('DELETE FROM detection_log WHERE chunk <= ?').run(last);
    return true;
  }
}

interface LogRow {
  readonly chunk: number;
  readonly ordinal: number;
  readonly crc: number;
  readonly data: Uint8Array;
}

/** @throws {RangeError} where the lengths of the records do not add up */
function countRecords(data: Uint8Array): number {
  const reader = new ByteReader(data);
  let count = 0;
  for (let at = 0; at < data.length; count++) {
    reader.at = at;
    const length = at + 4 <= data.length ? reader.u32() : 0;
    if (length === 0 || at + length > data.length) throw new RangeError(`a record at ${at} does not end`);
    at += length;
  }
  return count;
}

/** True where two detections of one identity hash have one identity, as far as it does not lie in the body. */
function hasIdentityOf(view: DetectionView, other: DetectionView | Detection): boolean {
  if (view.seq !== other.seq || view.deviceId !== other.deviceId) return false;
  return view.seq !== null ? view.epoch === other.epoch : view.eventId === other.eventId;
}
