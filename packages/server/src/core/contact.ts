import { F } from './sync-state.ts';

/** Contacts that are no syncs count by the minute: a device that reports each second must not cost a write each second. */
const CONTACT_STEP_MS = 60_000;

/** The minute in which a contact counts, epoch milliseconds. */
function contactMinute(receivedAt: number): number {
  return Math.floor(receivedAt / CONTACT_STEP_MS) * CONTACT_STEP_MS;
}

/** True where a row's first and last contact, beside those of its syncs, may be right: whole minutes before and after. */
export function mayBeContacts(row: Float64Array, base: number, syncs: Float64Array): boolean {
  const first = row[base + F.firstSeenAt]!;
  const last = row[base + F.lastSeenAt]!;
  const early =
    first === syncs[F.firstSeenAt] || (first < syncs[F.firstSeenAt]! && first === contactMinute(first));
  const late = last === syncs[F.lastSeenAt] || (last > syncs[F.lastSeenAt]! && last === contactMinute(last));
  return early && late;
}

/** True where a contact tells something new of the device's row; {@link foldContact} would change nothing otherwise. */
export function isNewContact(row: Float64Array, base: number, receivedAt: number): boolean {
  const minute = contactMinute(receivedAt);
  return minute > row[base + F.lastSeenAt]! || minute < row[base + F.firstSeenAt]!;
}

/**
 * Folds into a device's row that it was heard of, by telemetry or detections. Like the fold of syncs it is a function of the
 * set of contacts: any order gives the same row.
 */
export function foldContact(row: Float64Array, base: number, receivedAt: number): void {
  const minute = contactMinute(receivedAt);
  if (minute > row[base + F.lastSeenAt]!) row[base + F.lastSeenAt] = minute;
  if (minute < row[base + F.firstSeenAt]!) row[base + F.firstSeenAt] = minute;
}
