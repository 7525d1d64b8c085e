import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ObservedDetection } from '@pisync/protocol';
import type {
  DetectionColumns,
  DetectionSource,
  StoredDetection,
  TextColumn,
} from '../../../../core/detections/detection-columns.ts';
import { ByteReader, freeBytes } from '../../sealed/bytes.ts';
import { DetectionView } from '../format/detection-record.ts';
import { RecentlyUsed } from '../sealed-detections/recently-used.ts';

const FIRST_CAPACITY = 1024;

/** A column of texts that grows. */
class GrowingTexts {
  readonly values: (string | null)[] = [];
  codes = new Uint32Array(FIRST_CAPACITY);
  readonly #places = new Map<string | null, number>();

  set(row: number, value: string | null): void {
    let code = this.#places.get(value);
    if (code === undefined) {
      code = this.values.push(value) - 1;
      this.#places.set(value, code);
    }
    if (row === this.codes.length) this.codes = grown(this.codes, new Uint32Array(row * 2));
    this.codes[row] = code;
  }

  upTo(count: number): TextColumn {
    return { values: this.values, codes: this.codes.subarray(0, count) };
  }
}

/** Reads a row of the log; it is there as long as the read transaction that is open. */
type ReadChunk = (chunk: number) => ByteReader;

/**
 * Detections as they lie in rows of the log: what questions over many of them look at as columns of numbers, about 50 bytes each.
 * The rest is read where they lie, when it is asked for.
 */
class LogRows implements DetectionSource {
  /** For each detection its row of the log, and the place in it. */
  #chunks = new Float64Array(FIRST_CAPACITY);
  #offsets = new Uint32Array(FIRST_CAPACITY);
  #ordinals = new Float64Array(FIRST_CAPACITY);
  #timestamps = new Float64Array(FIRST_CAPACITY);
  #types = new Uint8Array(FIRST_CAPACITY);
  #lats = new Float64Array(FIRST_CAPACITY);
  #lons = new Float64Array(FIRST_CAPACITY);
  #signals = new Float64Array(FIRST_CAPACITY);
  readonly #readChunk: ReadChunk;
  readonly #view = new DetectionView();
  #texts: LogTexts | undefined;
  #count = 0;

  constructor(readChunk: ReadChunk) {
    this.#readChunk = readChunk;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a row of the log, whose bytes are not needed afterwards. */
  add(chunk: number, firstOrdinal: number, data: Uint8Array): void {
    const reader = new ByteReader(data);
    const view = this.#view;
    for (let ordinal = firstOrdinal; reader.at < data.length; ordinal++) {
      if (this.#count === this.#ordinals.length) this.#grow();
      const at = this.#count++;
      this.#chunks[at] = chunk;
      this.#offsets[at] = reader.at;
      view.read(reader);
      this.#ordinals[at] = ordinal;
      this.#timestamps[at] = view.timestamp;
      this.#types[at] = view.typeIndex;
      this.#lats[at] = view.lat;
      this.#lons[at] = view.lon;
      this.#signals[at] = view.signal;
    }
  }

  get columns(): DetectionColumns {
    const count = this.#count;
    const texts = (): LogTexts => this.#readTexts();
    return {
      count,
      ordinals: this.#ordinals.subarray(0, count),
      timestamps: this.#timestamps.subarray(0, count),
      types: this.#types.subarray(0, count),
      lats: this.#lats.subarray(0, count),
      lons: this.#lons.subarray(0, count),
      signals: this.#signals.subarray(0, count),
      get devices() {
        return texts().devices.upTo(count);
      },
      get identities() {
        return texts().identities.upTo(count);
      },
      get names() {
        return texts().names.upTo(count);
      },
      get securities() {
        return texts().securities.upTo(count);
      },
    };
  }

  #readTexts(): LogTexts {
    this.#texts ??= new LogTexts();
    for (let row = this.#texts.count; row < this.#count; row++) {
      this.#texts.push(this.#viewOf(row).toObserved());
    }
    return this.#texts;
  }

  detection(row: number): StoredDetection {
    return { ...this.#viewOf(row).toObserved(), ordinal: this.#ordinals[row] as number };
  }

  #viewOf(row: number): DetectionView {
    const reader = this.#readChunk(this.#chunks[row] as number);
    reader.at = this.#offsets[row] as number;
    this.#view.read(reader);
    return this.#view;
  }

  #grow(): void {
    const size = this.#ordinals.length * 2;
    this.#chunks = grown(this.#chunks, new Float64Array(size));
    this.#offsets = grown(this.#offsets, new Uint32Array(size));
    this.#ordinals = grown(this.#ordinals, new Float64Array(size));
    this.#timestamps = grown(this.#timestamps, new Float64Array(size));
    this.#types = grown(this.#types, new Uint8Array(size));
    this.#lats = grown(this.#lats, new Float64Array(size));
    this.#lons = grown(this.#lons, new Float64Array(size));
    this.#signals = grown(this.#signals, new Float64Array(size));
  }
}

/** The texts of rows of the log that questions look at. */
class LogTexts {
  count = 0;
  readonly devices = new GrowingTexts();
  readonly identities = new GrowingTexts();
  readonly names = new GrowingTexts();
  readonly securities = new GrowingTexts();

  push({ deviceId, identity, name, security }: ObservedDetection): void {
    const row = this.count++;
    this.devices.set(row, deviceId);
    this.identities.set(row, identity);
    this.names.set(row, name);
    this.securities.set(row, security);
  }
}

function grown<Column extends Float64Array | Uint32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  freeBytes(from);
  return to;
}

/** Rows of the log that are held while a question is answered: a list reads neighbours, mostly. */
const ROWS_HELD = 16;
/** Rows of one part: what is sealed is given up part by part. */
const PART_DETECTIONS = 8192;

interface Part {
  readonly rows: LogRows;
  firstChunk: number;
  lastChunk: number;
}

/**
 * The detections that are committed and not sealed, on the reading connection: what came since the last question is read
 * from the log and kept. To be used within a read transaction, which shows log and runs of the same moment.
 */
export class UnsealedDetections {
  readonly #parts: Part[] = [];
  readonly #sealed: StatementSync;
  readonly #rows: StatementSync;
  readonly #row: StatementSync;
  readonly #held = new RecentlyUsed<number, ByteReader>(ROWS_HELD);

  constructor(db: DatabaseSync) {
    this.#sealed = db.prepare("SELECT value FROM meta WHERE key = 'detections_sealed'");
    this.#rows = db.prepare('SELECT chunk, ordinal, data FROM detection_log WHERE chunk > ? ORDER BY chunk');
    this.#row = db.prepare('SELECT data FROM detection_log WHERE chunk = ?');
  }

  /** All of them, as of the transaction that is open. */
  sources(): readonly DetectionSource[] {
    this.#held.clear();
    const sealed = (this.#sealed.get() as { value: number } | undefined)?.value ?? 0;
    // A part that lies on both sides of the mark is read anew: it would show twice what is sealed.
    while (this.#parts.length > 0 && (this.#parts[0] as Part).firstChunk <= sealed) {
      if ((this.#parts[0] as Part).lastChunk > sealed) this.#parts.length = 0;
      else this.#parts.shift();
    }
    const last = this.#parts[this.#parts.length - 1];
    for (const row of this.#rows.iterate(Math.max(sealed, last?.lastChunk ?? 0)) as Iterable<unknown>) {
      const { chunk, ordinal, data } = row as { chunk: number; ordinal: number; data: Uint8Array };
      const part = this.#open(chunk);
      part.rows.add(chunk, ordinal, data);
      freeBytes(data);
      part.lastChunk = chunk;
    }
    return this.#parts.map((part) => part.rows);
  }

  #open(chunk: number): Part {
    const last = this.#parts[this.#parts.length - 1];
    if (last !== undefined && last.rows.count < PART_DETECTIONS) return last;
    const part = { rows: new LogRows((row) => this.#read(row)), firstChunk: chunk, lastChunk: chunk };
    this.#parts.push(part);
    return part;
  }

  #read(chunk: number): ByteReader {
    return this.#held.get(chunk, () => {
      const row = this.#row.get(chunk) as { data: Uint8Array } | undefined;
      if (row === undefined) throw new RangeError(`row ${chunk} of the log is missing`);
      return new ByteReader(row.data);
    });
  }
}
