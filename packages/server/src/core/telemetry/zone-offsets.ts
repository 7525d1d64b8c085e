import { PisyncError } from '@pisync/protocol';
import { nearestName } from '../nearest.ts';

const SECOND = 1e6;
const DAY = 86_400 * SECOND;

/** How much of a zone's history is looked up at once. */
const BLOCK = 64 * DAY;

/** Largest distance of any zone from UTC, in microseconds, with room: Manila once kept -15:56. */
export const MAX_ZONE_OFFSET = 17 * 3600 * SECOND;

/** A span of time in which a zone keeps one distance from UTC. Neighbours may have the same offset. */
export interface ZoneSpan {
  /** Inclusive, microseconds since the epoch. */
  readonly from: number;
  /** Exclusive, microseconds since the epoch. */
  readonly until: number;
  /** Local time minus UTC, in microseconds; a whole number of seconds. */
  readonly offset: number;
}

/**
 * What a zone's clocks are set to, by the time zone database inside `Intl`. That is asked once per 64 days and zone
 * and remembered, so that a look-up costs nanoseconds. Transitions are found to the second, as long as no zone
 * changes its clocks twice within one day of UTC; the database knows no such zone.
 */
export class ZoneOffsets {
  /** The database's own name of the zone. */
  readonly timeZone: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #blocks = new Map<number, readonly ZoneSpan[]>();
  #last: ZoneSpan;

  constructor(format: Intl.DateTimeFormat) {
    this.#format = format;
    this.timeZone = format.resolvedOptions().timeZone;
    const always = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY, offset: 0 };
    // UTC needs no database; any other zone starts with a span that holds nothing.
    this.#last = this.timeZone === 'UTC' ? always : { ...always, until: always.from };
  }

  /** The span that holds a time, in microseconds since the epoch. */
  spanAt(time: number): ZoneSpan {
    const last = this.#last;
    if (time >= last.from && time < last.until) return last;
    const block = Math.floor(time / BLOCK);
    let spans = this.#blocks.get(block);
    if (spans === undefined) {
      spans = this.#spansOf(block * BLOCK);
      this.#blocks.set(block, spans);
    }
    this.#last = spans.find((span) => time < span.until) as ZoneSpan;
    return this.#last;
  }

  #spansOf(start: number): ZoneSpan[] {
    const spans: ZoneSpan[] = [];
    let from = start;
    let offset = this.#ask(start);
    for (let day = start; day < start + BLOCK; day += DAY) {
      const after = this.#ask(day + DAY);
      if (after === offset) continue;
      const until = this.#transition(day, day + DAY, offset);
      if (until < start + BLOCK) {
        spans.push({ from, until, offset });
        from = until;
        offset = after;
      }
    }
    spans.push({ from, until: start + BLOCK, offset });
    return spans;
  }

  /** First whole second in `(before, after]` whose offset is not that of `before`. */
  #transition(before: number, after: number, offset: number): number {
    let low = before / SECOND;
    let high = after / SECOND;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#ask(middle * SECOND) === offset) low = middle;
      else high = middle;
    }
    return high * SECOND;
  }

  #ask(time: number): number {
    // Reads "GMT+05:30", "GMT-00:44:30" or, at no distance, "GMT".
    const found = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(this.#format.format(time / 1000));
    if (found === null) throw new TypeError(`no offset of ${this.timeZone} at ${time}`);
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = found;
    const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return sign === '-' ? -size * SECOND : size * SECOND;
  }
}

/** By the database's own names, so that it holds no more than there are zones. */
const known = new Map<string, ZoneOffsets>();

/**
 * The offsets of a zone by its IANA name, such as `Europe/Berlin`, or of a fixed distance such as `+05:30`.
 *
 * @throws {PisyncError} `invalid_parameter`, with the nearest known name, if there is no such zone
 */
export function zoneOffsets(timeZone: string): ZoneOffsets {
  const ready = known.get(timeZone);
  if (ready !== undefined) return ready;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset', year: 'numeric' });
  } catch {
    const near = nearestName(timeZone, Intl.supportedValuesOf('timeZone'));
    const hint = near === undefined ? 'Give an IANA name such as Europe/Berlin.' : `Did you mean ${near}?`;
    const detail = `No such time zone. ${hint}`;
    throw new PisyncError('invalid_parameter', { field: 'time_zone', detail });
  }
  const name = format.resolvedOptions().timeZone;
  let zone = known.get(name);
  if (zone === undefined) {
    zone = new ZoneOffsets(format);
    known.set(zone.timeZone, zone);
  }
  return zone;
}
