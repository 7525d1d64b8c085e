import { PisyncError } from '@pisync/protocol';
import {
  ADVISE_FROM_LOAD,
  type BucketRule,
  chargeTokens,
  FULL_BUCKET,
  fillTime,
  nextSyncAfter,
  retryAfterSeconds,
  settleBucket,
  takeTokens,
  tokensLeft,
  waitFor,
} from '../../core/admission.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Meter } from '../../ports/meter.ts';
import { BucketTable } from './bucket-table.ts';

/** Limits on what is taken in; see docs/guide/configuration.md. */
export interface AdmissionLimits {
  readonly device: BucketRule;
  readonly total: BucketRule;
  /** Observations that may wait for the store. */
  readonly maxWaitingItems: number;
  /** Bytes of request bodies that may be held in memory at once. */
  readonly maxBufferedBytes: number;
}

/** What the `RateLimit` headers tell about one limit. */
export interface LimitState {
  /** `device` and `total` limit items in a time, `waiting` those that wait for the store. */
  readonly policy: 'device' | 'total' | 'waiting';
  /** Items that the limit admits at once. */
  readonly quota: number;
  /** Seconds in which the whole quota comes back; undefined where that depends on the store. */
  readonly windowSeconds: number | undefined;
  /** Items left, not below 0. */
  readonly remaining: number;
  /** Milliseconds until the quota is whole again, or another try makes sense. */
  readonly resetMs: number;
}

/** A refusal that tells which limit was hit. */
export class AdmissionRefusal extends PisyncError {
  readonly limit: LimitState | undefined;

  constructor(code: 'rate_limited' | 'overloaded', detail: string, retryAfterMs: number, limit?: LimitState) {
    super(code, { detail, retryAfterMs });
    this.limit = limit;
  }
}

/** Time in which the memory of a long queue fades by half. */
const PEAK_HALF_LIFE_MS = 250;

/** Devices whose buckets are remembered in one generation; two generations are kept. */
const GENERATION = 100_000;

/**
 * Decides which requests are taken in, before anything of them is stored.
 *
 * - A request is refused as a whole or not at all; once its first items are admitted, the rest is only charged.
 * - Items of one device are charged to the device's bucket, which must hold them all.
 * - A batch that names several devices (a gateway's) is admitted by the total limit and the backlog alone. Each
 *   device's bucket is charged for its items, if need be into debt, so that a greedy device pays with its own
 *   next requests and never blocks its neighbours.
 * - A request larger than a burst needs a full bucket and leaves debt: it is delayed, never impossible.
 *
 * Buckets that are full again are forgotten; at most about 200,000 are kept.
 */
export class Admission {
  readonly limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #meter: Meter;
  readonly #seed: number;
  #recent: BucketTable;
  #older: BucketTable;
  #total = FULL_BUCKET;
  #waiting = 0;
  /** The longest queue of late, fading, and when it was so long. */
  #peak = 0;
  #peakAt = 0;
  #bufferedBytes = 0;

  constructor(limits: AdmissionLimits, clock: Clock, random: () => number, meter: Meter) {
    this.limits = limits;
    this.#clock = clock;
    this.#random = random;
    this.#meter = meter;
    this.#seed = Math.floor(random() * 2 ** 32);
    this.#recent = new BucketTable(this.#seed);
    this.#older = new BucketTable(this.#seed);
  }

  /** Observations handed to the store and not yet answered. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Bytes of request bodies in memory. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Buckets in memory; bounded. */
  get trackedDevices(): number {
    return this.#recent.size + this.#older.size;
  }

  /**
   * Admits and charges one item of a known device; the hot path.
   *
   * @throws {AdmissionRefusal} `rate_limited` for the device's limit, `overloaded` for the server's
   */
  admitOne(deviceId: string): void {
    const now = this.#clock.monotonic();
    this.#checkTotal(1, now);
    this.#takeFromDevice(deviceId, 1, now);
    this.#total = chargeTokens(this.#total, now, 1, this.limits.total);
  }

  /**
   * Admits the first items of a request and charges them.
   *
   * @param owners - the device of each item, null where none could be read
   * @throws {AdmissionRefusal} as {@link admitOne}
   */
  admitBatch(owners: readonly (string | null)[]): void {
    const now = this.#clock.monotonic();
    this.#checkTotal(owners.length, now);
    const first = owners[0];
    if (typeof first === 'string' && owners.every((owner) => owner === first)) {
      this.#takeFromDevice(first, owners.length, now);
      this.#total = chargeTokens(this.#total, now, owners.length, this.limits.total);
    } else {
      this.chargeBatch(owners);
    }
  }

  /** Charges items of a request that was admitted, into debt if need be. */
  chargeBatch(owners: readonly (string | null)[]): void {
    const now = this.#clock.monotonic();
    for (let at = 0; at < owners.length; ) {
      const owner = owners[at] ?? null;
      const start = at;
      while (at < owners.length && owners[at] === owner) at += 1;
      if (owner === null) continue;
      this.#keep(owner, chargeTokens(this.#bucket(owner), now, at - start, this.limits.device), now);
    }
    this.#total = chargeTokens(this.#total, now, owners.length, this.limits.total);
  }

  #checkTotal(count: number, now: number): void {
    if (this.#waiting >= this.limits.maxWaitingItems) {
      const quota = this.limits.maxWaitingItems;
      const state = {
        policy: 'waiting',
        quota,
        windowSeconds: undefined,
        remaining: 0,
        resetMs: 1000,
      } as const;
      throw this.#refuse('overloaded', 'Too many items wait for the store.', 1000, state);
    }
    const rule = this.limits.total;
    if (tokensLeft(this.#total, now, rule) >= Math.min(count, rule.burst)) return;
    this.#total = settleBucket(this.#total, now, rule);
    const wait = waitFor(this.#total, now, count, rule);
    throw this.#refuse(
      'overloaded',
      'The fleet sends more items than this server takes.',
      wait,
      this.#totalLimit(),
    );
  }

  #takeFromDevice(deviceId: string, count: number, now: number): void {
    const rule = this.limits.device;
    const held = this.#bucket(deviceId);
    const sure = Math.min(count, rule.burst);
    const taken = takeTokens(held, now, sure, rule);
    if (taken === undefined) {
      this.#keep(deviceId, settleBucket(held, now, rule), now);
      const detail = `The device sent more than ${rule.burst} items at once or ${rule.perSecond} a second.`;
      throw this.#refuse(
        'rate_limited',
        detail,
        waitFor(held, now, count, rule),
        this.#deviceLimit(deviceId),
      );
    }
    this.#keep(deviceId, count > sure ? chargeTokens(taken, now, count - sure, rule) : taken, now);
  }

  /** Items were handed to the store. Answer with {@link left}. */
  entered(count: number): void {
    this.#waiting += count;
    if (this.#waiting <= this.#peak) return;
    this.#peak = this.#waiting;
    this.#peakAt = this.#clock.monotonic();
  }

  /** The store answered for these items, whatever it said. */
  left(count: number): void {
    this.#waiting -= count;
  }

  /**
   * Takes memory for a request's body; give it back with {@link release}.
   *
   * @throws {AdmissionRefusal} `overloaded`
   */
  reserve(bytes: number): void {
    if (this.#bufferedBytes + bytes > this.limits.maxBufferedBytes) {
      throw this.#refuse('overloaded', 'Too many request bodies are held in memory.', 1000);
    }
    this.#bufferedBytes += bytes;
  }

  release(bytes: number): void {
    this.#bufferedBytes -= bytes;
  }

  /** Milliseconds that a successful reply asks the sender to wait; undefined without load. */
  advice(): number | undefined {
    const { maxWaitingItems } = this.limits;
    if (this.#peak <= maxWaitingItems * ADVISE_FROM_LOAD) {
      this.#peak = this.#waiting;
      return undefined;
    }
    // A group commit answers for all that waited at once, so at the reply the queue looks empty: what counts is how
    // long it was a moment ago.
    const now = this.#clock.monotonic();
    this.#peak = Math.max(this.#waiting, this.#peak * 0.5 ** ((now - this.#peakAt) / PEAK_HALF_LIFE_MS));
    this.#peakAt = now;
    return nextSyncAfter(this.#peak / maxWaitingItems, this.#random());
  }

  /**
   * Whole seconds for `Retry-After`, spread at random.
   *
   * @param wholeFleet - true where not one device but everybody is refused, so that everybody would return at once
   */
  retryAfter(earliestMs: number, wholeFleet: boolean): number {
    const load = this.#waiting / this.limits.maxWaitingItems;
    return retryAfterSeconds(earliestMs, wholeFleet ? Math.max(1, load) : load, this.#random());
  }

  #deviceLimit(deviceId: string): LimitState {
    return this.#stateOf('device', this.#bucket(deviceId), this.limits.device);
  }

  #totalLimit(): LimitState {
    return this.#stateOf('total', this.#total, this.limits.total);
  }

  #stateOf(policy: 'device' | 'total', fullAt: number, rule: BucketRule): LimitState {
    const now = this.#clock.monotonic();
    return {
      policy,
      quota: rule.burst,
      windowSeconds: Math.max(1, Math.round(fillTime(rule) / 1000)),
      remaining: Math.max(0, Math.floor(tokensLeft(fullAt, now, rule))),
      resetMs: Math.max(0, settleBucket(fullAt, now, rule) - now),
    };
  }

  #refuse(
    code: 'rate_limited' | 'overloaded',
    detail: string,
    wait: number,
    limit?: LimitState,
  ): AdmissionRefusal {
    this.#meter.refused(code);
    return new AdmissionRefusal(code, detail, wait, limit);
  }

  #bucket(deviceId: string): number {
    return this.#recent.get(deviceId) ?? this.#older.get(deviceId) ?? FULL_BUCKET;
  }

  #keep(deviceId: string, fullAt: number, now: number): void {
    this.#recent.set(deviceId, fullAt);
    if (this.#recent.size > GENERATION) this.#turn(now);
  }

  /** Starts a new generation; of the oldest one, only buckets that are not full again live on, as far as they fit. */
  #turn(now: number): void {
    const oldest = this.#older;
    this.#older = this.#recent;
    this.#recent = new BucketTable(this.#seed);
    oldest.copyTo(this.#recent, this.#older, now, GENERATION / 2);
  }
}
