import { formatTimestamp, parseJson, type SyncEvent } from '@pisync/protocol';
import type {
  DeviceRecord,
  DeviceState,
  DeviceStatistics,
  HourTotals,
  QuarantinedItem,
  StoredSyncEvent,
  SyncTotals,
} from '../ports/store.ts';

/** Epoch milliseconds as RFC 3339, null kept. */
function time(ms: number | null): string | null {
  return ms === null ? null : formatTimestamp(ms);
}

/** Wire form of one sync of a history. */
export function syncView(event: StoredSyncEvent) {
  return {
    device_id: event.deviceId,
    timestamp: formatTimestamp(event.timestamp),
    sync_status: event.status,
    total_files_synced: event.totalFilesSynced,
    total_errors: event.totalErrors,
    internet_speed: event.internetSpeed,
    sync_duration_ms: event.syncDurationMs,
    bytes_synced: event.bytesSynced,
    clock_quality: event.clockQuality,
    device_time: time(event.deviceTime),
    received_at: formatTimestamp(event.receivedAt),
    epoch: event.epoch,
    seq: event.seq,
    event_id: event.eventId,
    metadata: metadataOf(event),
  };
}

function metadataOf(event: SyncEvent): unknown {
  return event.metadata === null ? null : parseJson(event.metadata);
}

/** Names of the fields of {@link syncView}. */
export const syncFields = [
  'device_id',
  'timestamp',
  'sync_status',
  'total_files_synced',
  'total_errors',
  'internet_speed',
  'sync_duration_ms',
  'bytes_synced',
  'clock_quality',
  'device_time',
  'received_at',
  'epoch',
  'seq',
  'event_id',
  'metadata',
] as const;

/** Wire form of one device. */
export function deviceView(device: DeviceRecord, state: DeviceState) {
  return {
    device_id: device.deviceId,
    status: state,
    consecutive_failures: device.consecutiveFailures,
    total_failures: device.totalFailures,
    failing_since: time(device.failingSince),
    last_failure: failureView(device),
    last_success_at: time(device.lastSuccessAt),
    last_sync: device.latest === null ? null : latestView(device.latest),
    clock_quality: device.latest?.clockQuality ?? null,
    clock_offset_ms: device.clockOffsetMs,
    first_seen_at: formatTimestamp(device.firstSeenAt),
    last_seen_at: formatTimestamp(device.lastSeenAt),
    epochs: device.epochs,
    totals: { ...totalsView(device.totals), conflicts: device.totals.conflicts },
  };
}

function latestView(sync: NonNullable<DeviceRecord['latest']>) {
  return {
    timestamp: formatTimestamp(sync.timestamp),
    sync_status: sync.status,
    total_files_synced: sync.totalFilesSynced,
    total_errors: sync.totalErrors,
    clock_quality: sync.clockQuality,
  };
}

/** Names of the fields of {@link deviceView}. */
export const deviceFields = [
  'device_id',
  'status',
  'consecutive_failures',
  'total_failures',
  'failing_since',
  'last_failure',
  'last_success_at',
  'last_sync',
  'clock_quality',
  'clock_offset_ms',
  'first_seen_at',
  'last_seen_at',
  'epochs',
  'totals',
] as const;

function failureView(device: DeviceRecord) {
  const failure = device.lastFailure;
  if (failure === null) return null;
  return {
    timestamp: formatTimestamp(failure.timestamp),
    sync_status: failure.status,
    total_errors: failure.totalErrors,
  };
}

/** Wire form of one device that fails repeatedly. */
export function failuresView(device: DeviceRecord, state: DeviceState) {
  return {
    device_id: device.deviceId,
    status: state,
    total_failures: device.totalFailures,
    consecutive_failures: device.consecutiveFailures,
    failing_since: time(device.failingSince),
    last_failure: failureView(device),
    last_success_at: time(device.lastSuccessAt),
    last_seen_at: formatTimestamp(device.lastSeenAt),
  };
}

/** Names of the fields of {@link failuresView}. */
export const failuresFields = [
  'device_id',
  'status',
  'total_failures',
  'consecutive_failures',
  'failing_since',
  'last_failure',
  'last_success_at',
  'last_seen_at',
] as const;

/** Wire form of sums over a time. */
export function totalsView(totals: SyncTotals) {
  const { syncs, success, partial, failed, files, errors, bytes } = totals;
  return { syncs, success, partial, failed, files, errors, bytes };
}

/** Wire form of one hour. */
export function hourView(hour: HourTotals) {
  return { hour: formatTimestamp(hour.hour), ...totalsView(hour) };
}

/** Wire form of one device's statistics. */
export function statisticsView(statistics: DeviceStatistics) {
  return {
    from: formatTimestamp(statistics.from),
    to: formatTimestamp(statistics.to),
    ...totalsView(statistics),
    average_internet_speed: statistics.averageSpeed,
    average_sync_duration_ms: statistics.averageDurationMs,
    complete: statistics.complete,
  };
}

/** Wire form of one quarantined item. */
export function quarantineView(item: QuarantinedItem) {
  return {
    id: item.id,
    device_id: item.deviceId,
    code: item.code,
    field: item.field,
    detail: item.detail,
    source: item.source,
    count: item.count,
    received_at: formatTimestamp(item.receivedAt),
    last_received_at: formatTimestamp(item.lastReceivedAt),
    truncated: item.truncated,
    raw: item.raw,
  };
}
