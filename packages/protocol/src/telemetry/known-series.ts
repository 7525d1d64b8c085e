import { defaultDeviceTags } from './line-mapping.ts';
import type { SeriesName } from './point-batch.ts';

/** Places looked at before an entry counts as absent: a bound on what lines made to collide can cost. */
const maxProbes = 24;

/** Factor and start of the FNV-1a hash over bytes. */
export const hashFactor = 0x01000193;
export const hashStart = 0x811c9dc5 | 0;

/** A series that is remembered; the same object for the same series as long as its table lives. */
export class KnownName implements SeriesName {
  readonly deviceId: string;
  readonly key: string;
  /** Its place in the batch that the table's owner builds; true only where that place holds this object. */
  place = 0;

  constructor(deviceId: string, key: string) {
    this.deviceId = deviceId;
    this.key = key;
  }
}

/**
 * Remembers series by the bytes that name them in lines: first those of measurement and tags (a head), then those of a
 * field's name below its head. Bytes are compared exactly, so an entry is as good as parsing them again.
 */
export class SeriesTable {
  /** Series that came while the table was full and were not in it. */
  misses = 0;
  /** The decoder to whose batch the places of the names belong. */
  owner: unknown;
  /** All bytes, one entry behind the other. */
  bytes = new Uint8Array(1 << 14);
  /** Per entry: where its bytes begin and how many they are. */
  starts = new Int32Array(1 << 8);
  lengths = new Int32Array(1 << 8);
  /** Per entry: what stood behind it last, a head behind a head and a field behind a head or field; -1 unknown. */
  nextHeads = new Int32Array(1 << 8);
  nextFields = new Int32Array(1 << 8);
  /** Per entry: its series; undefined for a head. */
  readonly names: (KnownName | undefined)[] = [];
  #hashes = new Int32Array(1 << 8);
  #parents = new Int32Array(1 << 8);
  #slots = new Int32Array(1 << 10).fill(-1);
  #count = 0;
  #used = 0;
  readonly #bySeries = new Map<string, KnownName>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;

  /** @param maxEntries - heads and fields, @param maxBytes - what their bytes may take */
  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** Entries, heads and fields. */
  get count(): number {
    return this.#count;
  }

  /** Series. */
  get series(): number {
    return this.#bySeries.size;
  }

  /** True where nothing more is remembered. */
  get full(): boolean {
    // Series whose bytes are never learned, because of an escape, take memory too.
    const entries = Math.max(this.#count, this.#bySeries.size);
    return entries >= this.#maxEntries || this.#used >= this.#maxBytes;
  }

  /** The one object for this series; undefined where it is not remembered, and will not be because the table is full. */
  name(deviceId: string, key: string): KnownName | undefined {
    const id = seriesId(deviceId, key);
    let name = this.#bySeries.get(id);
    if (name === undefined) {
      if (this.full) {
        this.misses += 1;
        return undefined;
      }
      name = new KnownName(deviceId, key);
      this.#bySeries.set(id, name);
    }
    return name;
  }

  /** The entry with these bytes below `parent` (-1 for a head); -1 where there is none. */
  find(parent: number, hash: number, bytes: Uint8Array, from: number, to: number): number {
    const mask = this.#slots.length - 1;
    let slot = spread(hash, parent) & mask;
    for (let probe = 0; probe < maxProbes; probe += 1) {
      const entry = this.#slots[slot] as number;
      if (entry < 0) return -1;
      if (
        this.#hashes[entry] === hash &&
        this.#parents[entry] === parent &&
        this.lengths[entry] === to - from &&
        this.isAt(entry, bytes, from)
      ) {
        return entry;
      }
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** True where the bytes of the entry stand at `from`. */
  isAt(entry: number, bytes: Uint8Array, from: number): boolean {
    const own = this.bytes;
    const start = this.starts[entry] as number;
    const length = this.lengths[entry] as number;
    for (let index = 0; index < length; index += 1) {
      if (own[start + index] !== bytes[from + index]) return false;
    }
    return true;
  }

  /** Remembers bytes below `parent`, unless they are known. @returns their entry, -1 where there is no place for it */
  learn(parent: number, bytes: Uint8Array, name: KnownName | undefined): number {
    let hash = hashStart;
    for (let at = 0; at < bytes.length; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), hashFactor);
    const known = this.find(parent, hash, bytes, 0, bytes.length);
    if (known >= 0) return known;
    if (this.full) return -1;
    if ((this.#count + 1) * 2 > this.#slots.length) this.#growSlots();
    if (!this.#place(this.#count, hash, parent)) return -1;
    this.#reserve(bytes.length);
    const entry = this.#count;
    this.bytes.set(bytes, this.#used);
    this.starts[entry] = this.#used;
    this.lengths[entry] = bytes.length;
    this.nextHeads[entry] = -1;
    this.nextFields[entry] = -1;
    this.#hashes[entry] = hash;
    this.#parents[entry] = parent;
    this.names[entry] = name;
    this.#used += bytes.length;
    this.#count += 1;
    return entry;
  }

  #place(entry: number, hash: number, parent: number): boolean {
    const mask = this.#slots.length - 1;
    let slot = spread(hash, parent) & mask;
    for (let probe = 0; probe < maxProbes; probe += 1) {
      if ((this.#slots[slot] as number) < 0) {
        this.#slots[slot] = entry;
        return true;
      }
      slot = (slot + 1) & mask;
    }
    return false;
  }

  #growSlots(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    // An entry that finds no place here is only forgotten: its lines are parsed.
    for (let entry = 0; entry < this.#count; entry += 1) {
      this.#place(entry, this.#hashes[entry] as number, this.#parents[entry] as number);
    }
  }

  #reserve(length: number): void {
    if (this.#used + length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.#used + length));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    if (this.#count < this.starts.length) return;
    this.starts = twice(this.starts);
    this.lengths = twice(this.lengths);
    this.nextHeads = twice(this.nextHeads);
    this.nextFields = twice(this.nextFields);
    this.#hashes = twice(this.#hashes);
    this.#parents = twice(this.#parents);
  }
}

function twice(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** One text for a device id and a key: no device id holds a zero character. */
export function seriesId(deviceId: string, key: string): string {
  return `${deviceId}\0${key}`;
}

/** A place for a hash: its low bits alone would put names that end alike side by side. */
function spread(hash: number, parent: number): number {
  const mixed = Math.imul(hash ^ Math.imul(parent + 1, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** What {@link KnownSeries} is made with. */
export interface KnownSeriesOptions {
  /** Tags that name the device, the first that a line has; {@link defaultDeviceTags} if absent. */
  readonly deviceTags?: readonly string[];
  /** Heads and fields that are remembered; 200,000 if absent, which take about 45 MB. */
  readonly maxEntries?: number;
  /** Bytes of lines that are remembered; 16 MiB if absent. */
  readonly maxBytes?: number;
}

/** A full table is given up after as many misses for each of its series: then learning anew costs little beside them. */
const missesPerEntry = 10;

/**
 * What line protocol decoders remember from request to request: which bytes name which series. A server has one, for
 * all of its decoders. Where it is full, what it holds goes on to be of use and other series are parsed each time, until
 * so many of these came that it is better to begin anew.
 */
export class KnownSeries {
  readonly deviceTags: readonly string[];
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #table: SeriesTable;

  constructor(options: KnownSeriesOptions = {}) {
    this.deviceTags = options.deviceTags ?? defaultDeviceTags;
    this.#maxEntries = options.maxEntries ?? 200_000;
    this.#maxBytes = options.maxBytes ?? 16_777_216;
    this.#table = new SeriesTable(this.#maxEntries, this.#maxBytes);
  }

  /** The table for a new body; a decoder keeps to it until its end. */
  table(): SeriesTable {
    if (this.#table.misses > missesPerEntry * this.#table.series) {
      this.#table = new SeriesTable(this.#maxEntries, this.#maxBytes);
    }
    return this.#table;
  }
}
