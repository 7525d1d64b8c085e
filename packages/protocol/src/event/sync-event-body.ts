import type { SyncEvent } from '../observation.ts';

/**
 * The canonical text of what an event says: all fields but those that only identify or deliver it (`epoch`, `seq`,
 * `event_id`, `sent_at`).
 *
 * It is the canonical JSON text of the wire form with absent fields left out and the timestamp in epoch milliseconds.
 * Two events have equal texts exactly when {@link sameBody} holds. The digest identity is made of it, so it may never
 * change for events that can be stored today; see docs/spec/protocol.md.
 */
export function canonicalBody(event: SyncEvent): string {
  // Keys stand in the order of their code units; a device id needs no escapes.
  let text = event.bytesSynced === null ? '{' : `{"bytes_synced":${event.bytesSynced},`;
  text += `"device_id":"${event.deviceId}",`;
  if (event.internetSpeed !== null) text += `"internet_speed":${event.internetSpeed},`;
  text += '"kind":"sync_event",';
  if (event.metadata !== null) text += `"metadata":${event.metadata},`;
  if (event.syncDurationMs !== null) text += `"sync_duration_ms":${event.syncDurationMs},`;
  if (event.deviceTime !== null) text += `"timestamp":${event.deviceTime},`;
  return `${text}"total_errors":${event.totalErrors},"total_files_synced":${event.totalFilesSynced}}`;
}

/** True where two events say the same, however they were identified and whenever they were sent. */
export function sameBody(a: SyncEvent, b: SyncEvent): boolean {
  return (
    a.deviceId === b.deviceId &&
    a.deviceTime === b.deviceTime &&
    a.totalFilesSynced === b.totalFilesSynced &&
    a.totalErrors === b.totalErrors &&
    a.internetSpeed === b.internetSpeed &&
    a.syncDurationMs === b.syncDurationMs &&
    a.bytesSynced === b.bytesSynced &&
    a.metadata === b.metadata
  );
}
