/**
 * Rules of admission: token buckets and the delays that spread a returning fleet. Times are milliseconds of any one
 * clock, preferably a monotonic one.
 *
 * A bucket is one number, the moment at which it will be full again (`fullAt`). What it holds at `now` follows:
 * `burst - (fullAt - now) * rate`, at most `burst`. A bucket that was never used is `-Infinity`, that is full, so
 * idle buckets need no memory.
 */
export interface BucketRule {
  /** Items that flow in per second; more than 0. */
  readonly perSecond: number;
  /** Items that a full bucket holds; at least 1. */
  readonly burst: number;
}

/** A bucket that nothing was taken from yet. */
export const FULL_BUCKET = Number.NEGATIVE_INFINITY;

/** Milliseconds in which an empty bucket becomes full. */
export function fillTime(rule: BucketRule): number {
  return (rule.burst / rule.perSecond) * 1000;
}

/**
 * A bucket as it may be kept: a clock that was set back makes `fullAt` look far away, and this brings it back to
 * one burst of debt at most. Keep the result of a refusal, so that a bucket recovers within twice its fill time
 * whatever the clock did.
 */
export function settleBucket(fullAt: number, now: number, rule: BucketRule): number {
  return Math.min(fullAt, now + 2 * fillTime(rule));
}

/** Items that a bucket holds; negative while it is in debt, down to minus one burst. */
export function tokensLeft(fullAt: number, now: number, rule: BucketRule): number {
  if (fullAt <= now) return rule.burst;
  return rule.burst - ((settleBucket(fullAt, now, rule) - now) * rule.perSecond) / 1000;
}

/**
 * Takes `count` items, all or none.
 *
 * Over any time in which the clock moved forward by `t` seconds in all, this admits at most
 * `burst + perSecond * t` items.
 *
 * @returns the bucket's new `fullAt`, or undefined where it holds too little
 */
export function takeTokens(fullAt: number, now: number, count: number, rule: BucketRule): number | undefined {
  // A millionth of a token forgives the rounding of the division, and never adds up to an item.
  if (tokensLeft(fullAt, now, rule) + 1e-6 < count) return undefined;
  return chargeTokens(fullAt, now, count, rule);
}

/**
 * Takes `count` items unconditionally, into debt if need be; the debt is at most one burst, so that a bucket
 * is never empty for longer than its fill time.
 *
 * @returns the bucket's new `fullAt`
 */
export function chargeTokens(fullAt: number, now: number, count: number, rule: BucketRule): number {
  const charged = Math.max(settleBucket(fullAt, now, rule), now) + (count * 1000) / rule.perSecond;
  return settleBucket(charged, now, rule);
}

/** Milliseconds until the bucket holds `count` items (or is full, for more than a burst); 0 if it does now. */
export function waitFor(fullAt: number, now: number, count: number, rule: BucketRule): number {
  const lacking = Math.min(count, rule.burst) - tokensLeft(fullAt, now, rule);
  return lacking <= 0 ? 0 : Math.ceil((lacking * 1000) / rule.perSecond);
}

/** Longest window over which refused senders are spread, in milliseconds. */
export const MAX_SPREAD_MS = 120_000;

/**
 * When a refused sender should come back: `earliest` plus a random part of a window that grows with the load, so
 * that a fleet which was refused at one moment does not return at one moment.
 *
 * @param earliest - milliseconds before which another try is useless
 * @param load - work that waits, as a part of what the server takes: 1 is full
 * @param random - uniform in [0, 1)
 * @returns whole seconds, at least 1
 */
export function retryAfterSeconds(earliest: number, load: number, random: number): number {
  const window = Math.min(MAX_SPREAD_MS, 4000 * Math.max(0.5, load) ** 2);
  return Math.max(1, Math.ceil((earliest + random * window) / 1000));
}

/** Load from which ingest replies ask senders to wait before their next request. */
export const ADVISE_FROM_LOAD = 0.25;

/**
 * The advice of a successful reply under load: milliseconds before the sender's next request, spread at random
 * over a window that grows with the load; undefined where no advice is needed.
 */
export function nextSyncAfter(load: number, random: number): number | undefined {
  if (load <= ADVISE_FROM_LOAD) return undefined;
  const window = Math.min(MAX_SPREAD_MS, 10_000 * load);
  return Math.round(250 + random * window);
}
