import type { ErrorCode } from './errors.ts';

/** Outcome of one sync, derived from its counts and never trusted from the wire. */
export type SyncStatus = 'success' | 'partial' | 'failed';

/** All statuses, in the order in which they are documented. */
export const syncStatuses: readonly SyncStatus[] = ['success', 'partial', 'failed'];

/**
 * A decoded sync event: one immutable fact from one device, normalised from either spelling of the wire names.
 * Absent values are `null`, so that every event has the same shape.
 */
export interface SyncEvent {
  readonly kind: 'sync_event';
  /** 1 to 128 characters of letters, digits and `. _ : @ -`, the first a letter or digit. */
  readonly deviceId: string;
  /** Random id of the device's outbox; present exactly when `seq` is. */
  readonly epoch: string | null;
  /** Gapless counter within `epoch`, 0 to 2^53 - 1. */
  readonly seq: number | null;
  /** Id chosen by the sender, used where there is no `seq`. */
  readonly eventId: string | null;
  /** What the device's clock said, uncorrected, in epoch milliseconds; may be any date of years 0 to 9999. */
  readonly deviceTime: number | null;
  /** The device's clock when this attempt was sent, epoch milliseconds. Not part of the identity. */
  readonly sentAt: number | null;
  readonly totalFilesSynced: number;
  readonly totalErrors: number;
  /** Mbit/s. */
  readonly internetSpeed: number | null;
  readonly syncDurationMs: number | null;
  readonly bytesSynced: number | null;
  /** Canonical JSON text of an object (keys sorted, no white space), unknown wire fields included. */
  readonly metadata: string | null;
}

/** How far `timestamp` can be trusted; see the clock rules in docs/spec/protocol.md. */
export type ClockQuality = 'ok' | 'corrected' | 'unknown';

/** A sync event as the server received it, with its corrected time. What a store commits. */
export interface Observation extends SyncEvent {
  /** Server clock at receipt, epoch milliseconds. */
  readonly receivedAt: number;
  /** Corrected time, epoch milliseconds: never later than `receivedAt`, never older than the maximal backlog. */
  readonly timestamp: number;
  readonly clockQuality: ClockQuality;
}

/** What became of one item that a store was given. */
export type CommitOutcome = 'stored' | 'duplicate' | 'conflict';

/** What became of one item of a request. */
export type ItemOutcome = CommitOutcome | 'rejected';

/** The wire form of one item's result. */
export interface ItemResult {
  /** Place of the item in the request, from 0. */
  readonly index: number;
  readonly result: ItemOutcome;
  /** Present where the item carried them. */
  readonly device_id?: string;
  readonly seq?: number;
  readonly event_id?: string;
  /** For `rejected` and `conflict`: what was wrong. */
  readonly code?: ErrorCode | 'conflict';
  readonly field?: string;
  readonly detail?: string;
}

/** `success` when nothing failed, also with zero files; `partial` with errors and files; else `failed`. */
export function syncStatus(totalFilesSynced: number, totalErrors: number): SyncStatus {
  if (totalErrors === 0) return 'success';
  return totalFilesSynced > 0 ? 'partial' : 'failed';
}
