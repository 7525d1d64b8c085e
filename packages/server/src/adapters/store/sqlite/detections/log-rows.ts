import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { PisyncError } from '@pisync/protocol';
import { ByteReader, freeBytes } from '../../sealed/bytes.ts';
import { DetectionView } from '../format/detection-record.ts';
import { TextMemo } from '../format/text-memo.ts';
import type { SealedRow } from '../sealed-detections/detection-seal.ts';

/** What of the log a run is made of. */
export interface LogSealOrder {
  readonly run: number;
  readonly detections: number;
  /** Ordinal of the first of them. */
  readonly firstOrdinal: number;
  /** Log rows after `afterChunk` up to `lastChunk`. */
  readonly afterChunk: number;
  readonly lastChunk: number;
  /** How many of them, from the first on, are in their networks already. */
  readonly folded: number;
}

/** Rows of the log read in one go: a read transaction ends with them. */
const ROWS_AT_ONCE = 16;

/** The detections of a stretch of the log, in order. @throws {PisyncError} `store_damaged` */
export function* readLogRows(db: DatabaseSync, order: LogSealOrder): Generator<SealedRow, void> {
  const some = db.prepare(
    `SELECT chunk, crc, data FROM detection_log WHERE chunk > ? AND chunk <= ? ORDER BY chunk LIMIT ${ROWS_AT_ONCE}`,
  );
  const view = new DetectionView(new TextMemo());
  let ordinal = order.firstOrdinal;
  for (let after = order.afterChunk; after < order.lastChunk; ) {
    const rows = some.all(after, order.lastChunk) as unknown as LogRow[];
    if (rows.length === 0) return;
    for (const { chunk, crc, data } of rows) {
      if (crc32(data) !== crc)
        throw new PisyncError('store_damaged', { detail: 'a row of the log fails its checksum' });
      const reader = new ByteReader(data);
      while (reader.at < data.length) {
        view.read(reader);
        view.ordinal = ordinal++;
        yield { detection: view.toStored(), hashHigh: view.hashHigh, hashed: view.hashed };
      }
      freeBytes(data);
      after = chunk;
    }
  }
}

interface LogRow {
  readonly chunk: number;
  readonly crc: number;
  readonly data: Uint8Array;
}
