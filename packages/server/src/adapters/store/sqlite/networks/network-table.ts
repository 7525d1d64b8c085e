import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { type DetectionType, detectionTypes } from '@pisync/protocol';
import {
  emptyNetwork,
  foldDetection,
  type NetworkRow,
} from '../../../../core/detections/networks/network-fold.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import { radioOf } from './network-radio.ts';

const COLUMNS = `radio, name, security, channel, frequency, first_seen, last_seen, detections, signal, signal_at, signal_lat,
  signal_lon, located, weight, x, y, z, split, changed`;

/** What was folded before has the smaller ordinals, so that of equal times the new row's wins. */
const NEWER = 'excluded.last_seen >= last_seen';
const STRONGER = `signal IS NULL OR (excluded.signal, excluded.signal_lat IS NOT NULL, excluded.signal_at)
  >= (signal, signal_lat IS NOT NULL, signal_at)`;

const MERGED = `channel = iif(${NEWER}, excluded.channel, channel),
  frequency = iif(${NEWER}, excluded.frequency, frequency),
  first_seen = min(first_seen, excluded.first_seen),
  last_seen = max(last_seen, excluded.last_seen),
  detections = detections + excluded.detections,
  signal = iif(${STRONGER}, excluded.signal, signal),
  signal_at = iif(${STRONGER}, excluded.signal_at, signal_at),
  signal_lat = iif(${STRONGER}, excluded.signal_lat, signal_lat),
  signal_lon = iif(${STRONGER}, excluded.signal_lon, signal_lon),
  located = located + excluded.located,
  weight = weight + excluded.weight,
  x = x + excluded.x, y = y + excluded.y, z = z + excluded.z,
  changed = excluded.changed`;

const UPSERT = `INSERT INTO network (${COLUMNS}) VALUES (${'?, '.repeat(18)}?) ON CONFLICT (radio) DO UPDATE SET ${MERGED}`;

/** Networks with several variants whose ids are kept in memory: a megabyte or two. */
const MAX_KNOWN_SPLIT = 16_384;

/** The networks, folded from the detections in the order of their commits. On the writing connection. */
export class NetworkTable {
  readonly #same: StatementSync;
  readonly #other: StatementSync;
  readonly #get: StatementSync;
  readonly #split: StatementSync;
  readonly #variant: StatementSync;
  /** Ids of networks known to have several variants: they are likely to come again, and never become one again. */
  readonly #splitIds = new Map<SQLInputValue, number>();

  constructor(db: DatabaseSync) {
    // The usual case, a network that always looks the same, touches no index but that of changes.
    this.#same = db.prepare(
      `${UPSERT} WHERE split = 0 AND name IS excluded.name AND security IS excluded.security`,
    );
    this.#other = db.prepare(
      `${UPSERT}, name = iif(${NEWER}, excluded.name, name),
       security = iif(${NEWER}, excluded.security, security), split = excluded.split`,
    );
    this.#get = db.prepare('SELECT id, split FROM network WHERE radio = ?');
    this.#split = db.prepare(
      `INSERT INTO network_variant SELECT id, ifnull(name, ''), ifnull(security, ''), first_seen, last_seen, detections
       FROM network WHERE id = ?`,
    );
    this.#variant = db.prepare(
      `INSERT INTO network_variant VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
       first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen),
       detections = detections + excluded.detections`,
    );
  }

  /**
   * Takes detections into their networks. Part of the caller's transaction, which also notes up to which ordinal this was
   * done: each detection must come once, and those with smaller ordinals before it. After a rollback the table must be
   * made anew.
   *
   * @param rows - by ordinal; the more at once, the less each costs, for a network is written once
   */
  fold(rows: readonly StoredDetection[]): void {
    const last = rows.at(-1);
    if (last === undefined) return;
    const networks = new Map(detectionTypes.map((type) => [type, new Map<string, NetworkRow>()]));
    for (const detection of rows) {
      const { type, identity } = detection;
      const ofType = networks.get(type) as Map<string, NetworkRow>;
      let row = ofType.get(identity);
      if (row === undefined) {
        row = emptyNetwork(type, identity);
        ofType.set(identity, row);
      }
      foldDetection(row, detection);
    }
    for (const [type, ofType] of networks) {
      for (const row of ofType.values()) this.#write(type, row, last.ordinal);
    }
  }

  #write(type: DetectionType, row: NetworkRow, changed: number): void {
    const values = valuesOf(radioOf(type, row.identity), row, changed);
    const id = this.#splitIds.get(values[0] as SQLInputValue);
    if (id === undefined && row.variants.length === 1 && this.#same.run(...values).changes > 0) return;
    values[17] = 1;
    if (id !== undefined) this.#other.run(...values);
    this.#writeVariants(row, id ?? this.#writeSplit(values));
  }

  /** Either the row has several variants, or the network has others. @returns the network's id */
  #writeSplit(values: SQLInputValue[]): number {
    const radio = values[0] as SQLInputValue;
    const known = this.#get.get(radio);
    if (known !== undefined && known['split'] === 0) this.#split.run(known['id'] as number);
    this.#other.run(...values);
    const id = (known ?? this.#get.get(radio))?.['id'] as number;
    if (this.#splitIds.size >= MAX_KNOWN_SPLIT) this.#splitIds.clear();
    this.#splitIds.set(radio, id);
    return id;
  }

  #writeVariants({ variants }: NetworkRow, id: number): void {
    for (const { name, security, firstSeenAt, lastSeenAt, detections } of variants) {
      this.#variant.run(id, name ?? '', security ?? '', firstSeenAt, lastSeenAt, detections);
    }
  }
}

/** In the order of {@link COLUMNS}. */
function valuesOf(radio: SQLInputValue, row: NetworkRow, changed: number): SQLInputValue[] {
  return [
    radio,
    row.name,
    row.security,
    row.channel,
    row.frequencyMhz,
    row.firstSeenAt,
    row.lastSeenAt,
    row.detections,
    row.signal,
    row.signal === null ? null : row.signalAt,
    row.signalLat,
    row.signalLon,
    row.located,
    row.weight,
    row.x,
    row.y,
    row.z,
    0,
    changed,
  ];
}
