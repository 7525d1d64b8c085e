import type { HistoryKey } from '../../../../core/history.ts';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { StoredSyncEvent } from '../../../../ports/store.ts';
import { numberArray, storableText, textArray } from '../connection/arrays.ts';
import { CopyRows, copyRows } from '../connection/copy-rows.ts';
import type { Session } from '../connection/session.ts';

/** A new event with its whole place in the history of its device. */
export type PlacedEvent = Omit<StoredSyncEvent, 'status'> & HistoryKey;

/** Fewer rows go as arrays, in one round trip instead of two. */
const FEW = 24;

/** Writes new events; their partitions exist. */
export async function writeEvents(session: Session, events: readonly PlacedEvent[]): Promise<void> {
  if (events.length === 0) return;
  if (events.length > FEW) await copyRows(session, EVENT_TABLE, eventRows(events));
  else await insertEvents(session, events);
}

/** The columns of an event, in the order of {@link eventRows}. */
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

async function insertEvents(session: Session, events: readonly PlacedEvent[]): Promise<void> {
  const numbers = (of: (event: PlacedEvent) => number | null) => numberArray(events.map(of));
  const texts = (of: (event: PlacedEvent) => string | null) => textArray(events.map(of));
  await session.query(WRITE_EVENTS, [
    numbers(({ position }) => position),
    texts(({ deviceId }) => deviceId),
    numbers(({ timestamp }) => timestamp),
    numbers(({ epochIndex }) => epochIndex),
    numbers(({ tie }) => tie),
    texts(({ epoch }) => epoch),
    numbers(({ seq }) => seq),
    texts(({ eventId }) => eventId),
    numbers(({ deviceTime }) => deviceTime),
    numbers(({ sentAt }) => sentAt),
    numbers(({ receivedAt }) => receivedAt),
    numbers(({ clockQuality }) => clockQualities.indexOf(clockQuality)),
    numbers(({ totalFilesSynced }) => totalFilesSynced),
    numbers(({ totalErrors }) => totalErrors),
    numbers(({ internetSpeed }) => internetSpeed),
    numbers(({ syncDurationMs }) => syncDurationMs),
    numbers(({ bytesSynced }) => bytesSynced),
    texts(({ metadata }) => (metadata === null ? null : storableText(metadata))),
  ]);
}

const time = (name: string) => `timestamptz 'epoch' + ${name} * interval '1 millisecond'`;

const WRITE_EVENTS = `
  INSERT INTO sync_event (${EVENT_FIELDS})
  SELECT position, device_id, ${time('at')}, epoch_index, tie, epoch, seq, event_id, ${time('device_time')}, ${time('sent_at')},
    ${time('received_at')}, clock_quality, files, errors, speed, duration, bytes, metadata
  FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::int[], $5::bigint[], $6::text[], $7::bigint[], $8::text[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::smallint[], $13::bigint[], $14::bigint[], $15::float8[], $16::bigint[],
    $17::bigint[], $18::text[])
    AS t (position, device_id, at, epoch_index, tie, epoch, seq, event_id, device_time, sent_at, received_at, clock_quality,
      files, errors, speed, duration, bytes, metadata)`;
