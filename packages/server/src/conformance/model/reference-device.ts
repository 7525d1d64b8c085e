import { identityHash, identityKind, tieOf } from '../../core/identity.ts';
import type {
  DeviceRecord,
  HistoryKey,
  StoredSyncEvent,
  StorePolicy,
  SyncTotals,
} from '../../ports/store.ts';

/** A stored event with its whole place in the device's history. */
export type PlacedEvent = StoredSyncEvent & HistoryKey;

/** Completes a stored event with the part of its {@link HistoryKey} that a history does not show. */
export function placeEvent(event: StoredSyncEvent): PlacedEvent {
  if (event.seq !== null) return { ...event, tie: event.seq };
  if (identityKind(event) === 'none') return { ...event, tie: event.position };
  const { high, low } = identityHash(event);
  return { ...event, tie: tieOf(high, low) };
}

/**
 * A device's record by brute force: sorts the whole set of its events and reads the answer off the sorted list. It
 * shares no code with the fold of the core, so that each proves the other.
 *
 * @param events - at least one, in any order, each once
 * @param conflicts - refused repetitions with another body, which leave no event behind
 */
export function referenceDevice(
  events: readonly PlacedEvent[],
  conflicts: number,
  policy: StorePolicy,
): DeviceRecord {
  const sorted = events.toSorted(compareInDevice);
  const latest = sorted.at(-1) as PlacedEvent;
  const failures = sorted.filter((event) => countsAs(event, policy) === 'failure');
  const newestSuccess = sorted.findLastIndex((event) => countsAs(event, policy) === 'success');
  const streak = sorted.slice(newestSuccess + 1).filter((event) => failures.includes(event));
  const lastFailure = failures.at(-1);
  return {
    deviceId: latest.deviceId,
    firstSeenAt: Math.min(...events.map((event) => event.receivedAt)),
    lastSeenAt: Math.max(...events.map((event) => event.receivedAt)),
    latest: {
      timestamp: latest.timestamp,
      status: statusOf(latest),
      totalFilesSynced: latest.totalFilesSynced,
      totalErrors: latest.totalErrors,
      clockQuality: latest.clockQuality,
    },
    consecutiveFailures: streak.length,
    totalFailures: failures.length,
    failingSince: streak[0]?.timestamp ?? null,
    lastFailure:
      lastFailure === undefined
        ? null
        : {
            timestamp: lastFailure.timestamp,
            totalErrors: lastFailure.totalErrors,
            status: statusOf(lastFailure),
          },
    lastSuccessAt: sorted[newestSuccess]?.timestamp ?? null,
    totals: { ...referenceTotals(events), conflicts },
    clockOffsetMs: newestOffset(events),
    epochs: new Set(events.flatMap((event) => event.epoch ?? [])).size,
  };
}

/** Sums by brute force. */
export function referenceTotals(
  events: readonly Pick<StoredSyncEvent, 'totalFilesSynced' | 'totalErrors' | 'bytesSynced'>[],
): SyncTotals {
  const count = (status: string): number => events.filter((event) => statusOf(event) === status).length;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    syncs: events.length,
    success: count('success'),
    partial: count('partial'),
    failed: count('failed'),
    files: sum(events.map((event) => event.totalFilesSynced)),
    errors: sum(events.map((event) => event.totalErrors)),
    bytes: sum(events.map((event) => event.bytesSynced ?? 0)),
  };
}

/** Events with a counter come after those without, by epoch and counter; the others go by time, then by tie. */
function compareInDevice(a: PlacedEvent, b: PlacedEvent): number {
  if (a.epochIndex !== b.epochIndex) return a.epochIndex - b.epochIndex;
  if (a.epochIndex > 0) return a.tie - b.tie;
  return a.timestamp === b.timestamp ? a.tie - b.tie : a.timestamp - b.timestamp;
}

type Counts = Pick<StoredSyncEvent, 'totalFilesSynced' | 'totalErrors'>;

function statusOf(event: Counts): 'success' | 'partial' | 'failed' {
  if (event.totalErrors > 0) return event.totalFilesSynced > 0 ? 'partial' : 'failed';
  return 'success';
}

function countsAs(event: Counts, policy: StorePolicy): 'success' | 'failure' | 'ignore' {
  const status = statusOf(event);
  if (status === 'partial') return policy.partial;
  return status === 'failed' ? 'failure' : 'success';
}

function newestOffset(events: readonly StoredSyncEvent[]): number | null {
  const measured = events.flatMap(({ receivedAt, sentAt }) =>
    sentAt === null ? [] : [{ receivedAt, offset: receivedAt - sentAt }],
  );
  measured.sort((a, b) => b.receivedAt - a.receivedAt || b.offset - a.offset);
  return measured[0]?.offset ?? null;
}
