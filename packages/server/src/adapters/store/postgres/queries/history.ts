import { type SyncStatus, syncStatus } from '@pisync/protocol';
import type { HistoryKey } from '../../../../core/history.ts';
import { clockQualities } from '../../../../core/sync-state.ts';
import { WindowTotals } from '../../../../core/totals.ts';
import type {
  DeviceStatistics,
  HistoryPage,
  HistoryQuery,
  StoredSyncEvent,
} from '../../../../ports/store.ts';
import { originalText, storableText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';

/** Events that one call of `statistics` looks at. */
const SCAN_LIMIT = 100_000;

export type EventRow = Omit<StoredSyncEvent, 'kind' | 'status' | 'clockQuality'> &
  HistoryKey & { readonly quality: number };

export const EVENT_COLUMNS = `position, device_id AS "deviceId", timestamp, epoch_index AS "epochIndex", tie, epoch, seq,
  event_id AS "eventId", device_time AS "deviceTime", sent_at AS "sentAt", received_at AS "receivedAt",
  clock_quality AS quality, total_files_synced AS "totalFilesSynced", total_errors AS "totalErrors",
  internet_speed AS "internetSpeed", sync_duration_ms AS "syncDurationMs", bytes_synced AS "bytesSynced", metadata`;

/** What the counts of an event of this status are; the status itself is not stored. */
const statusConditions: Readonly<Record<SyncStatus, string>> = {
  success: 'total_errors = 0',
  partial: 'total_errors > 0 AND total_files_synced > 0',
  failed: 'total_errors > 0 AND total_files_synced = 0',
};

export function toEvent(row: EventRow): StoredSyncEvent {
  const { quality, tie: _tie, ...event } = row;
  return {
    kind: 'sync_event',
    ...event,
    metadata: event.metadata === null ? null : originalText(event.metadata),
    clockQuality: clockQualities[quality] as StoredSyncEvent['clockQuality'],
    status: syncStatus(event.totalFilesSynced, event.totalErrors),
  };
}

/** Conditions and values of a statement, numbered as they are added. */
class Conditions {
  readonly values: unknown[] = [];
  readonly #texts: string[] = [];

  /** Adds a condition in which `?` stands for the value. */
  add(text: string, ...values: unknown[]): void {
    let at = this.values.length;
    this.values.push(...values);
    this.#texts.push(text.replaceAll('?', () => `$${++at}`));
  }

  toString(): string {
    return this.#texts.join(' AND ');
  }
}

const TIME = `(timestamptz 'epoch' + ?::bigint * interval '1 millisecond')`;

export async function historyPage(session: Session, query: HistoryQuery): Promise<HistoryPage | undefined> {
  const { from, to, status, after, limit, offset = 0 } = query;
  const deviceId = storableText(query.deviceId);
  const [device] = await session.query<{ total: number }>(
    'SELECT syncs AS total FROM device WHERE device_id = $1',
    [deviceId],
  );
  if (device === undefined) return undefined;
  const where = new Conditions();
  where.add('device_id = ?', deviceId);
  if (from !== undefined) where.add(`timestamp >= ${TIME}`, from);
  if (to !== undefined) where.add(`timestamp < ${TIME}`, to);
  if (status !== undefined) where.add(statusConditions[status]);
  if (after !== undefined) {
    // The first part is implied by the second; it keeps newer partitions out of the plan.
    where.add(`timestamp <= ${TIME}`, after.timestamp);
    where.add(
      `(timestamp, epoch_index, tie) < (${TIME}, ?::int, ?::bigint)`,
      after.timestamp,
      after.epochIndex,
      after.tie,
    );
  }
  const rows = await session.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM sync_event WHERE ${where}
     ORDER BY timestamp DESC, epoch_index DESC, tie DESC LIMIT ${limit + 1} OFFSET ${offset}`,
    where.values,
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    items: shown.map(toEvent),
    next: more ? { timestamp: last.timestamp, epochIndex: last.epochIndex, tie: last.tie } : null,
    total: device.total,
  };
}

type Sums = Parameters<WindowTotals['add']>[0];

/** Adds up in the order of history, as every store does, so that sums of fractions are equal to the last digit. */
export async function deviceStatistics(
  session: Session,
  deviceId: string,
  from: number,
  to: number,
): Promise<DeviceStatistics | undefined> {
  const known = await session.query('SELECT FROM device WHERE device_id = $1', [storableText(deviceId)]);
  if (known.length === 0) return undefined;
  const rows = await session.query<Sums>(
    `SELECT total_files_synced AS "totalFilesSynced", total_errors AS "totalErrors", internet_speed AS "internetSpeed",
       sync_duration_ms AS "syncDurationMs", bytes_synced AS "bytesSynced"
     FROM sync_event WHERE device_id = $1 AND timestamp >= timestamptz 'epoch' + $2::bigint * interval '1 millisecond'
       AND timestamp < timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
     ORDER BY timestamp DESC, epoch_index DESC, tie DESC LIMIT ${SCAN_LIMIT + 1}`,
    [storableText(deviceId), from, to],
  );
  const sums = new WindowTotals();
  for (const row of rows.slice(0, SCAN_LIMIT)) sums.add(row);
  return { from, to, ...sums.result(), complete: rows.length <= SCAN_LIMIT };
}
