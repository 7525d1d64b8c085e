import type { DetectionSource, StoredDetection } from './detection-columns.ts';
import type { DetectionFilter } from './detection-filter.ts';
import { matchRows } from './match-detections.ts';

/** Place in a list of detections: newest first by `timestamp`, of equal ones the later committed first. */
export interface DetectionKey {
  readonly timestamp: number;
  readonly ordinal: number;
}

export interface DetectionQuery {
  readonly filter: DetectionFilter;
  /** 1 to 10,000. */
  readonly limit: number;
  /** Resume strictly after (older than) this key. */
  readonly after?: DetectionKey | undefined;
}

export interface DetectionPage {
  /** Newest first by {@link DetectionKey}. */
  readonly items: readonly StoredDetection[];
  /** Key of the last item if there are more, else null. */
  readonly next: DetectionKey | null;
}

/** Sources that stay in memory for the sake of their rows; a decoded block of a file takes a few hundred kilobytes. */
const MAX_HELD_SOURCES = 64;

/**
 * One page of a list, in one pass over sources in any order; newest first is fastest.
 *
 * A row costs a comparison of its time, unless it is among the newest `limit` + 1 of those offered so far. These are kept in
 * a heap with the oldest on top, as places that hold a row of a source or, once it is made, the detection. A detection is
 * made whole only where it is shown, or where the rows to be shown lie in more than 64 sources, so that a list over
 * thousands of blocks does not hold them all.
 */
export class NewestDetections {
  readonly #query: DetectionQuery;
  readonly #room: number;
  readonly #times: Float64Array;
  readonly #ordinals: Float64Array;
  readonly #rows: Uint32Array;
  readonly #sources: (DetectionSource | undefined)[] = [];
  readonly #made: (StoredDetection | undefined)[] = [];
  readonly #heap: Uint32Array;
  /** Sources that may be held. */
  #held = 0;
  #size = 0;

  constructor(query: DetectionQuery) {
    this.#query = query;
    // One more than is shown tells whether there is another page.
    this.#room = query.limit + 1;
    this.#times = new Float64Array(this.#room);
    this.#ordinals = new Float64Array(this.#room);
    this.#rows = new Uint32Array(this.#room);
    this.#heap = new Uint32Array(this.#room);
  }

  /** Time before which nothing is shown any more: a source whose newest detection is older need not be offered. */
  get floor(): number {
    return this.#size < this.#room ? -Infinity : (this.#times[this.#heap[0]!] as number);
  }

  offer(source: DetectionSource): void {
    const { filter, after } = this.#query;
    const { columns } = source;
    // What cannot be shown is left out by its time alone, before other columns are read.
    const from = Math.max(filter.from ?? -Infinity, this.floor);
    const to = Math.min(filter.to ?? Infinity, after === undefined ? Infinity : after.timestamp + 1);
    const rows = matchRows(columns, { ...filter, from, to });
    if (rows.length === 0) return;
    const { timestamps, ordinals } = columns;
    let taken = false;
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!;
      const time = timestamps[row]!;
      const ordinal = ordinals[row]!;
      if (after === undefined || isOlder(time, ordinal, after.timestamp, after.ordinal)) {
        taken = this.#take(time, ordinal, source, row) || taken;
      }
    }
    if (!taken) return;
    this.#held += 1;
    if (this.#held > MAX_HELD_SOURCES) this.#letGo();
  }

  page(): DetectionPage {
    const { limit } = this.#query;
    const places = [...this.#heap.subarray(0, this.#size)].sort((a, b) => (this.#isOlder(a, b) ? 1 : -1));
    const items = places.slice(0, limit).map((place) => this.#detection(place));
    const last = items.at(-1);
    const more = this.#size > limit && last !== undefined;
    return { items, next: more ? { timestamp: last.timestamp, ordinal: last.ordinal } : null };
  }

  /** False where it is older than all that are kept. */
  #take(time: number, ordinal: number, source: DetectionSource, row: number): boolean {
    const full = this.#size === this.#room;
    const place = full ? this.#heap[0]! : this.#size;
    if (full && !isOlder(this.#times[place]!, this.#ordinals[place]!, time, ordinal)) return false;
    this.#times[place] = time;
    this.#ordinals[place] = ordinal;
    this.#rows[place] = row;
    this.#sources[place] = source;
    this.#made[place] = undefined;
    if (full) {
      this.#sink(place);
    } else {
      this.#size += 1;
      this.#rise(place);
    }
    return true;
  }

  #isOlder(place: number, other: number): boolean {
    return isOlder(this.#times[place]!, this.#ordinals[place]!, this.#times[other]!, this.#ordinals[other]!);
  }

  /** Puts a place into the heap from its end. */
  #rise(place: number): void {
    const heap = this.#heap;
    let at = this.#size - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isOlder(place, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = place;
  }

  /** Puts a place into the heap from its top. */
  #sink(place: number): void {
    const heap = this.#heap;
    const size = this.#size;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && this.#isOlder(heap[child + 1]!, heap[child]!)) child += 1;
      if (!this.#isOlder(heap[child]!, place)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = place;
  }

  /** The detection of a place, made from its source, which is then let go. */
  #detection(place: number): StoredDetection {
    const made = this.#made[place] ?? (this.#sources[place] as DetectionSource).detection(this.#rows[place]!);
    this.#sources[place] = undefined;
    this.#made[place] = made;
    return made;
  }

  /** Makes the detections of all sources, if there are too many of these. */
  #letGo(): void {
    const bySource = new Map<DetectionSource, number[]>();
    for (let place = 0; place < this.#size; place++) {
      const source = this.#sources[place];
      if (source === undefined) continue;
      const places = bySource.get(source);
      if (places === undefined) bySource.set(source, [place]);
      else places.push(place);
    }
    this.#held = bySource.size;
    if (this.#held <= MAX_HELD_SOURCES) return;
    // One source after the other, so that each decodes its columns once.
    for (const places of bySource.values()) for (const place of places) this.#detection(place);
    this.#held = 0;
  }
}

function isOlder(time: number, ordinal: number, otherTime: number, otherOrdinal: number): boolean {
  return time < otherTime || (time === otherTime && ordinal < otherOrdinal);
}
