import type { Observation } from '@pisync/protocol';
import type { PartialRule } from '../../../core/fold.ts';
import { fold, recount } from '../../../core/fold.ts';
import { compareHistory, type HistoryKey } from '../../../core/history.ts';
import { identityHash, identityKind, identityText, tieOf } from '../../../core/identity.ts';
import { resetSyncState, SYNC_STATE_LENGTH } from '../../../core/sync-state.ts';
import type { StoredSyncEvent } from '../../../ports/store.ts';

/** A stored event with its whole place in the device's history. */
export type KeptEvent = StoredSyncEvent & HistoryKey;

/** All that is known of one device: its facts, and the state that follows from them. */
export interface MemoryDevice {
  readonly deviceId: string;
  /** In the order of arrival. */
  readonly events: KeptEvent[];
  readonly byIdentity: Map<string, KeptEvent>;
  /** When it was heard of by anything but an event. */
  readonly contacts: number[];
  /** Numbers that other kinds of observations used, as `epoch` and `seq` with a line feed between. */
  readonly otherNumbers: Set<string>;
  /** Epochs in the order in which they first appeared. */
  readonly epochs: string[];
  /** Derived state; see core/sync-state.ts. */
  readonly row: Float64Array;
}

export function createDevice(deviceId: string): MemoryDevice {
  const row = new Float64Array(SYNC_STATE_LENGTH);
  resetSyncState(row, 0);
  return {
    deviceId,
    events: [],
    byIdentity: new Map(),
    contacts: [],
    otherNumbers: new Set(),
    epochs: [],
    row,
  };
}

/** What an observation is recognised by among those of its device; null where every arrival is a new fact. */
export function identityOf(observation: Observation): string | null {
  const kind = identityKind(observation);
  if (kind === 'none') return null;
  return kind === 'seq' ? `seq\n${observation.epoch}\n${observation.seq}` : identityText(observation);
}

/** Orders an event within one instant of one epoch; see {@link HistoryKey}. */
export function tieFor(observation: Observation, position: number): number {
  if (observation.seq !== null) return observation.seq;
  if (identityKind(observation) === 'none') return position;
  const { high, low } = identityHash(observation);
  return tieOf(high, low);
}

/** Adds a kept event to the derived state. */
export function foldInto(
  row: Float64Array,
  event: KeptEvent,
  earlier: readonly KeptEvent[],
  rule: PartialRule,
): void {
  if (fold(row, 0, event, rule)) recount(row, 0, event, earlier, rule);
}

export function newestFirst(device: MemoryDevice): KeptEvent[] {
  return device.events.toSorted((a, b) => compareHistory(b, a));
}

export function historyKey(event: KeptEvent): HistoryKey {
  return { timestamp: event.timestamp, epochIndex: event.epochIndex, tie: event.tie };
}

/** The event as the port shows it. */
export function withoutTie(event: KeptEvent): StoredSyncEvent {
  const { tie: _tie, ...stored } = event;
  return stored;
}
