import { CLOCK_TOLERANCE_MS } from '../clock.ts';

/** What a stretch of points came with. */
export interface PointClock {
  /** Server clock at receipt, epoch milliseconds. */
  readonly receivedAt: number;
  /** Oldest time that is believed, milliseconds before the receipt. */
  readonly maxBacklogMs: number;
}

/** The range of times that are taken as they are, inclusive, in microseconds since the epoch. */
export function believableTimes({ receivedAt, maxBacklogMs }: PointClock): {
  readonly earliest: number;
  readonly latest: number;
} {
  return { earliest: (receivedAt - maxBacklogMs) * 1000, latest: (receivedAt + CLOCK_TOLERANCE_MS) * 1000 };
}

/**
 * Brings the times of one device's points into the range that the server believes, in place.
 *
 * A time up to two minutes ahead of the receipt stays as it is: time is part of a point's identity, and a changed one
 * would make a repetition look new. Beyond that the clock cannot be right. Points that lie too far ahead keep their
 * distances, and the newest of them counts as just taken; so do, apart from these, points older than the backlog. What
 * even then is too old is put at the backlog's end, a microsecond apart, so that no two points become one.
 *
 * @param times - microseconds since the epoch; those at `places` are the device's
 * @returns how many were changed
 */
export function settleTimes(times: Float64Array, places: Iterable<number>, clock: PointClock): number {
  const received = clock.receivedAt * 1000;
  const { earliest, latest } = believableTimes(clock);
  const ahead: number[] = [];
  const behind: number[] = [];
  for (const place of places) {
    const time = times[place] as number;
    if (time > latest) ahead.push(place);
    else if (time < earliest) behind.push(place);
  }
  let shelf = earliest;
  for (const group of [ahead, behind]) {
    let newest = Number.NEGATIVE_INFINITY;
    for (const place of group) newest = Math.max(newest, times[place] as number);
    for (const place of group) {
      const time = (times[place] as number) - newest + received;
      times[place] = time >= earliest ? time : shelf++;
    }
  }
  return ahead.length + behind.length;
}
