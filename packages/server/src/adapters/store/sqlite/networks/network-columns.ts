import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DetectionColumns } from '../../../../core/detections/detection-columns.ts';
import { estimatePosition } from '../../../../core/detections/networks/network-fold.ts';
import { freeBytes } from '../../sealed/bytes.ts';
import { compareRadios, type Radio, radioType } from './network-radio.ts';

const FIRST_CAPACITY = 1024;
const none = { values: [], codes: new Uint32Array(0) };

const READ = `SELECT id, radio, weight, x, y, z, located, signal, first_seen, last_seen, security, split, changed, name
  FROM network`;

type Row = readonly [
  id: number,
  radio: Radio,
  weight: number,
  x: number,
  y: number,
  z: number,
  located: number,
  signal: number | null,
  firstSeen: number,
  lastSeen: number,
  security: string | null,
  split: number,
  changed: number,
  name: string | null,
];

/**
 * What questions over many networks look at, in columns: a pass over 200,000 networks takes a millisecond or two, where
 * SQLite takes a tenth of a second to hand them out. Row `n` is the network with id `n + 1`; networks are never deleted.
 * About 60 bytes each.
 */
export class NetworkColumns {
  readonly #all: StatementSync;
  readonly #behind: StatementSync;
  /** Of the newest change that was read. */
  #changed = 0;
  #count = 0;
  #lats = new Float64Array(FIRST_CAPACITY);
  #lons = new Float64Array(FIRST_CAPACITY);
  #signals = new Float64Array(FIRST_CAPACITY);
  #lastSeen = new Float64Array(FIRST_CAPACITY);
  #types = new Uint8Array(FIRST_CAPACITY);
  readonly #securities = new Map<string | null, number>();
  #securityOf = new Uint32Array(FIRST_CAPACITY);
  /** `NaN` for those whose radio is a text. */
  #radios = new Float64Array(FIRST_CAPACITY);
  readonly #texts = new Map<number, string>();
  readonly #nameCodes = new Map<string | null, number>();
  #nameOf = new Uint32Array(FIRST_CAPACITY);
  /** By row: epoch milliseconds. */
  firstSeen = new Float64Array(FIRST_CAPACITY);
  /** By row: 1 where the variants are rows of their own. */
  split = new Uint8Array(FIRST_CAPACITY);

  constructor(db: DatabaseSync) {
    this.#all = db.prepare(READ);
    this.#behind = db.prepare(`${READ} WHERE changed > ?`);
    this.#all.setReturnArrays(true);
    this.#behind.setReturnArrays(true);
  }

  get count(): number {
    return this.#count;
  }

  /** Reads what has changed since the last time; part of the transaction whose other answers must fit. */
  refresh(): void {
    const rows = this.#changed === 0 ? this.#all.iterate() : this.#behind.iterate(this.#changed);
    let newest = this.#changed;
    for (const row of rows as Iterable<unknown>) {
      this.#set(row as Row);
      const changed = (row as Row)[12];
      if (changed > newest) newest = changed;
    }
    this.#changed = newest;
  }

  #set(values: Row): void {
    const [id, radio, weight, x, y, z, located, signal, firstSeen, lastSeen, security, split] = values;
    const name = values[13];
    const row = id - 1;
    if (row >= this.#lats.length) this.#grow(id);
    if (id > this.#count) this.#count = id;
    const position = estimatePosition({ weight, x, y, z, located });
    this.#lats[row] = position?.lat ?? Number.NaN;
    this.#lons[row] = position?.lon ?? Number.NaN;
    this.#signals[row] = signal ?? Number.NaN;
    this.#lastSeen[row] = lastSeen;
    this.#types[row] = radioType(radio);
    this.#securityOf[row] = codeOf(this.#securities, security);
    this.#nameOf[row] = codeOf(this.#nameCodes, name);
    this.firstSeen[row] = firstSeen;
    this.split[row] = split;
    this.#radios[row] = typeof radio === 'number' ? radio : Number.NaN;
    if (typeof radio === 'string') this.#texts.set(row, radio);
  }

  #grow(least: number): void {
    const size = Math.max(least, this.#lats.length * 2);
    this.#lats = grown(this.#lats, new Float64Array(size));
    this.#lons = grown(this.#lons, new Float64Array(size));
    this.#signals = grown(this.#signals, new Float64Array(size));
    this.#lastSeen = grown(this.#lastSeen, new Float64Array(size));
    this.#types = grown(this.#types, new Uint8Array(size));
    this.#securityOf = grown(this.#securityOf, new Uint32Array(size));
    this.#nameOf = grown(this.#nameOf, new Uint32Array(size));
    this.#radios = grown(this.#radios, new Float64Array(size));
    this.firstSeen = grown(this.firstSeen, new Float64Array(size));
    this.split = grown(this.split, new Uint8Array(size));
  }

  /**
   * The networks as if each were one detection at its estimated position, when it was last seen and with its strongest
   * signal. Ordinals, devices and identities are not there.
   */
  detections(): DetectionColumns {
    return {
      count: this.#count,
      ordinals: this.#lastSeen,
      timestamps: this.#lastSeen,
      types: this.#types,
      lats: this.#lats,
      lons: this.#lons,
      signals: this.#signals,
      devices: none,
      identities: none,
      names: { values: [...this.#nameCodes.keys()], codes: this.#nameOf },
      securities: { values: [...this.#securities.keys()], codes: this.#securityOf },
    };
  }

  radio(row: number): Radio {
    const number = this.#radios[row] as number;
    return Number.isNaN(number) ? (this.#texts.get(row) as string) : number;
  }

  /** Below 0 where the first network comes first in a list; all of them are different. */
  compareSeen(a: number, b: number): number {
    return this.#lastSeen[b]! - this.#lastSeen[a]! || compareRadios(this.radio(a), this.radio(b));
  }

  /** Below 0 where the first network was seen first at an earlier time, of equal times by radio. */
  compareFirstSeen(a: number, b: number): number {
    return this.firstSeen[a]! - this.firstSeen[b]! || compareRadios(this.radio(a), this.radio(b));
  }

  /** As {@link compareFirstSeen}, the latest first. */
  compareNew(a: number, b: number): number {
    return this.firstSeen[b]! - this.firstSeen[a]! || compareRadios(this.radio(a), this.radio(b));
  }

  /** Below 0 where a place in the list comes before a network, 0 where it is the network's. */
  comparePlace(lastSeenAt: number, radio: Radio, row: number): number {
    return this.#lastSeen[row]! - lastSeenAt || compareRadios(radio, this.radio(row));
  }
}

/** The number of a text, given now if it is new. */
function codeOf(codes: Map<string | null, number>, text: string | null): number {
  const known = codes.get(text);
  if (known !== undefined) return known;
  codes.set(text, codes.size);
  return codes.size - 1;
}

function grown<Column extends Float64Array | Uint32Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  freeBytes(from);
  return to;
}
