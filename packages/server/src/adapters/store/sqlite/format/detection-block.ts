import { crc32 } from 'node:zlib';
import { detectionTypes, PisyncError } from '@pisync/protocol';
import type {
  DetectionColumns,
  DetectionSource,
  StoredDetection,
  TextColumn,
} from '../../../../core/detections/detection-columns.ts';
import { ByteReader, ByteWriter, freeBytes } from '../../sealed/bytes.ts';
import {
  type DetectionRows,
  type Sender,
  type Station,
  toStoredDetection,
} from './columns/detection-rows.ts';
import {
  CLOCKS,
  MOTION,
  ORDINALS,
  POSITIONS,
  readSection,
  SECTIONS,
  SENDERS,
  SIGNALS,
  STATIONS,
  TEXTS,
  TIMES,
  writeSection,
} from './columns/detection-sections.ts';
import { type DetectionZone, zoneOf } from './columns/detection-zone.ts';
import { packSection, type Section, unpackSection } from './columns/section.ts';

/*
 * A block of detections, version 1 (docs/spec/sqlite-format.md): sections of columns that are read together, each checked and
 * compressed by itself, in two parts, so that a question about places, times and signals does not read the rest.
 */

/** Most rows that one block holds. */
export const MAX_BLOCK_ROWS = 4096;

/** The two parts of a block, and its zone map. */
export interface EncodedDetectionBlock {
  readonly zone: DetectionZone;
  /** Directory, then what most questions read. */
  readonly hot: Uint8Array;
  readonly cold: Uint8Array;
}

const VERSION = 1;
/** The sections of the hot part come first. */
const HOT_SECTIONS = 4;
const ENTRY_BYTES = 12;
const CRC_AT = 4 + SECTIONS * ENTRY_BYTES;
const HEAD_BYTES = CRC_AT + 4;
const WRITER_BYTES = 256 * 1024;

let writer = new ByteWriter(WRITER_BYTES);

/**
 * Makes a block of all rows, 1 to {@link MAX_BLOCK_ROWS} of them; stations and senders stand in the order of their first use.
 *
 * Every double survives bit for bit, -0 included; texts must be well-formed.
 *
 * @param level - of zstd: 1 for what will soon be merged, 3 for what stays
 * @throws {RangeError} if there are no rows, or too many
 */
export function encodeDetectionBlock(rows: DetectionRows, level: number): EncodedDetectionBlock {
  const { count } = rows;
  if (!(count >= 1 && count <= MAX_BLOCK_ROWS)) throw new RangeError(`a block of ${count} detections`);
  const sections: Section[] = [];
  for (let section = 0; section < SECTIONS; section++) {
    writer.at = 0;
    writeSection(writer, section, rows);
    sections.push(packSection(writer.written(), level));
  }
  releaseWriter();
  const head = headOf(count, sections);
  const bytes = sections.map((section) => section.bytes);
  return {
    zone: zoneOf(rows),
    hot: joined([head, ...bytes.slice(0, HOT_SECTIONS)]),
    cold: joined(bytes.slice(HOT_SECTIONS)),
  };
}

function headOf(count: number, sections: readonly Section[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = VERSION;
  head.writeUInt16LE(count, 2);
  for (const [index, { bytes, contentBytes, crc }] of sections.entries()) {
    const at = 4 + index * ENTRY_BYTES;
    head.writeUInt32LE(bytes.length, at);
    head.writeUInt32LE(contentBytes, at + 4);
    head.writeUInt32LE(crc, at + 8);
  }
  head.writeUInt32LE(crc32(head.subarray(0, CRC_AT)), CRC_AT);
  return head;
}

/** In memory of its own, so that it can be freed; that of the parts, which is theirs alone, is given back. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
    freeBytes(part);
  }
  return whole;
}

/** Long texts are rare; the memory for them is not kept. */
function releaseWriter(): void {
  if (writer.bytes.length <= 4 * WRITER_BYTES) return;
  const { bytes } = writer;
  writer = new ByteWriter(WRITER_BYTES);
  freeBytes(bytes);
}

/** A block as it is read: nothing is decompressed before it is asked for, and then once. */
export class DetectionBlock implements DetectionSource, DetectionRows {
  readonly count: number;
  readonly columns: DetectionColumns;
  readonly #hot: Uint8Array;
  #cold: Uint8Array | (() => Uint8Array);
  readonly #head: DataView;
  readonly #parts: (Partial<DetectionRows> | undefined)[] = [];

  /**
   * @param cold - the second part, or what reads it when it is needed
   * @throws {PisyncError} `store_damaged` if the directory is not of a known version or fails its checksum. So does whatever is
   * asked for later, if the bytes it is read from are not what was written
   */
  constructor(hot: Uint8Array, cold: Uint8Array | (() => Uint8Array)) {
    this.#hot = hot;
    this.#cold = cold;
    this.#head = new DataView(hot.buffer, hot.byteOffset, hot.byteLength);
    this.count = orDamaged(() => {
      if (hot[0] !== VERSION) throw new RangeError(`block version ${hot[0]}`);
      if (crc32(hot.subarray(0, CRC_AT)) !== this.#head.getUint32(CRC_AT, true)) {
        throw new RangeError('the directory fails its checksum');
      }
      return this.#head.getUint16(2, true);
    });
    this.columns = new BlockColumns(this);
  }

  get lats(): Float64Array {
    return this.#part(POSITIONS).lats as Float64Array;
  }

  get lons(): Float64Array {
    return this.#part(POSITIONS).lons as Float64Array;
  }

  get timestamps(): Float64Array {
    return this.#part(TIMES).timestamps as Float64Array;
  }

  get signals(): Float64Array {
    return this.#part(SIGNALS).signals as Float64Array;
  }

  get ordinals(): Float64Array {
    return this.#part(ORDINALS).ordinals as Float64Array;
  }

  get stations(): Uint32Array {
    return this.#part(STATIONS).stations as Uint32Array;
  }

  get stationTable(): readonly Station[] {
    return this.#part(STATIONS).stationTable as readonly Station[];
  }

  get senders(): Uint32Array {
    return this.#part(SENDERS).senders as Uint32Array;
  }

  get senderTable(): readonly Sender[] {
    return this.#part(SENDERS).senderTable as readonly Sender[];
  }

  get received(): Float64Array {
    return this.#part(CLOCKS).received as Float64Array;
  }

  get deviceTimes(): Float64Array {
    return this.#part(CLOCKS).deviceTimes as Float64Array;
  }

  get sent(): Float64Array {
    return this.#part(CLOCKS).sent as Float64Array;
  }

  get seqs(): Float64Array {
    return this.#part(CLOCKS).seqs as Float64Array;
  }

  get altitudes(): Float64Array {
    return this.#part(MOTION).altitudes as Float64Array;
  }

  get accuracies(): Float64Array {
    return this.#part(MOTION).accuracies as Float64Array;
  }

  get headings(): Float64Array {
    return this.#part(MOTION).headings as Float64Array;
  }

  get speeds(): Float64Array {
    return this.#part(MOTION).speeds as Float64Array;
  }

  get eventIds(): readonly (string | null)[] {
    return this.#part(TEXTS).eventIds as readonly (string | null)[];
  }

  get metadata(): readonly (string | null)[] {
    return this.#part(TEXTS).metadata as readonly (string | null)[];
  }

  detection(row: number): StoredDetection {
    return toStoredDetection(this, row);
  }

  /** Bytes of the first part and of the numbers that are decoded now; tables and texts are not counted. */
  get heldBytes(): number {
    let sum = this.#hot.length;
    for (const part of this.#parts) for (const column of numbersIn(part)) sum += column.byteLength;
    return sum;
  }

  /**
   * Gives its memory back, now rather than when the garbage collector comes by: the bytes it was made of and what was decoded. The block
   * and what was asked of it are not to be used any more.
   */
  release(): void {
    for (const part of this.#parts) freeBytes(...numbersIn(part));
    this.#parts.length = 0;
    freeBytes(this.#hot);
    if (typeof this.#cold !== 'function') freeBytes(this.#cold);
  }

  #part(section: number): Partial<DetectionRows> {
    let part = this.#parts[section];
    if (part === undefined) {
      part = orDamaged(() => this.#read(section));
      this.#parts[section] = part;
    }
    return part;
  }

  #read(section: number): Partial<DetectionRows> {
    const packed = this.#section(section);
    const content = unpackSection(packed);
    const reader = new ByteReader(content);
    const part = readSection(reader, section, this);
    if (reader.at !== content.length) throw new RangeError('a section does not add up');
    if (content.buffer !== packed.bytes.buffer) freeBytes(content);
    return part;
  }

  #section(section: number): Section {
    const first = section < HOT_SECTIONS ? 0 : HOT_SECTIONS;
    let at = first === 0 ? HEAD_BYTES : 0;
    for (let before = first; before < section; before++) at += this.#entry(before, 0);
    const part = first === 0 ? this.#hot : this.#coldPart();
    return {
      bytes: part.subarray(at, at + this.#entry(section, 0)),
      contentBytes: this.#entry(section, 4),
      crc: this.#entry(section, 8),
    };
  }

  #entry(section: number, field: number): number {
    return this.#head.getUint32(4 + section * ENTRY_BYTES + field, true);
  }

  #coldPart(): Uint8Array {
    if (typeof this.#cold === 'function') this.#cold = this.#cold();
    return this.#cold;
  }
}

/** The columns that questions read; those of texts share the codes of stations and senders. */
class BlockColumns implements DetectionColumns {
  readonly #block: DetectionBlock;
  #types: Uint8Array | undefined;

  constructor(block: DetectionBlock) {
    this.#block = block;
  }

  get count(): number {
    return this.#block.count;
  }

  get ordinals(): Float64Array {
    return this.#block.ordinals;
  }

  get timestamps(): Float64Array {
    return this.#block.timestamps;
  }

  get types(): Uint8Array {
    const { stations, stationTable } = this.#block;
    this.#types ??= Uint8Array.from(stations, (station) => {
      return detectionTypes.indexOf((stationTable[station] as Station).type);
    });
    return this.#types;
  }

  get lats(): Float64Array {
    return this.#block.lats;
  }

  get lons(): Float64Array {
    return this.#block.lons;
  }

  get signals(): Float64Array {
    return this.#block.signals;
  }

  get devices(): TextColumn {
    const { senders, senderTable } = this.#block;
    return { values: senderTable.map(({ deviceId }) => deviceId), codes: senders };
  }

  get identities(): TextColumn {
    return this.#ofStations('identity');
  }

  get names(): TextColumn {
    return this.#ofStations('name');
  }

  get securities(): TextColumn {
    return this.#ofStations('security');
  }

  #ofStations(field: 'identity' | 'name' | 'security'): TextColumn {
    const { stations, stationTable } = this.#block;
    return { values: stationTable.map((station) => station[field]), codes: stations };
  }
}

function numbersIn(part: Partial<DetectionRows> | undefined): ArrayBufferView[] {
  return part === undefined ? [] : Object.values(part).filter((column) => ArrayBuffer.isView(column));
}

function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof PisyncError) throw cause;
    throw new PisyncError('store_damaged', {
      detail: `a block of detections cannot be read: ${String(cause)}`,
      cause,
    });
  }
}
