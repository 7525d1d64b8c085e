import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DetectionFilter } from '../../../../core/detections/detection-filter.ts';
import { GridBuilder } from '../../../../core/detections/grid.ts';
import { matchRows } from '../../../../core/detections/match-detections.ts';
import { tileX, tileY } from '../../../../core/detections/mercator.ts';
import { maxNamesakes } from '../../../../core/detections/networks/network.ts';
import { shownVariants, toNetworkRecord } from '../../../../core/detections/networks/network-fold.ts';
import type {
  ChangeQuery,
  DetectionStore,
  GridAnswer,
  NamesakeQuery,
  Namesakes,
  NetworkChange,
  NetworkDetail,
  NetworkFilter,
  NetworkKey,
  NetworkPage,
  NetworkQuery,
  NetworkRecord,
} from '../../../../ports/detection-store.ts';
import { NetworkColumns } from './network-columns.ts';
import { NetworkHistory, onlyVariant } from './network-history.ts';
import { isLocalRadio, isWifi, lowerIdentity, type Radio, radioKey, radioOf } from './network-radio.ts';

const UNKNOWN = -1;

const RECORD = `SELECT radio, name, security, channel, frequency, first_seen, last_seen, detections, signal,
  signal_lat, signal_lon, located, weight, x, y, z, id, split FROM network`;

type Row = readonly [
  radio: Radio,
  name: string | null,
  security: string | null,
  channel: number | null,
  frequency: number | null,
  firstSeen: number,
  lastSeen: number,
  detections: number,
  signal: number | null,
  signalLat: number | null,
  signalLon: number | null,
  located: number,
  weight: number,
  x: number,
  y: number,
  z: number,
  id: number,
  split: number,
];

/**
 * Answers questions about networks on a connection that reads, as of the moment of the question: of all that was folded
 * and committed by then. Each answer is one short transaction of its own. Which networks are meant is found in columns in
 * memory, which grow with what was folded since the last question; what is shown of them is read from the table.
 */
export class NetworkQueries {
  readonly #db: DatabaseSync;
  readonly #columns: NetworkColumns;
  readonly #history: NetworkHistory;
  readonly #byId: StatementSync;
  readonly #byRadio: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#columns = new NetworkColumns(db);
    this.#history = new NetworkHistory(db);
    this.#byId = db.prepare(`${RECORD} WHERE id = ?`);
    this.#byRadio = db.prepare(`${RECORD} WHERE radio = ?`);
    for (const read of [this.#byId, this.#byRadio]) read.setReturnArrays(true);
  }

  networks({ filter, limit, after }: NetworkQuery): NetworkPage {
    return this.#read(() => {
      const columns = this.#columns;
      let rows = this.#select(filter);
      if (after !== undefined) {
        const radio = radioOf(after.type, after.identity);
        rows = rows.filter((row) => columns.comparePlace(after.lastSeenAt, radio, row) < 0);
      }
      const first = firstOf(rows, limit + 1, (a, b) => columns.compareSeen(a, b));
      const items = first.slice(0, limit).map((row) => this.#record(row));
      const last = items.at(-1);
      if (last === undefined || first.length === items.length) return { items, next: null };
      return { items, next: { lastSeenAt: last.lastSeenAt, type: last.type, identity: last.identity } };
    });
  }

  network({ type, identity }: NetworkKey): NetworkDetail | undefined {
    return this.#read(() => {
      const row = this.#byRadio.get(radioOf(type, identity)) as unknown as Row | undefined;
      if (row === undefined) return undefined;
      const record = recordOf(row);
      const [id, split] = [row[16], row[17]];
      return {
        ...record,
        variants: split === 0 ? [onlyVariant(record)] : shownVariants(this.#history.split(id)),
      };
    });
  }

  networkGrid({ filter, zoom, limit }: Parameters<DetectionStore['networkGrid']>[0]): GridAnswer {
    return this.#read(() => {
      const grid = new GridBuilder({ box: filter.box, zoom, limit });
      const columns = this.#columns.detections();
      const { search, firstSeenFrom } = filter;
      if (search === undefined && firstSeenFrom === undefined) {
        grid.add(columns, asDetections(filter));
        return grid.answer();
      }
      for (const row of this.#select(filter)) {
        const [lat, lon] = [columns.lats[row]!, columns.lons[row]!];
        grid.addCell(tileX(lon, zoom), tileY(lat, zoom), 1, columns.signals[row]!, lat, lon);
      }
      return grid.answer();
    });
  }

  changes(query: ChangeQuery): readonly NetworkChange[] {
    return this.#read(() => {
      const { from, to, box, limit } = query;
      const columns = this.#columns;
      const { firstSeen, split } = columns;
      const inBox = matchRows(columns.detections(), { box });
      const asked = new Uint8Array(columns.count);
      for (const row of inBox) asked[row] = 1;
      const fresh = inBox.filter(
        (row) => split[row] === 0 && firstSeen[row]! >= from && firstSeen[row]! < to,
      );
      const newest = firstOf(fresh, limit, (a, b) => columns.compareNew(a, b));
      return this.#history.changes(
        query,
        newest.map((row) => this.#record(row)),
        (id) => (asked[id - 1] === 1 ? radioKey(columns.radio(id - 1)) : undefined),
      );
    });
  }

  namesakes({ limit, after = '' }: NamesakeQuery): readonly Namesakes[] {
    return this.#read(() => {
      const { values, codes } = this.#columns.detections().names;
      const shared = sharedNames(this.#columns)
        .map((code) => ({ code, name: values[code] as string }))
        .filter(({ name }) => compareCodePoints(name, after) > 0)
        .sort((a, b) => compareCodePoints(a.name, b.name))
        .slice(0, limit);
      const rowsOf = new Map<number, number[]>(shared.map(({ code }) => [code, []]));
      for (let row = 0; row < this.#columns.count; row++) rowsOf.get(codes[row]!)?.push(row);
      return shared.map(({ code, name }) => ({
        name,
        networks: this.#bearing(rowsOf.get(code) as number[]),
      }));
    });
  }

  /** The Wi-Fi networks among those of a name, the longest known first; of too many those in the middle are left out. */
  #bearing(named: readonly number[]): NetworkRecord[] {
    const columns = this.#columns;
    const rows = named
      .filter((row) => isWifi(columns.radio(row)))
      .sort((a, b) => columns.compareFirstSeen(a, b));
    const half = maxNamesakes / 2;
    const shown = rows.length <= maxNamesakes ? [...rows] : [...rows.slice(0, half), ...rows.slice(-half)];
    return shown.map((row) => this.#record(row));
  }

  #record(row: number): NetworkRecord {
    return recordOf(this.#byId.get(row + 1) as unknown as Row);
  }

  /** Rows of the networks that meet a filter, ascending. */
  #select(filter: NetworkFilter): Uint32Array {
    const { firstSeen } = this.#columns;
    let rows = matchRows(this.#columns.detections(), asDetections(filter));
    const { firstSeenFrom, search } = filter;
    if (firstSeenFrom !== undefined) rows = rows.filter((row) => firstSeen[row]! >= firstSeenFrom);
    return search === undefined ? rows : this.#found(rows, search.toLowerCase());
  }

  /** Rows whose name or identity has a part, which is in lower case. */
  #found(rows: Uint32Array, part: string): Uint32Array {
    const columns = this.#columns;
    const { values, codes } = columns.detections().names;
    // Each name is judged once.
    const found = Uint8Array.from(values, (name) => Number(name?.toLowerCase().includes(part) === true));
    const partOfIdentity = /^[0-9a-f:-]*$/.test(part);
    const bears = (row: number) => lowerIdentity(columns.radio(row)).includes(part);
    return rows.filter((row) => found[codes[row]!] === 1 || (partOfIdentity && bears(row)));
  }

  #read<T>(answer: () => T): T {
    this.#db.exec('BEGIN');
    try {
      this.#columns.refresh();
      return answer();
    } finally {
      this.#db.exec('ROLLBACK');
    }
  }
}

/** What of a filter can be asked of the columns. */
function asDetections({
  box,
  types,
  security,
  minSignal,
  lastSeenFrom,
  name,
}: NetworkFilter): DetectionFilter {
  return { box, types, security, minSignal, from: lastSeenFrom, name };
}

/** Codes of the names that several Wi-Fi networks bear which differ in what secures them or in who made their address. */
function sharedNames(columns: NetworkColumns): number[] {
  const { names, securities } = columns.detections();
  /** Of the first network by name: its security and the next free code where none is known, and its kind of address. */
  const security = new Int32Array(names.values.length).fill(UNKNOWN);
  const local = new Int8Array(names.values.length).fill(UNKNOWN);
  const differ = new Uint8Array(names.values.length);
  for (let row = 0; row < columns.count; row++) {
    const radio = columns.radio(row);
    if (!isWifi(radio)) continue;
    const code = names.codes[row]!;
    const own = securities.codes[row]!;
    const ownLocal = isLocalRadio(radio) ? 1 : 0;
    if (local[code] === UNKNOWN) local[code] = ownLocal;
    else if (local[code] !== ownLocal) differ[code] = 1;
    // A security that is not known differs from none.
    if (securities.values[own] === null) continue;
    if (security[code] === UNKNOWN) security[code] = own;
    else if (security[code] !== own) differ[code] = 1;
  }
  const shared: number[] = [];
  for (const [code, name] of names.values.entries())
    if (name !== null && differ[code] === 1) shared.push(code);
  return shared;
}
/** The first rows in an order in which the later ones of `rows` mostly come first. */
function firstOf(rows: Uint32Array, count: number, compare: (a: number, b: number) => number): number[] {
  let first: number[] = [];
  let worst: number | undefined;
  for (let at = rows.length - 1; at >= 0; at--) {
    const row = rows[at]!;
    if (worst !== undefined && compare(row, worst) > 0) continue;
    first.push(row);
    if (first.length < 2 * count + 1024) continue;
    first = first.sort(compare).slice(0, count);
    worst = first.at(-1);
  }
  return first.sort(compare).slice(0, count);
}

function recordOf(row: Row): NetworkRecord {
  return toNetworkRecord({
    ...radioKey(row[0]),
    name: row[1],
    security: row[2],
    channel: row[3],
    frequencyMhz: row[4],
    firstSeenAt: row[5],
    lastSeenAt: row[6],
    detections: row[7],
    signal: row[8],
    signalLat: row[9],
    signalLon: row[10],
    located: row[11],
    weight: row[12],
    x: row[13],
    y: row[14],
    z: row[15],
  });
}

/** As the bytes of UTF-8 sort. */
function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
