import type { Observation } from '@pisync/protocol';
import { clockQualities } from '../sync-state.ts';
import { ContentHash, digitsOf } from './content-hash.ts';

/** An event with all its places, as it is copied from one store to another. */
export interface CopiedEvent extends Observation {
  /** See core/history.ts. */
  readonly position: number;
  readonly epochIndex: number;
  readonly tie: number;
}

const DAY_MS = 86_400_000;
/** Device-days share this many sums: 12 MB for any fleet. */
const BUCKETS = 1 << 20;
/** Numbers of a sum: rows, and 64 bits of their hashes. */
const WIDTH = 3;

/** Hashes of texts of which the same comes many times one after the other. */
class TextMemo {
  readonly #hash = new ContentHash();
  #text: string | null | undefined;

  /** Valid until the next call. */
  of(text: string | null): ContentHash {
    if (text === this.#text) return this.#hash;
    this.#hash.begin();
    this.#hash.text(text);
    this.#text = text;
    return this.#hash;
  }
}

const devices = new TextMemo();
const epochs = new TextMemo();

function addText(hasher: ContentHash, memo: TextMemo, text: string | null): void {
  const { first, second } = memo.of(text);
  hasher.word(first);
  hasher.word(second);
}

/** Hash of a whole event, every field of it, into the hasher. */
function hashEvent(hasher: ContentHash, event: CopiedEvent): void {
  hasher.begin();
  addText(hasher, devices, event.deviceId);
  hasher.number(event.position);
  hasher.number(event.epochIndex);
  hasher.number(event.tie);
  addText(hasher, epochs, event.epoch);
  hasher.number(event.seq);
  hasher.text(event.eventId);
  hasher.number(event.deviceTime);
  hasher.number(event.sentAt);
  hasher.number(event.receivedAt);
  hasher.number(event.timestamp);
  hasher.word(clockQualities.indexOf(event.clockQuality));
  hasher.number(event.totalFilesSynced);
  hasher.number(event.totalErrors);
  hasher.number(event.internetSpeed);
  hasher.number(event.syncDurationMs);
  hasher.number(event.bytesSynced);
  hasher.text(event.metadata);
  hasher.end();
}

/**
 * Compares two sets of events by sums over devices and days, in whatever order they come: what one side adds, the other
 * takes away, and where both held the same, nothing is left. Takes the same room for any number of events; a device-day that
 * differs is found by its bucket.
 */
export class EventDigest {
  readonly #sums = new Int32Array(BUCKETS * WIDTH);
  readonly #hasher = new ContentHash();
  /** Sum over all that was added, as 64 bits; for people to compare. */
  readonly #all = new Int32Array(2);
  #added = 0;
  #removed = 0;

  get added(): number {
    return this.#added;
  }

  get removed(): number {
    return this.#removed;
  }

  add(event: CopiedEvent): void {
    const at = this.bucketOf(event) * WIDTH;
    hashEvent(this.#hasher, event);
    const { first, second } = this.#hasher;
    this.#sums[at]! += 1;
    this.#sums[at + 1]! += first;
    this.#sums[at + 2]! += second;
    this.#all[0]! += first;
    this.#all[1]! += second;
    this.#added += 1;
  }

  remove(event: CopiedEvent): void {
    const at = this.bucketOf(event) * WIDTH;
    hashEvent(this.#hasher, event);
    this.#sums[at]! -= 1;
    this.#sums[at + 1]! -= this.#hasher.first;
    this.#sums[at + 2]! -= this.#hasher.second;
    this.#removed += 1;
  }

  /** Sixteen digits over all that was added: the same for the same events, in whatever order. */
  get digits(): string {
    return digitsOf(this.#all);
  }

  /** Which buckets hold what only one side has; none where both are the same. */
  differences(): ReadonlySet<number> {
    const found = new Set<number>();
    for (let at = 0; at < this.#sums.length; at++) {
      if (this.#sums[at] !== 0) found.add(Math.floor(at / WIDTH));
    }
    return found;
  }

  /** The bucket of an event's device and day. */
  bucketOf({ deviceId, timestamp }: CopiedEvent): number {
    const hasher = this.#hasher;
    hasher.begin();
    addText(hasher, devices, deviceId);
    hasher.word(Math.floor(timestamp / DAY_MS));
    hasher.end();
    return hasher.first & (BUCKETS - 1);
  }
}

/** What one device has on one day. */
export interface DaySum {
  readonly deviceId: string;
  /** Start of the day of corrected time in UTC, epoch milliseconds. */
  readonly day: number;
  readonly events: number;
  /** Sixteen digits: the same for the same events, in whatever order. */
  readonly digest: string;
}

/** Sums of events by device and day, each by itself: for those days that an {@link EventDigest} has found to differ. */
export class DaySums {
  readonly #days = new Map<string, { deviceId: string; day: number; sums: Int32Array }>();
  readonly #hash = new ContentHash();

  add(event: CopiedEvent): void {
    const day = Math.floor(event.timestamp / DAY_MS) * DAY_MS;
    const key = `${event.deviceId}\n${day}`;
    let found = this.#days.get(key);
    if (found === undefined) {
      found = { deviceId: event.deviceId, day, sums: new Int32Array(WIDTH) };
      this.#days.set(key, found);
    }
    hashEvent(this.#hash, event);
    found.sums[0]! += 1;
    found.sums[1]! += this.#hash.first;
    found.sums[2]! += this.#hash.second;
  }

  /** By device and day as a key for comparing. */
  days(): ReadonlyMap<string, DaySum> {
    const days = new Map<string, DaySum>();
    for (const [key, { deviceId, day, sums }] of this.#days) {
      days.set(key, { deviceId, day, events: sums[0] as number, digest: digitsOf(sums.subarray(1)) });
    }
    return days;
  }
}
