import { PisyncError } from '@pisync/protocol';
import { MAX_ZONE_OFFSET, type ZoneOffsets, zoneOffsets } from './zone-offsets.ts';

const SECOND = 1e6;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

/** What a bucket is measured in: `clock` is up to one hour long wherever it lies, the others follow local clocks. */
export type BucketUnit = 'clock' | 'hours' | 'day' | 'week' | 'month';

/** A width that data can be grouped by. */
export interface BucketWidth {
  readonly unit: BucketUnit;
  /** Microseconds; of days and more, that of one without a clock change; of a month, its shortest: 28 days. */
  readonly width: number;
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

const namedWidths: ReadonlyMap<string, BucketWidth> = new Map([
  ['1d', { unit: 'day', width: DAY }],
  ['1w', { unit: 'week', width: 7 * DAY }],
  ['1mo', { unit: 'month', width: 28 * DAY }],
]);

function refused(detail: string): PisyncError {
  return new PisyncError('invalid_parameter', { field: 'bucket', detail });
}

/**
 * Reads a bucket width: seconds, minutes or hours that divide an hour (`1s`, `10s`, `90s`, `5m`, `1h`), hours that
 * divide a day (`2h` to `12h`), `1d`, `1w` or `1mo`.
 *
 * @throws {PisyncError} `invalid_parameter` that says what is allowed
 */
export function parseBucket(text: string): BucketWidth {
  const named = namedWidths.get(text);
  if (named !== undefined) return named;
  const found = /^([1-9]\d{0,5})(s|m|h|d|w|mo)$/.exec(text);
  if (found === null) throw refused('A bucket is a number and a unit: 10s, 5m, 1h, 1d, 1w or 1mo.');
  const seconds = Number(found[1]) * (secondsOf[found[2] as string] ?? Number.NaN);
  if (Number.isNaN(seconds)) throw refused('Of days, weeks and months only 1d, 1w and 1mo can be asked for.');
  if (3600 % seconds === 0) return { unit: 'clock', width: seconds * SECOND };
  if (seconds === 86_400) throw refused('A bucket of a whole day is asked for as 1d.');
  if (seconds % 3600 === 0 && 86_400 % seconds === 0) return { unit: 'hours', width: seconds * SECOND };
  throw refused('A bucket of seconds, minutes or hours must divide an hour or, in whole hours, a day.');
}

/**
 * Cuts time into buckets that follow each other without a gap. All times are whole microseconds since the epoch, at
 * most 2^53 from it.
 */
export interface Bucketing {
  /** Set where every bucket is `width` long and starts a multiple of it after `phase`: no call is needed there. */
  readonly fixed: { readonly width: number; readonly phase: number } | null;
  /** Start of the bucket that holds a time. */
  bucketStart(time: number): number;
  /** Start of the bucket after the one that starts at `start`; later than `start`. */
  nextBucket(start: number): number;
}

/**
 * Largest `phase + k * width` that is not after `time`. Exact while `time - phase` is at most 2^53 from 0: the quotient
 * of a time one microsecond before a boundary is 1 / width below it, and rounding moves it by less than that.
 */
export function alignDown(time: number, width: number, phase: number): number {
  return Math.floor((time - phase) / width) * width + phase;
}

/**
 * Buckets of a width in a time zone.
 *
 * Up to an hour, boundaries are whole multiples of the width on the zone's clock, so that half-hour zones work; each
 * bucket is as long as its width also where clocks change (the hour that a clock shows twice is two buckets), except
 * where a change shifts the grid (Lord Howe's half hours): there the bucket ends at the change. Two hours and more, days,
 * weeks (from Monday, ISO 8601) and months begin at the first instant at which the clock shows their beginning or
 * later, so that days have 23 to 25 hours where clocks change, a day without midnight starts at its first moment, and a
 * date that a zone left out (Samoa's 30 December 2011) is no bucket.
 *
 * @param timeZone - IANA name
 * @throws {PisyncError} `invalid_parameter` if there is no such zone
 */
export function createBucketing(bucket: BucketWidth, timeZone = 'UTC'): Bucketing {
  const zone = zoneOffsets(timeZone);
  if (bucket.unit === 'month') return new CalendarBuckets(zone, monthCells);
  // 29 December 1969 was the Monday before the epoch.
  const phase = bucket.unit === 'week' ? -3 * DAY : 0;
  if (zone.timeZone === 'UTC') return new FixedBuckets(bucket.width, phase);
  if (bucket.unit === 'clock') return new ClockBuckets(zone, bucket.width);
  return new CalendarBuckets(zone, evenCells(bucket.width, phase));
}

class FixedBuckets implements Bucketing {
  readonly fixed: { readonly width: number; readonly phase: number };

  constructor(width: number, phase: number) {
    this.fixed = { width, phase };
  }

  bucketStart(time: number): number {
    return alignDown(time, this.fixed.width, this.fixed.phase);
  }

  nextBucket(start: number): number {
    return start + this.fixed.width;
  }
}

/** Buckets of up to an hour on a grid that every change of the zone's offset may shift. */
class ClockBuckets implements Bucketing {
  readonly fixed = null;
  readonly #zone: ZoneOffsets;
  readonly #width: number;

  constructor(zone: ZoneOffsets, width: number) {
    this.#zone = zone;
    this.#width = width;
  }

  bucketStart(time: number): number {
    const { from, offset } = this.#zone.spanAt(time);
    const start = alignDown(time, this.#width, -offset);
    if (start >= from) return start;
    return this.#sameGrid(this.#zone.spanAt(from - 1).offset, offset) ? start : from;
  }

  nextBucket(start: number): number {
    const { until, offset } = this.#zone.spanAt(start);
    const next = alignDown(start, this.#width, -offset) + this.#width;
    if (next <= until) return next;
    return this.#sameGrid(this.#zone.spanAt(until).offset, offset) ? next : until;
  }

  #sameGrid(one: number, other: number): boolean {
    return (one - other) % this.#width === 0;
  }
}

/** A division of local time: cells are numbered in order, `begin` is the local time at which one begins. */
interface Cells {
  cellOf(local: number): number;
  begin(cell: number): number;
}

function evenCells(width: number, phase: number): Cells {
  return {
    cellOf: (local) => Math.round((alignDown(local, width, phase) - phase) / width),
    begin: (cell) => cell * width + phase,
  };
}

const monthCells: Cells = {
  cellOf: (local) => {
    const date = new Date(Math.floor(local / 1000));
    return date.getUTCFullYear() * 12 + date.getUTCMonth();
  },
  begin: (cell) => {
    // Date.UTC takes the years 0 to 99 for 1900 to 1999.
    const date = new Date(0).setUTCFullYear(Math.floor(cell / 12), ((cell % 12) + 12) % 12, 1);
    return date * 1000;
  },
};

/** Buckets that begin when the zone's clock first shows the beginning of a cell. */
class CalendarBuckets implements Bucketing {
  readonly fixed = null;
  readonly #zone: ZoneOffsets;
  readonly #cells: Cells;
  /** The bucket that was asked for last: neighbouring times are asked for one after the other. */
  #start = 0;
  #next = 0;

  constructor(zone: ZoneOffsets, cells: Cells) {
    this.#zone = zone;
    this.#cells = cells;
  }

  bucketStart(time: number): number {
    if (time < this.#start || time >= this.#next) this.#find(time);
    return this.#start;
  }

  nextBucket(start: number): number {
    if (start < this.#start || start >= this.#next) this.#find(start);
    return this.#next;
  }

  #find(time: number): void {
    let cell = this.#cells.cellOf(time + this.#zone.spanAt(time).offset);
    let start = this.#firstInstant(cell);
    let next = this.#firstInstant(cell + 1);
    // More than one step where the clock was set back over the boundary that it had shown already, or where the zone
    // left a whole cell out, which then begins and ends at one instant.
    while (next <= time) {
      cell += 1;
      start = next;
      next = this.#firstInstant(cell + 1);
    }
    this.#start = start;
    this.#next = next;
  }

  /** First instant at which the clock shows the beginning of a cell or later. */
  #firstInstant(cell: number): number {
    const local = this.#cells.begin(cell);
    let span = this.#zone.spanAt(local - MAX_ZONE_OFFSET);
    for (;;) {
      const instant = Math.max(span.from, local - span.offset);
      if (instant < span.until) return instant;
      span = this.#zone.spanAt(span.until);
    }
  }
}
