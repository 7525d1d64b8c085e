import type { HistoryKey } from './history.ts';

/*
 * The order within a device: (`epochIndex`, `major`, `minor`). Observations with a counter have `major` = seq and
 * `minor` = 0; those without form epoch 0, before all others, by corrected time and then by identity hash.
 */

/** Negative, zero or positive as the first key orders before, with or after the second. */
export function compareOrder(
  epochA: number,
  majorA: number,
  minorA: number,
  epochB: number,
  majorB: number,
  minorB: number,
): number {
  return epochA - epochB || majorA - majorB || minorA - minorB;
}

export function orderMajor(key: HistoryKey): number {
  return key.epochIndex > 0 ? key.tie : key.timestamp;
}

export function orderMinor(key: HistoryKey): number {
  return key.epochIndex > 0 ? 0 : key.tie;
}
