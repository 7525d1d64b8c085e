import type { DatabaseSync } from 'node:sqlite';
import type { PositionSet } from '../../../../core/copy/position-set.ts';
import { identityHash, identityKind } from '../../../../core/identity.ts';
import type { CopiedEvent } from '../../../../ports/store-copy.ts';
import { type BlockRow, compareRows } from '../format/block.ts';
import { BLOCKS_PER_RUN, runRows, SealedHistory } from '../state/sealed-history.ts';
import { buildRun } from '../threads/seal.ts';
import type { CopiedDeviceTable, TargetDevice } from './copied-device-table.ts';

/** Runs of this level are larger than what is sealed from the log, and are merged with their like. */
const LEVEL = 1;
const EVENTS_AT_ONCE = 25_000;

/** Writes events as a run of sealed history. Within a transaction. */
export function writeRun(db: DatabaseSync, devices: CopiedDeviceTable, events: readonly CopiedEvent[]): void {
  const rows = events.map((event) => rowOf(event, devices)).sort(compareRows);
  const identities = rows.filter(({ hashed }) => hashed).length;
  devices.write();
  const { lastInsertRowid } = db
    .prepare(
      `INSERT INTO run (live, level, events, bytes, min_timestamp, max_timestamp, identities)
       VALUES (0, ${LEVEL}, 0, 0, 0, 0, 0)`,
    )
    .run();
  const run = Number(lastInsertRowid);
  const put = db.prepare('INSERT INTO block (id, run, device, timestamp, data) VALUES (?, ?, ?, ?, ?)');
  let block = run * BLOCKS_PER_RUN;
  for (const { blocks, finished } of buildRun(rows, { run, level: LEVEL, identities })) {
    for (const { device, timestamp, data } of blocks) put.run(block++, run, device, timestamp, data);
    if (finished === null) continue;
    db.prepare(
      `UPDATE run SET live = 1, events = ?, bytes = ?, min_timestamp = ?, max_timestamp = ?, identities = ?, filter = ?
       WHERE id = ?`,
    ).run(
      finished.events,
      finished.bytes,
      finished.minTimestamp,
      finished.maxTimestamp,
      identities,
      finished.filter,
      run,
    );
  }
}

function rowOf(event: CopiedEvent, devices: CopiedDeviceTable): BlockRow {
  const device = devices.intern(event.deviceId);
  if (event.epoch !== null) devices.noteEpoch(device, event.epochIndex, event.epoch);
  const kind = identityKind(event);
  const hashed = kind === 'event_id' || kind === 'digest';
  const { high, low } = hashed ? identityHash(event) : { high: 0, low: 0 };
  return { ...event, device: device.number, hashed, hashHigh: high, hashLow: low };
}

/** All events of the runs, some at a time, run by run. */
export function* eventsOfRuns(
  db: DatabaseSync,
  devices: readonly TargetDevice[],
  known: PositionSet,
): Generator<readonly CopiedEvent[]> {
  for (const run of new SealedHistory(db).liveRuns()) {
    let batch: CopiedEvent[] = [];
    for (const row of runRows(db, run.id)) {
      if (known.has(row.position)) continue;
      const { deviceId, epochs } = devices[row.device] as TargetDevice;
      batch.push(toCopiedEvent(row, deviceId, epochs));
      if (batch.length < EVENTS_AT_ONCE) continue;
      yield batch;
      batch = [];
    }
    yield batch;
  }
}

/** @param epochs - names of the device's epochs */
export function toCopiedEvent(row: BlockRow, deviceId: string, epochs: readonly string[]): CopiedEvent {
  // Field by field, which is quicker than to take some out of a copy.
  return {
    kind: 'sync_event',
    deviceId,
    epoch: row.seq === null ? null : (epochs[row.epochIndex - 1] as string),
    seq: row.seq,
    eventId: row.eventId,
    deviceTime: row.deviceTime,
    sentAt: row.sentAt,
    totalFilesSynced: row.totalFilesSynced,
    totalErrors: row.totalErrors,
    internetSpeed: row.internetSpeed,
    syncDurationMs: row.syncDurationMs,
    bytesSynced: row.bytesSynced,
    metadata: row.metadata,
    receivedAt: row.receivedAt,
    timestamp: row.timestamp,
    clockQuality: row.clockQuality,
    position: row.position,
    epochIndex: row.epochIndex,
    tie: row.tie,
  };
}
