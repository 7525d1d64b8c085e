import type { Store } from '../../ports/store.ts';
import { type ComparedKind, compareDays, type DayDigest, type DayKey, digestStore } from './digest-store.ts';

/** What a day comes to in one store. */
export type DaySum = Pick<DayDigest, 'count' | 'digest'>;

/** A day that is not the same in two stores; null where a store has nothing of it. */
export interface Difference extends DayKey {
  readonly expected: DaySum | null;
  readonly found: DaySum | null;
}

/** As `DigestOptions.onRead`. */
type OnRead = (kind: ComparedKind, items: number) => void;

export interface CompareOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with each answer of the expected store, and of the found one. */
  readonly onRead?: readonly [expected: OnRead, found: OnRead] | undefined;
}

/**
 * Compares all that two stores hold of their devices, and gives the days that differ, in the order of {@link compareDays}. The
 * stores are read side by side; memory is that of two {@link digestStore}.
 *
 * @param expected - what is right, such as the store that was moved or backed up
 */
export function compareStores(
  expected: Store,
  found: Store,
  { signal, onRead }: CompareOptions = {},
): AsyncGenerator<Difference> {
  return compareDigests(
    digestStore(expected, { signal, onRead: onRead?.[0] }),
    digestStore(found, { signal, onRead: onRead?.[1] }),
  );
}

/** Merges two streams in the order of {@link compareDays} and gives the days in which they differ. */
async function* compareDigests(
  expected: AsyncGenerator<DayDigest>,
  found: AsyncGenerator<DayDigest>,
): AsyncGenerator<Difference> {
  try {
    let [a, b] = await Promise.all([nextOf(expected), nextOf(found)]);
    while (a !== undefined || b !== undefined) {
      const order = a === undefined ? 1 : b === undefined ? -1 : compareDays(a, b);
      const left = order <= 0 ? a : undefined;
      const right = order >= 0 ? b : undefined;
      if (
        left === undefined ||
        right === undefined ||
        left.digest !== right.digest ||
        left.count !== right.count
      )
        yield differenceOf(left, right);
      [a, b] = await Promise.all([
        left === undefined ? a : nextOf(expected),
        right === undefined ? b : nextOf(found),
      ]);
    }
  } finally {
    await Promise.allSettled([expected.return(undefined), found.return(undefined)]);
  }
}

async function nextOf(days: AsyncGenerator<DayDigest>): Promise<DayDigest | undefined> {
  const { value, done } = await days.next();
  return done === true ? undefined : value;
}

function differenceOf(left: DayDigest | undefined, right: DayDigest | undefined): Difference {
  const { kind, deviceId, series, day } = (left ?? right) as DayDigest;
  return { kind, deviceId, series, day, expected: sumOf(left), found: sumOf(right) };
}

function sumOf(day: DayDigest | undefined): DaySum | null {
  return day === undefined ? null : { count: day.count, digest: day.digest };
}
