import type { ClockQuality } from '@pisync/protocol';
import type { HistoryKey } from '../../../../core/history.ts';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { StoredSyncEvent } from '../../../../ports/store.ts';
import type { CopiedEvent } from '../../../../ports/store-copy.ts';
import { storableText } from '../connection/arrays.ts';
import { CopyRows } from '../wire/copy-rows.ts';
import type { RowReader } from '../wire/read-rows.ts';

/** A new event with its whole place in the history of its device. */
export type PlacedEvent = Omit<StoredSyncEvent, 'status'> & HistoryKey;

/** The columns of an event, in the order of {@link eventRows} and {@link readEvent}. */
export const EVENT_FIELDS = `position, device_id, timestamp, epoch_index, tie, epoch, seq, event_id, device_time, sent_at, received_at,
  clock_quality, total_files_synced, total_errors, internet_speed, sync_duration_ms, bytes_synced, metadata`;
const COLUMN_COUNT = 18;
/** Where {@link eventRows} go. */
export const EVENT_TABLE = `sync_event (${EVENT_FIELDS})`;

/** Events as COPY takes them. */
export function eventRows(events: readonly PlacedEvent[]): CopyRows {
  const rows = new CopyRows();
  for (const event of events) {
    rows.row(COLUMN_COUNT);
    rows.bigint(event.position);
    rows.text(event.deviceId);
    rows.time(event.timestamp);
    rows.integer(event.epochIndex);
    rows.bigint(event.tie);
    rows.text(event.epoch);
    rows.bigint(event.seq);
    rows.text(event.eventId);
    rows.time(event.deviceTime);
    rows.time(event.sentAt);
    rows.time(event.receivedAt);
    rows.smallint(clockQualities.indexOf(event.clockQuality));
    rows.bigint(event.totalFilesSynced);
    rows.bigint(event.totalErrors);
    rows.double(event.internetSpeed);
    rows.bigint(event.syncDurationMs);
    rows.bigint(event.bytesSynced);
    rows.text(event.metadata === null ? null : storableText(event.metadata));
  }
  return rows;
}

/** An event as COPY sends it. */
export function readEvent(row: RowReader): CopiedEvent {
  const position = row.bigint() as number;
  const deviceId = row.ascii() as string;
  const timestamp = row.time() as number;
  const epochIndex = row.integer() as number;
  const tie = row.bigint() as number;
  const epoch = row.ascii();
  const seq = row.bigint();
  const eventId = row.text();
  const deviceTime = row.time();
  const sentAt = row.time();
  const receivedAt = row.time() as number;
  const clockQuality = clockQualities[row.smallint() as number] as ClockQuality;
  const totalFilesSynced = row.bigint() as number;
  const totalErrors = row.bigint() as number;
  const internetSpeed = row.double();
  const syncDurationMs = row.bigint();
  const bytesSynced = row.bigint();
  const metadata = row.text();
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
    metadata,
    receivedAt,
    timestamp,
    clockQuality,
    position,
    epochIndex,
    tie,
  };
}
