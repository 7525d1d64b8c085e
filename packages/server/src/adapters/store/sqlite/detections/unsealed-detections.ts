import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { detectionTypes } from '@pisync/protocol';
import type {
  DetectionColumns,
  DetectionSource,
  StoredDetection,
  TextColumn,
} from '../../../../core/detections/detection-columns.ts';
import { ByteReader } from '../format/bytes.ts';
import { DetectionView } from '../format/detection-record.ts';

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
    this.codes[row] = code;
  }

  upTo(count: number): TextColumn {
    return { values: this.values, codes: this.codes.subarray(0, count) };
  }
}

/** Detections as they lie in rows of the log, read once and kept as columns. */
class LogRows implements DetectionSource {
  /** The rows of the log, and for each detection the row and the place in it. */
  readonly #data: Uint8Array[] = [];
  #rowOf = new Uint32Array(FIRST_CAPACITY);
  #offsets = new Uint32Array(FIRST_CAPACITY);
  #ordinals = new Float64Array(FIRST_CAPACITY);
  #timestamps = new Float64Array(FIRST_CAPACITY);
  #types = new Uint8Array(FIRST_CAPACITY);
  #lats = new Float64Array(FIRST_CAPACITY);
  #lons = new Float64Array(FIRST_CAPACITY);
  #signals = new Float64Array(FIRST_CAPACITY);
  readonly #devices = new GrowingTexts();
  readonly #identities = new GrowingTexts();
  readonly #names = new GrowingTexts();
  readonly #securities = new GrowingTexts();
  readonly #view = new DetectionView();
  #count = 0;
  #columns: DetectionColumns | undefined;

  get count(): number {
    return this.#count;
  }

  /** Takes a row of the log. */
  add(firstOrdinal: number, data: Uint8Array): void {
    this.#columns = undefined;
    const row = this.#data.push(data) - 1;
    const reader = new ByteReader(data);
    for (let ordinal = firstOrdinal; reader.at < data.length; ordinal++) {
      if (this.#count === this.#ordinals.length) this.#grow();
      const at = this.#count++;
      this.#rowOf[at] = row;
      this.#offsets[at] = reader.at;
      this.#view.read(reader);
      this.#set(at, ordinal);
    }
  }

  #set(at: number, ordinal: number): void {
    const { timestamp, type, identity, name, security, signalDbm, position, deviceId } =
      this.#view.toObserved();
    this.#ordinals[at] = ordinal;
    this.#timestamps[at] = timestamp;
    this.#types[at] = detectionTypes.indexOf(type);
    this.#lats[at] = position?.lat ?? Number.NaN;
    this.#lons[at] = position?.lon ?? Number.NaN;
    this.#signals[at] = signalDbm ?? Number.NaN;
    this.#devices.set(at, deviceId);
    this.#identities.set(at, identity);
    this.#names.set(at, name);
    this.#securities.set(at, security);
  }

  get columns(): DetectionColumns {
    const count = this.#count;
    this.#columns ??= {
      count,
      ordinals: this.#ordinals.subarray(0, count),
      timestamps: this.#timestamps.subarray(0, count),
      types: this.#types.subarray(0, count),
      lats: this.#lats.subarray(0, count),
      lons: this.#lons.subarray(0, count),
      signals: this.#signals.subarray(0, count),
      devices: this.#devices.upTo(count),
      identities: this.#identities.upTo(count),
      names: this.#names.upTo(count),
      securities: this.#securities.upTo(count),
    };
    return this.#columns;
  }

  detection(row: number): StoredDetection {
    const reader = new ByteReader(this.#data[this.#rowOf[row] as number] as Uint8Array);
    reader.at = this.#offsets[row] as number;
    this.#view.read(reader);
    return { ...this.#view.toObserved(), ordinal: this.#ordinals[row] as number };
  }

  #grow(): void {
    const size = this.#ordinals.length * 2;
    this.#rowOf = grown(this.#rowOf, new Uint32Array(size));
    this.#offsets = grown(this.#offsets, new Uint32Array(size));
    this.#ordinals = grown(this.#ordinals, new Float64Array(size));
    this.#timestamps = grown(this.#timestamps, new Float64Array(size));
    this.#types = grown(this.#types, new Uint8Array(size));
    this.#lats = grown(this.#lats, new Float64Array(size));
    this.#lons = grown(this.#lons, new Float64Array(size));
    this.#signals = grown(this.#signals, new Float64Array(size));
    for (const texts of [this.#devices, this.#identities, this.#names, this.#securities])
      texts.codes = grown(texts.codes, new Uint32Array(size));
  }
}

function grown<Column extends Float64Array | Uint32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

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

  constructor(db: DatabaseSync) {
    this.#sealed = db.prepare("SELECT value FROM meta WHERE key = 'detections_sealed'");
    this.#rows = db.prepare('SELECT chunk, ordinal, data FROM detection_log WHERE chunk > ? ORDER BY chunk');
  }

  /** All of them, as of the transaction that is open. */
  sources(): readonly DetectionSource[] {
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
      part.rows.add(ordinal, data);
      part.lastChunk = chunk;
    }
    return this.#parts.map((part) => part.rows);
  }

  #open(chunk: number): Part {
    const last = this.#parts[this.#parts.length - 1];
    if (last !== undefined && last.rows.count < PART_DETECTIONS) return last;
    const part = { rows: new LogRows(), firstChunk: chunk, lastChunk: chunk };
    this.#parts.push(part);
    return part;
  }
}
