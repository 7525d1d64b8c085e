import { ByteReader, ByteWriter, freeBytes } from '../../sealed/bytes.ts';
import type { RecordView } from '../format/record.ts';

/** Observations and bytes of one segment, at most; a segment is dropped as a whole once it is sealed. */
const SEGMENT_EVENTS = 32_768;
const SEGMENT_BYTES = 2 * 1024 * 1024;
const INDEX_SLOTS = SEGMENT_EVENTS * 2;
const NO_BYTES = new Uint8Array(0);

/** The part of a device's identity space that a record is found by; see {@link Tail.find}. */
export interface TailIdentity {
  readonly device: number;
  readonly epochIndex: number;
  /** `seq`, or null for an identity by hash. */
  readonly seq: number | null;
  readonly hashHigh: number;
  readonly hashLow: number;
}

/** What {@link Tail.append} is told besides the record's bytes. */
export interface TailEntry extends TailIdentity {
  readonly hashed: boolean;
  readonly tie: number;
}

/** What can be sealed. */
export interface SealablePart {
  readonly segments: number;
  /** Observations in them. */
  readonly count: number;
  /** Newest log chunk in them; 0 where they hold none, because all that came was known. */
  readonly lastChunk: number;
}

/** A run of committed observations in memory: their records, and for each its device and the device's one before. */
class Segment {
  /** Position of the first observation. */
  readonly base: number;
  readonly writer: ByteWriter;
  readonly reader: ByteReader;
  readonly offsets = new Uint32Array(SEGMENT_EVENTS);
  readonly devices = new Int32Array(SEGMENT_EVENTS);
  readonly epochs = new Int32Array(SEGMENT_EVENTS);
  readonly ties = new Float64Array(SEGMENT_EVENTS);
  /** How many positions back the device's previous observation is; 0 if it has none in the tail. */
  readonly back = new Uint32Array(SEGMENT_EVENTS);
  /** Open addressing over identity hashes: index + 1, 0 for free. */
  readonly slots = new Int32Array(INDEX_SLOTS);
  /** Log chunk of the newest observation. */
  lastChunk = 0;
  count = 0;
  closed = false;

  constructor(base: number, capacity: number) {
    this.base = base;
    this.writer = new ByteWriter(capacity);
    this.reader = new ByteReader(this.writer.bytes);
  }
}

function slotOf(identity: TailIdentity): number {
  let hash: number;
  if (identity.seq === null) {
    hash = identity.hashLow ^ identity.hashHigh;
  } else {
    hash = Math.imul(identity.device, 0x9e3779b1) ^ Math.imul(identity.epochIndex, 0x85ebca6b);
    hash ^= Math.imul(identity.seq >>> 0, 0xc2b2ae35) ^ (identity.seq / 0x1_0000_0000);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
  }
  return (hash ^ (hash >>> 16)) & (INDEX_SLOTS - 1);
}

/**
 * The committed observations that are not sealed yet, in committed order, in memory: found by identity for dedupe and
 * by device for history. It holds the records' own bytes, so that a commit writes to the log what lies here already.
 */
export class Tail {
  readonly #segments: Segment[] = [];
  /** Position that the next observation gets. */
  nextPosition: number;

  constructor(nextPosition: number) {
    this.nextPosition = nextPosition;
  }

  /** Position of the oldest observation held. */
  get firstPosition(): number {
    return this.#segments[0]?.base ?? this.nextPosition;
  }

  get events(): number {
    return this.nextPosition - this.firstPosition;
  }

  get bytes(): number {
    let sum = 0;
    for (const segment of this.#segments) sum += segment.writer.at;
    return sum;
  }

  /**
   * Opens a chunk with the records that may become part of it. They are copied to where they will stay; each is then
   * read there, and kept by {@link append} or passed over.
   *
   * @param events - the most observations among them, at most {@link Tail.maxChunkEvents}
   * @param marks - what the chunk begins with: bytes that are no observation
   * @returns a reader at the first record
   */
  beginChunk(records: Uint8Array, events: number, marks: Uint8Array = NO_BYTES): ByteReader {
    const size = marks.length + records.length;
    let segment = this.#segments[this.#segments.length - 1];
    if (
      segment === undefined ||
      segment.closed ||
      segment.count + events > SEGMENT_EVENTS ||
      segment.writer.at + size > segment.writer.bytes.length
    ) {
      segment = new Segment(this.nextPosition, Math.max(SEGMENT_BYTES, size));
      this.#segments.push(segment);
    }
    this.#chunkStart = segment.writer.at;
    segment.writer.bytes.set(marks, this.#chunkStart);
    segment.writer.at += marks.length;
    segment.writer.bytes.set(records, segment.writer.at);
    segment.reader.at = segment.writer.at;
    return segment.reader;
  }

  /** The most observations that fit into one chunk. */
  static readonly maxChunkEvents = SEGMENT_EVENTS;

  #chunkStart = 0;

  /** The chunk's bytes, without a copy; an empty chunk is none, and its number stays free. */
  endChunk(chunk: number): Buffer {
    const segment = this.#last();
    if (segment.writer.at > this.#chunkStart) segment.lastChunk = chunk;
    return segment.writer.bytes.subarray(this.#chunkStart, segment.writer.at);
  }

  /** Closes the open segment, so that all there is can be sealed. */
  cut(): void {
    const last = this.#segments[this.#segments.length - 1];
    if (last !== undefined) last.closed = true;
  }

  /**
   * Keeps an observation whose record lies at `[start, end)` of the open chunk, and indexes it.
   *
   * @param previous - position of the device's previous observation, 0 for none
   * @returns its position
   */
  append(start: number, end: number, entry: TailEntry, previous: number): number {
    const segment = this.#last();
    const index = segment.count++;
    const position = this.nextPosition++;
    segment.offsets[index] = segment.writer.at;
    segment.devices[index] = entry.device;
    segment.epochs[index] = entry.epochIndex;
    segment.ties[index] = entry.tie;
    segment.back[index] = previous >= this.firstPosition ? position - previous : 0;
    // Behind a record that was passed over, the kept ones move up.
    if (segment.writer.at !== start) segment.writer.bytes.copyWithin(segment.writer.at, start, end);
    segment.writer.at += end - start;
    if (entry.hashed || entry.seq !== null) {
      let slot = slotOf(entry);
      while (segment.slots[slot] !== 0) slot = (slot + 1) & (INDEX_SLOTS - 1);
      segment.slots[slot] = index + 1;
    }
    return position;
  }

  /** Puts bytes that are no observation in the place of a record that was passed over; they are not longer than it. */
  appendMark(mark: Uint8Array): void {
    this.#last().writer.raw(mark);
  }

  /** Keeps bytes of the open chunk that are no observation. */
  keepMark(start: number, end: number): void {
    const { writer } = this.#last();
    if (writer.at !== start) writer.bytes.copyWithin(writer.at, start, end);
    writer.at += end - start;
  }

  /**
   * Finds observations by identity, newest segment first, until `accept` takes one. `view` holds the candidate while
   * `accept` runs, and after success.
   */
  find(identity: TailIdentity, view: RecordView, accept: () => boolean): boolean {
    const start = slotOf(identity);
    for (let s = this.#segments.length - 1; s >= 0; s--) {
      const segment = this.#segments[s] as Segment;
      for (let slot = start; segment.slots[slot] !== 0; slot = (slot + 1) & (INDEX_SLOTS - 1)) {
        const index = (segment.slots[slot] as number) - 1;
        if (segment.devices[index] !== identity.device) continue;
        this.#read(segment, index, view);
        const same =
          identity.seq === null
            ? view.hashed && view.hashHigh === identity.hashHigh && view.hashLow === identity.hashLow
            : view.seq === identity.seq && view.epochIndex === identity.epochIndex;
        if (same && accept()) return true;
      }
    }
    return false;
  }

  /** Calls `visit` for each of a device's observations, newest position first, until it returns false. */
  walk(head: number, view: RecordView, visit: (position: number) => boolean): void {
    let s = this.#segments.length - 1;
    for (let position = head; position >= this.firstPosition; ) {
      while (s > 0 && (this.#segments[s] as Segment).base > position) s -= 1;
      const segment = this.#segments[s] as Segment;
      const index = position - segment.base;
      this.#read(segment, index, view);
      const back = segment.back[index] as number;
      if (!visit(position) || back === 0) return;
      position -= back;
    }
  }

  #read(segment: Segment, index: number, view: RecordView): void {
    const { reader } = segment;
    const open = reader.at;
    reader.at = segment.offsets[index] as number;
    view.read(reader);
    view.epochIndex = segment.epochs[index] as number;
    view.tie = segment.ties[index] as number;
    // The reader may be in the middle of a chunk that is being admitted.
    reader.at = open;
  }

  /**
   * The oldest closed segments, at most so many observations and bytes but at least one segment: what a run is made of.
   * There may be segments without any observation, which hold nothing but marks.
   */
  sealable(events: number, bytes = Number.MAX_SAFE_INTEGER): SealablePart {
    let segments = 0;
    let count = 0;
    let size = 0;
    let lastChunk = 0;
    for (const [at, segment] of this.#segments.entries()) {
      const open = at === this.#segments.length - 1 && !segment.closed;
      size += segment.writer.at;
      if (open || (segments > 0 && (count + segment.count > events || size > bytes))) break;
      segments += 1;
      count += segment.count;
      // A segment may hold no chunk at all, if all that came to it was known.
      lastChunk = Math.max(lastChunk, segment.lastChunk);
    }
    return { segments, count, lastChunk };
  }

  /** Devices, epoch indices and ties of the oldest `count` observations, as copies. */
  places(count: number): { devices: Int32Array; epochs: Int32Array; ties: Float64Array } {
    const devices = new Int32Array(count);
    const epochs = new Int32Array(count);
    const ties = new Float64Array(count);
    let at = 0;
    for (const segment of this.#segments) {
      if (at === count) break;
      devices.set(segment.devices.subarray(0, segment.count), at);
      epochs.set(segment.epochs.subarray(0, segment.count), at);
      ties.set(segment.ties.subarray(0, segment.count), at);
      at += segment.count;
    }
    return { devices, epochs, ties };
  }

  /** Forgets the oldest segments. */
  drop(segments: number): void {
    for (const segment of this.#segments.splice(0, segments)) {
      const { writer, offsets, devices, epochs, ties, back, slots } = segment;
      freeBytes(writer.bytes, offsets, devices, epochs, ties, back, slots);
    }
  }

  #last(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment;
  }
}
