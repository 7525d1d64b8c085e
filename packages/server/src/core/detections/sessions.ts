import type { Position } from '@pisync/protocol';
import { greatCircle } from './great-circle.ts';

/** A stretch of time in which a device scanned. */
export interface ScanSession {
  /** Corrected times of its oldest and newest detection, epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly detections: number;
  /** Metres that the device travelled, see {@link ScanSessions}. */
  readonly distance: number;
}

/** What of a detection a session is made from. */
export interface SessionStep {
  /** Corrected time, epoch milliseconds. */
  readonly timestamp: number;
  readonly position: Pick<Position, 'lat' | 'lon' | 'accuracy'> | null;
}

interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly accuracy: number;
}

/**
 * Splits the detections of one device into scan sessions: the longest stretches in which no two neighbours are further
 * apart in time than the gap. Feed them in order of time, newest first as lists are, or oldest first: the sessions are the
 * same and come in that order. It holds one session only.
 *
 * The distance is the sum of the great circles between positions, each counted from the last counted one, and only once it
 * is longer than the accuracy of both: a receiver that stands still and wavers travels nowhere. So it lacks the last
 * few metres, and may differ by as much with the direction of feeding.
 */
export class ScanSessions {
  readonly #gapMs: number;
  #first = 0;
  #last = 0;
  #detections = 0;
  #distance = 0;
  #place: Place | undefined;

  constructor(gapMinutes: number) {
    this.#gapMs = gapMinutes * 60_000;
  }

  /** @returns the session that ended before this detection, if one did */
  add({ timestamp, position }: SessionStep): ScanSession | undefined {
    const ended = Math.abs(timestamp - this.#last) > this.#gapMs ? this.end() : undefined;
    if (this.#detections === 0) this.#first = timestamp;
    this.#last = timestamp;
    this.#detections += 1;
    if (position !== null) this.#move({ ...position, accuracy: position.accuracy ?? 0 });
    return ended;
  }

  /** Ends the session that is open. @returns undefined where there was none */
  end(): ScanSession | undefined {
    if (this.#detections === 0) return undefined;
    const session = {
      start: Math.min(this.#first, this.#last),
      end: Math.max(this.#first, this.#last),
      detections: this.#detections,
      distance: this.#distance,
    };
    this.#detections = 0;
    this.#distance = 0;
    this.#place = undefined;
    return session;
  }

  #move(to: Place): void {
    const from = this.#place;
    if (from === undefined) {
      this.#place = to;
      return;
    }
    const distance = greatCircle(from.lat, from.lon, to.lat, to.lon);
    if (distance <= Math.max(from.accuracy, to.accuracy)) return;
    this.#distance += distance;
    this.#place = to;
  }
}
