import { freeBytes } from '../../sealed/bytes.ts';

/** Points of one segment; it is dropped as a whole once it is sealed. */
const SEGMENT_POINTS = 65_536;
const TEXT = 2;

/** Committed points in memory: columns in committed order, and for each point its series' one before. */
class Segment {
  /** Position of the first point. */
  readonly base: number;
  readonly series = new Int32Array(SEGMENT_POINTS);
  readonly times = new Float64Array(SEGMENT_POINTS);
  readonly values = new Float64Array(SEGMENT_POINTS);
  readonly kinds = new Uint8Array(SEGMENT_POINTS);
  /** How many positions back the series' previous point is; 0 if it has none in the tail. */
  readonly back = new Uint32Array(SEGMENT_POINTS);
  readonly texts: string[] = [];
  /** Log chunk of the newest point. */
  lastChunk = 0;
  count = 0;

  constructor(base: number) {
    this.base = base;
  }
}

/** Points in committed order, copied out of the tail. */
export interface TailPoints {
  readonly count: number;
  readonly series: Int32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  readonly texts: readonly string[];
}

/** The committed points that are not sealed yet, in memory. Positions count from 1 and begin anew at each start. */
export class PointTail {
  /** The most points of one chunk: a chunk lies in one segment, so that its log row can be deleted with it. */
  static readonly maxChunkPoints = SEGMENT_POINTS;
  readonly #segments: Segment[] = [];
  #next = 1;

  /** Points held. */
  get points(): number {
    return this.#next - this.#first;
  }

  /** Position of the newest point that there ever was. */
  get newest(): number {
    return this.#next - 1;
  }

  get #first(): number {
    return this.#segments[0]?.base ?? this.#next;
  }

  /** Makes room for a chunk of so many points, which are then appended. */
  beginChunk(chunk: number, points: number): void {
    let segment = this.#segments[this.#segments.length - 1];
    if (segment === undefined || segment.count + points > SEGMENT_POINTS) {
      segment = new Segment(this.#next);
      this.#segments.push(segment);
    }
    segment.lastChunk = chunk;
  }

  /**
   * Keeps a point of the open chunk.
   *
   * @param previous - position of its series' newest point, 0 for none
   * @returns its position
   */
  append(series: number, time: number, value: number | string, kind: number, previous: number): number {
    const segment = this.#segments[this.#segments.length - 1] as Segment;
    const at = segment.count++;
    const position = this.#next++;
    segment.series[at] = series;
    segment.times[at] = time;
    segment.values[at] = typeof value === 'number' ? value : segment.texts.push(value) - 1;
    segment.kinds[at] = kind;
    segment.back[at] = previous > 0 && previous >= this.#first ? position - previous : 0;
    return position;
  }

  /** Calls `visit` for each of a series' points, the one committed last first. */
  walk(head: number, visit: (time: number, value: number | string, kind: number) => void): void {
    let s = this.#segments.length - 1;
    for (let position = head; position > 0 && position >= this.#first; ) {
      while (s > 0 && (this.#segments[s] as Segment).base > position) s -= 1;
      const segment = this.#segments[s] as Segment;
      const at = position - segment.base;
      const value = segment.values[at] as number;
      const kind = segment.kinds[at] as number;
      visit(segment.times[at] as number, kind === TEXT ? (segment.texts[value] as string) : value, kind);
      const back = segment.back[at] as number;
      if (back === 0) return;
      position -= back;
    }
  }

  /** The oldest segments that hold `points` or somewhat more, or all; and the log chunk that they reach to. */
  sealable(points: number): {
    readonly segments: number;
    readonly points: number;
    readonly lastChunk: number;
  } {
    let count = 0;
    let segments = 0;
    let lastChunk = 0;
    for (const segment of this.#segments) {
      if (count >= points) break;
      count += segment.count;
      segments += 1;
      lastChunk = segment.lastChunk;
    }
    return { segments, points: count, lastChunk };
  }

  /** Copies of the oldest segments' points; the last of them takes no more points from here. */
  take(segments: number): TailPoints {
    const taken = this.#segments.slice(0, segments);
    if (segments === this.#segments.length) this.#segments.push(new Segment(this.#next));
    const count = taken.reduce((sum, segment) => sum + segment.count, 0);
    const points = {
      count,
      series: new Int32Array(count),
      times: new Float64Array(count),
      values: new Float64Array(count),
      kinds: new Uint8Array(count),
      texts: [] as string[],
    };
    let at = 0;
    for (const { count: own, series, times, values, kinds, texts } of taken) {
      points.series.set(series.subarray(0, own), at);
      points.times.set(times.subarray(0, own), at);
      points.values.set(values.subarray(0, own), at);
      points.kinds.set(kinds.subarray(0, own), at);
      const shift = points.texts.length;
      for (let index = at; shift > 0 && index < at + own; index++) {
        if (points.kinds[index] === TEXT) points.values[index]! += shift;
      }
      for (const text of texts) points.texts.push(text);
      at += own;
    }
    return points;
  }

  /** Forgets the oldest segments, which are sealed. */
  drop(segments: number): void {
    for (const { series, times, values, kinds, back } of this.#segments.splice(0, segments)) {
      freeBytes(series, times, values, kinds, back);
    }
  }
}
