import { ByteReader, ByteWriter, freeBytes } from '../../sealed/bytes.ts';
import { DetectionView } from '../format/detection-record.ts';

/** Detections and bytes of one segment, at most; a segment is dropped as a whole once it is sealed. */
const SEGMENT_DETECTIONS = 65_536;
const SEGMENT_BYTES = 8 * 1024 * 1024;
const INDEX_SLOTS = SEGMENT_DETECTIONS * 2;

/** Committed detections in memory, in the order of their commits: their records, and an index by identity hash. */
class Segment {
  /** Ordinal of the first detection. */
  readonly base: number;
  readonly writer: ByteWriter;
  /** Reads the records of the open chunk. */
  readonly reader: ByteReader;
  /** Reads records that are kept, also while a chunk is being admitted. */
  readonly kept: ByteReader;
  readonly offsets = new Uint32Array(SEGMENT_DETECTIONS);
  /** The low halves of the hashes, so that a foreign record in the same slot is passed over unread. */
  readonly lows = new Uint32Array(SEGMENT_DETECTIONS);
  /** Open addressing over identity hashes: index + 1, 0 for free. */
  readonly slots = new Int32Array(INDEX_SLOTS);
  /** Log chunk of the newest detection. */
  lastChunk = 0;
  count = 0;
  closed = false;

  constructor(base: number, capacity: number) {
    this.base = base;
    this.writer = new ByteWriter(capacity);
    this.reader = new ByteReader(this.writer.bytes);
    this.kept = new ByteReader(this.writer.bytes);
  }
}

/** An identity hash, as a {@link DetectionView} has it. */
interface HashHalves {
  readonly hashHigh: number;
  readonly hashLow: number;
}

/** What can be sealed: all detections up to a log chunk. */
export interface SealableDetections {
  readonly detections: number;
  readonly lastChunk: number;
  /** Ordinal of the first detection that is not among them. */
  readonly nextOrdinal: number;
}

/**
 * The committed detections that are not sealed yet, in memory: found by identity for dedupe, read in the order of commits
 * for everything else. It holds the records' own bytes, so that a commit writes to the log what lies here already.
 */
export class DetectionTail {
  /** The most detections of one chunk: a chunk lies in one segment, so that its log row can be deleted with it. */
  static readonly maxChunkDetections = SEGMENT_DETECTIONS;
  readonly #segments: Segment[] = [];
  readonly #candidate = new DetectionView();
  #chunkStart = 0;
  /** Ordinal that the next detection gets. */
  nextOrdinal: number;

  constructor(nextOrdinal: number) {
    this.nextOrdinal = nextOrdinal;
  }

  /** Ordinal of the oldest detection held. */
  get firstOrdinal(): number {
    return this.#segments[0]?.base ?? this.nextOrdinal;
  }

  /** Detections held. */
  get events(): number {
    return this.nextOrdinal - this.firstOrdinal;
  }

  /** Bytes of the records held. */
  get bytes(): number {
    let sum = 0;
    for (const segment of this.#segments) sum += segment.writer.at;
    return sum;
  }

  /**
   * Opens a chunk with the records that may become part of it. They are copied to where they will stay; each is then
   * read there, and kept by {@link append} or passed over.
   *
   * @param detections - how many there are, at most {@link DetectionTail.maxChunkDetections}
   * @returns a reader at the first record
   */
  beginChunk(records: Uint8Array, detections: number): ByteReader {
    if (detections > SEGMENT_DETECTIONS) throw new TypeError(`a chunk of ${detections} detections`);
    let segment = this.#segments[this.#segments.length - 1];
    if (
      segment === undefined ||
      segment.closed ||
      segment.count + detections > SEGMENT_DETECTIONS ||
      segment.writer.at + records.length > segment.writer.bytes.length
    ) {
      segment = new Segment(this.nextOrdinal, Math.max(SEGMENT_BYTES, records.length));
      this.#segments.push(segment);
    }
    this.#chunkStart = segment.writer.at;
    segment.writer.bytes.set(records, this.#chunkStart);
    segment.reader.at = this.#chunkStart;
    return segment.reader;
  }

  /** Keeps the detection of `view`, whose record lies at `[start, end)` of the open chunk, and sets its ordinal. */
  append(start: number, end: number, view: DetectionView): void {
    const segment = this.#last();
    const { writer, slots } = segment;
    const index = segment.count++;
    view.ordinal = this.nextOrdinal++;
    segment.offsets[index] = writer.at;
    // Behind a record that was passed over, the kept ones move up.
    if (writer.at !== start) writer.bytes.copyWithin(writer.at, start, end);
    writer.at += end - start;
    if (!view.hashed) return;
    segment.lows[index] = view.hashLow;
    let slot = slotOf(view);
    while (slots[slot] !== 0) slot = (slot + 1) & (INDEX_SLOTS - 1);
    slots[slot] = index + 1;
  }

  /** The chunk's bytes, without a copy; an empty chunk is none, and its number stays free. */
  endChunk(chunk: number): Buffer {
    const segment = this.#last();
    if (segment.writer.at > this.#chunkStart) segment.lastChunk = chunk;
    return segment.writer.bytes.subarray(this.#chunkStart, segment.writer.at);
  }

  /**
   * Calls `accept` with the detections of an identity hash, those of the newest segment first, until it takes one. The
   * candidate is valid while `accept` runs.
   */
  find(hash: HashHalves, accept: (candidate: DetectionView) => boolean): boolean {
    const start = slotOf(hash);
    const view = this.#candidate;
    for (let s = this.#segments.length - 1; s >= 0; s--) {
      const segment = this.#segments[s] as Segment;
      const { slots, lows } = segment;
      for (let slot = start; slots[slot] !== 0; slot = (slot + 1) & (INDEX_SLOTS - 1)) {
        const index = (slots[slot] as number) - 1;
        if (lows[index] !== hash.hashLow) continue;
        read(segment, index, view);
        if (view.hashHigh === hash.hashHigh && accept(view)) return true;
      }
    }
    return false;
  }

  /**
   * The detections from an ordinal on, in order, all by one view: each is valid until the next is asked for. Nothing may
   * be admitted or dropped in between.
   */
  *records(from: number): Generator<DetectionView, void> {
    const view = new DetectionView();
    for (const segment of this.#segments) {
      for (let index = Math.max(0, from - segment.base); index < segment.count; index++) {
        read(segment, index, view);
        yield view;
      }
    }
  }

  /** Closes the open segment, so that all there is can be sealed. */
  cut(): void {
    const last = this.#segments[this.#segments.length - 1];
    if (last !== undefined && last.count > 0) last.closed = true;
  }

  /** The oldest closed segments: at most so many detections, but at least one segment if one is closed. */
  sealable(detections: number): SealableDetections {
    let count = 0;
    let lastChunk = 0;
    for (const [at, segment] of this.#segments.entries()) {
      const open = at === this.#segments.length - 1 && !segment.closed;
      if (open || (count > 0 && count + segment.count > detections)) break;
      count += segment.count;
      // A segment may hold no chunk at all, if all that came to it was known and what came next had no room there.
      lastChunk = Math.max(lastChunk, segment.lastChunk);
    }
    return { detections: count, lastChunk, nextOrdinal: this.firstOrdinal + count };
  }

  /** Forgets the detections before an ordinal, which is the first of a segment or the next to come. */
  drop(ordinal: number): void {
    while (this.#segments.length > 0 && (this.#segments[0] as Segment).base < ordinal) {
      const { writer, offsets, lows, slots } = this.#segments.shift() as Segment;
      freeBytes(writer.bytes, offsets, lows, slots);
    }
  }

  #last(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment;
  }
}

function slotOf({ hashHigh, hashLow }: HashHalves): number {
  return (hashHigh ^ hashLow) & (INDEX_SLOTS - 1);
}

function read(segment: Segment, index: number, view: DetectionView): void {
  segment.kept.at = segment.offsets[index] as number;
  view.read(segment.kept);
  view.ordinal = segment.base + index;
}
