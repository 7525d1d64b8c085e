import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { PisyncError } from '@pisync/protocol';
import type { PartialRule } from '../../../../core/fold.ts';
import { HourlyTotals } from '../../../../core/totals.ts';
import { freeBytes } from '../../sealed/bytes.ts';
import { DetectionEngine } from '../detections/detection-engine.ts';
import { isDamage } from '../format/connection.ts';
import { RecordView, SMALLEST_RECORD } from '../format/record.ts';
import { PointLog } from '../points/point-log.ts';
import { unpackPage } from './device-page.ts';
import { Ledger } from './ledger.ts';
import type { SealedIdentities } from './sealed-identities.ts';

export interface LoadedLedger {
  readonly ledger: Ledger;
  readonly chunk: number;
  readonly sealedChunk: number;
  /** True where the state on disk was folded under another policy and must be folded again. */
  readonly stale: boolean;
}

/**
 * Reads the snapshots and replays the log behind them: all that a crash can leave. This is also the cheap probe of a
 * store: every page and every unsealed record is read.
 *
 * @throws {PisyncError} `store_damaged`
 */
export function loadLedger(db: DatabaseSync, sealed: SealedIdentities, partial: PartialRule): LoadedLedger {
  return orDamaged(() => load(db, sealed, partial));
}

/** As {@link loadLedger}, for telemetry. @throws {PisyncError} `store_damaged` */
export function loadPoints(db: DatabaseSync): PointLog {
  return orDamaged(() => new PointLog(db));
}

/** As {@link loadLedger}, for detections. @throws {PisyncError} `store_damaged` */
export function loadDetections(db: DatabaseSync): DetectionEngine {
  return orDamaged(() => new DetectionEngine(db));
}

function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    // Outside SQLite's own errors, nothing here can fail but the decoding of what was read.
    if (
      cause instanceof PisyncError ||
      isDamage(cause) ||
      (cause as { errcode?: unknown }).errcode !== undefined
    )
      throw cause;
    throw new PisyncError('store_damaged', {
      detail: `the store's state cannot be read: ${String(cause)}`,
      cause,
    });
  }
}

function load(db: DatabaseSync, sealed: SealedIdentities, partial: PartialRule): LoadedLedger {
  const meta = new Map(
    (db.prepare('SELECT key, value, data FROM meta').all() as unknown as MetaRow[]).map((row) => [
      row.key,
      row,
    ]),
  );
  const sealedChunk = Number(meta.get('sealed')?.value ?? 0);
  const ledger = new Ledger(Number(meta.get('position')?.value ?? 1), partial, sealed);
  const hours = meta.get('hours');
  if (hours?.data) {
    ledger.hours = HourlyTotals.fromRows(new Float64Array(hours.data.slice().buffer));
    ledger.hoursApplied = Number(hours.value);
  }
  for (const row of db
    .prepare('SELECT page, applied, data FROM device_page')
    .iterate() as Iterable<unknown>) {
    const { page, applied, data } = row as { page: number; applied: number; data: Uint8Array };
    const image = unpackPage(page, data);
    ledger.devices.loadPage(image, applied);
    // A start reads all pages at once: their garbage would stay as the size of an idle server.
    freeBytes(image.rows, image.bytes, data);
  }
  const chunk = replayLog(db, ledger, sealedChunk);
  const policy = meta.get('partial')?.value;
  // A new store has no policy yet, and nothing that was folded under another.
  return { ledger, chunk, sealedChunk, stale: policy !== partial };
}

interface MetaRow {
  readonly key: string;
  readonly value: string | number;
  readonly data: Uint8Array | null;
}

interface LogRow {
  readonly chunk: number;
  readonly position: number;
  readonly crc: number;
  readonly data: Uint8Array;
}

function replayLog(db: DatabaseSync, ledger: Ledger, sealedChunk: number): number {
  const event = new RecordView();
  let last = sealedChunk;
  const rows = db
    .prepare('SELECT chunk, position, crc, data FROM log WHERE chunk > ? ORDER BY chunk')
    .iterate(sealedChunk);
  for (const row of rows as Iterable<unknown>) {
    const { chunk, position, crc, data } = row as LogRow;
    if (chunk !== last + 1 || position !== ledger.tail.nextPosition) {
      throw new RangeError(`log row ${chunk} (position ${position}) does not follow row ${last}`);
    }
    if (crc32(data) !== crc) throw new RangeError(`log row ${chunk} fails its checksum`);
    const reader = ledger.tail.beginChunk(data, Math.ceil(data.length / SMALLEST_RECORD));
    for (const end = reader.at + data.length; reader.at < end; ) {
      const start = reader.at;
      event.read(reader);
      ledger.replay(event, start, reader.at, chunk);
    }
    ledger.tail.endChunk(chunk);
    freeBytes(data);
    last = chunk;
  }
  return last;
}
