import type { SeqSet } from '../seq-set.ts';
import { SYNC_STATE_LENGTH } from '../sync-state.ts';
import { ContentHash } from './content-hash.ts';

/** What is compared of a device. */
export interface DigestedDevice {
  readonly deviceId: string;
  readonly state: Float64Array;
  readonly epochs: readonly string[];
  readonly numbers: readonly SeqSet[];
}

const hash = new ContentHash();

/** Sixteen digits of all that is kept of a device beside its events. */
export function deviceDigest({ deviceId, state, epochs, numbers }: DigestedDevice): string {
  hash.begin();
  hash.text(deviceId);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) hash.number(state[field] as number);
  for (const epoch of epochs) hash.text(epoch);
  for (const set of numbers) {
    hash.word(set.length);
    for (const seq of set) hash.number(seq);
  }
  hash.end();
  return hash.digits;
}
