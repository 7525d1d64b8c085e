import type { ClockQuality } from '@pisync/protocol';
import type { HistoryKey } from './history.ts';
import { compareOrder, orderMajor, orderMinor } from './order.ts';
import { clockQualities, F, resetSyncState } from './sync-state.ts';
import { addCapped } from './totals.ts';

/** How a `partial` sync counts in failure numbers and streaks. */
export type PartialRule = 'failure' | 'ignore' | 'success';

/** What the fold reads of an observation. */
export interface FoldInput extends HistoryKey {
  readonly receivedAt: number;
  readonly sentAt: number | null;
  readonly totalFilesSynced: number;
  readonly totalErrors: number;
  readonly bytesSynced: number | null;
  readonly clockQuality: ClockQuality;
}

/** How one sync counts: 1 a failure, -1 a success, 0 neither. */
export function weigh(totalFilesSynced: number, totalErrors: number, partial: PartialRule): -1 | 0 | 1 {
  if (totalErrors === 0) return -1;
  if (totalFilesSynced === 0 || partial === 'failure') return 1;
  return partial === 'ignore' ? 0 : -1;
}

/**
 * Folds one new observation into a device's row. The result is a function of the set of folded observations alone:
 * any order gives the same row. It never looks at history, with one exception that it reports instead of guessing.
 *
 * @returns true when a success landed inside the running streak: then the caller must call {@link recount} with the
 *   device's stored events, since only they tell how many failures come after it
 */
export function fold(row: Float64Array, base: number, event: FoldInput, partial: PartialRule): boolean {
  foldTotals(row, base, event);
  const epoch = event.epochIndex;
  const major = orderMajor(event);
  const minor = orderMinor(event);
  const latest = base + F.latestEpoch;
  if (compareOrder(epoch, major, minor, row[latest]!, row[latest + 1]!, row[latest + 2]!) > 0) {
    setKey(row, latest, epoch, major, minor, event.timestamp);
    row[base + F.latestFiles] = event.totalFilesSynced;
    row[base + F.latestErrors] = event.totalErrors;
    row[base + F.latestQuality] = clockQualities.indexOf(event.clockQuality);
  }
  const weight = weigh(event.totalFilesSynced, event.totalErrors, partial);
  if (weight > 0) foldFailure(row, base, event, major, minor);
  return weight < 0 && foldSuccess(row, base, event, major, minor);
}

function foldTotals(row: Float64Array, base: number, event: FoldInput): void {
  row[base + F.syncs]! += 1;
  if (event.totalErrors > 0) row[base + (event.totalFilesSynced > 0 ? F.partial : F.failed)]! += 1;
  row[base + F.files] = addCapped(row[base + F.files]!, event.totalFilesSynced);
  row[base + F.errors] = addCapped(row[base + F.errors]!, event.totalErrors);
  if (event.bytesSynced !== null) row[base + F.bytes] = addCapped(row[base + F.bytes]!, event.bytesSynced);
  if (event.receivedAt < row[base + F.firstSeenAt]!) row[base + F.firstSeenAt] = event.receivedAt;
  if (event.receivedAt > row[base + F.lastSeenAt]!) row[base + F.lastSeenAt] = event.receivedAt;
  if (event.sentAt === null) return;
  const offset = event.receivedAt - event.sentAt;
  const measuredAt = row[base + F.clockOffsetAt]!;
  // Two attempts of one millisecond may disagree: the larger offset wins, so that arrival order does not matter.
  if (
    event.receivedAt > measuredAt ||
    (event.receivedAt === measuredAt && offset > row[base + F.clockOffset]!)
  ) {
    row[base + F.clockOffset] = offset;
    row[base + F.clockOffsetAt] = event.receivedAt;
  }
}

function foldFailure(row: Float64Array, base: number, event: FoldInput, major: number, minor: number): void {
  const epoch = event.epochIndex;
  const last = base + F.lastFailureEpoch;
  if (compareOrder(epoch, major, minor, row[last]!, row[last + 1]!, row[last + 2]!) > 0) {
    setKey(row, last, epoch, major, minor, event.timestamp);
    row[base + F.lastFailureFiles] = event.totalFilesSynced;
    row[base + F.lastFailureErrors] = event.totalErrors;
  }
  const success = base + F.successEpoch;
  if (compareOrder(epoch, major, minor, row[success]!, row[success + 1]!, row[success + 2]!) < 0) return;
  const first = base + F.firstFailureEpoch;
  const streak = row[base + F.streak]!;
  if (streak === 0 || compareOrder(epoch, major, minor, row[first]!, row[first + 1]!, row[first + 2]!) < 0) {
    setKey(row, first, epoch, major, minor, event.timestamp);
  }
  row[base + F.streak] = streak + 1;
}

function foldSuccess(
  row: Float64Array,
  base: number,
  event: FoldInput,
  major: number,
  minor: number,
): boolean {
  const epoch = event.epochIndex;
  const success = base + F.successEpoch;
  if (compareOrder(epoch, major, minor, row[success]!, row[success + 1]!, row[success + 2]!) < 0)
    return false;
  if (row[base + F.streak]! > 0) {
    const first = base + F.firstFailureEpoch;
    const last = base + F.lastFailureEpoch;
    if (compareOrder(epoch, major, minor, row[first]!, row[first + 1]!, row[first + 2]!) > 0) {
      if (compareOrder(epoch, major, minor, row[last]!, row[last + 1]!, row[last + 2]!) < 0) return true;
      clearStreak(row, base);
    }
  }
  setKey(row, success, epoch, major, minor, event.timestamp);
  return false;
}

/** Fields of a device's row that do not follow from its events alone; no policy changes them. */
export const notOfEvents: readonly number[] = [F.conflicts, F.firstSeenAt, F.lastSeenAt, F.otherNumbers];

/**
 * Writes the state that a device's events give, whatever order they come in: sorted in the device's order, the fold never has
 * to look back. Sorts `events`.
 */
export function foldInOrder(
  row: Float64Array,
  base: number,
  events: FoldInput[],
  partial: PartialRule,
): void {
  events.sort((a, b) =>
    compareOrder(a.epochIndex, orderMajor(a), orderMinor(a), b.epochIndex, orderMajor(b), orderMinor(b)),
  );
  resetSyncState(row, base);
  for (const event of events) fold(row, base, event, partial);
}

/** What {@link recount} reads of a stored event. */
export interface RecountInput extends HistoryKey {
  readonly totalFilesSynced: number;
  readonly totalErrors: number;
}

/**
 * Ends what {@link fold} left open: makes `success` the newest success and counts the failures ordered after it.
 *
 * @param stored - the device's events in any order; newest first ends soonest, since all failures of the old streak
 *   are known by number. The success itself may be among them or not
 */
export function recount(
  row: Float64Array,
  base: number,
  success: HistoryKey,
  stored: Iterable<RecountInput>,
  partial: PartialRule,
): void {
  const key = base + F.successEpoch;
  const oldEpoch = row[key]!;
  const oldMajor = row[key + 1]!;
  const oldMinor = row[key + 2]!;
  let remaining = row[base + F.streak]!;
  clearStreak(row, base);
  const first = base + F.firstFailureEpoch;
  setKey(row, key, success.epochIndex, orderMajor(success), orderMinor(success), success.timestamp);
  for (const event of stored) {
    if (weigh(event.totalFilesSynced, event.totalErrors, partial) <= 0) continue;
    const epoch = event.epochIndex;
    const major = orderMajor(event);
    const minor = orderMinor(event);
    if (compareOrder(epoch, major, minor, oldEpoch, oldMajor, oldMinor) < 0) continue;
    if (compareOrder(epoch, major, minor, row[key]!, row[key + 1]!, row[key + 2]!) > 0) {
      const streak = row[base + F.streak]!;
      if (
        streak === 0 ||
        compareOrder(epoch, major, minor, row[first]!, row[first + 1]!, row[first + 2]!) < 0
      ) {
        setKey(row, first, epoch, major, minor, event.timestamp);
      }
      row[base + F.streak] = streak + 1;
    }
    remaining -= 1;
    if (remaining === 0) return;
  }
}

function clearStreak(row: Float64Array, base: number): void {
  row[base + F.streak] = 0;
  const first = base + F.firstFailureEpoch;
  setKey(row, first, 0, 0, 0, Number.NaN);
}

/** Keys are four neighbouring fields: epoch, major, minor, timestamp. */
function setKey(
  row: Float64Array,
  at: number,
  epoch: number,
  major: number,
  minor: number,
  timestamp: number,
): void {
  row[at] = epoch;
  row[at + 1] = major;
  row[at + 2] = minor;
  row[at + 3] = timestamp;
}
