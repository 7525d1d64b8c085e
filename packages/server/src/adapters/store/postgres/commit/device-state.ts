import { resetSyncState, SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';

/** A device while a commit changes it. */
export interface DeviceRow {
  readonly deviceId: string;
  /** Epochs in the order in which they first appeared. */
  readonly epochs: string[];
  /** Derived state; see core/sync-state.ts. */
  readonly state: Float64Array;
  /** True where no row is there yet. */
  isNew: boolean;
}

/*
 * `device.state`: a bit for each number of core/sync-state.ts that is not as it is for a device of which nothing is known, the
 * first number in the lowest bit of the first byte; then these numbers, as big-endian doubles. Most devices take half of
 * what all numbers would.
 */
const MASK_BYTES = Math.ceil(SYNC_STATE_LENGTH / 8);

const unknown = emptyState();

/** The state of a device of which nothing is known yet. */
export function emptyState(): Float64Array {
  const state = new Float64Array(SYNC_STATE_LENGTH);
  resetSyncState(state, 0);
  return state;
}

/** Longest packed state, in bytes. */
export const maxStateBytes = MASK_BYTES + SYNC_STATE_LENGTH * 8;

/** Writes a state into `bytes`. @returns the place behind it */
export function packState(state: Float64Array, bytes: Buffer, start: number): number {
  let at = start + MASK_BYTES;
  bytes.fill(0, start, at);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    const value = state[field] as number;
    if (Object.is(value, unknown[field])) continue;
    bytes[start + (field >> 3)]! |= 1 << (field & 7);
    at = bytes.writeDoubleBE(value, at);
  }
  return at;
}

/** The inverse of {@link packState}. */
export function unpackState(bytes: Buffer): Float64Array {
  const state = unknown.slice();
  let at = MASK_BYTES;
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    if (((bytes[field >> 3] as number) & (1 << (field & 7))) === 0) continue;
    state[field] = bytes.readDoubleBE(at);
    at += 8;
  }
  return state;
}
