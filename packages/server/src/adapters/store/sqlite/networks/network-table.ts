import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { BATCH_NUMBERS, type NetworkBatch, VARIANT_NUMBERS } from './network-batch.ts';

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
  /** What is bound, in the order of {@link COLUMNS}: the same array for each row. */
  readonly #values: SQLInputValue[] = new Array<SQLInputValue>(19).fill(null);

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
   */
  fold(batch: NetworkBatch): void {
    const { count, radios, radioTexts, lastOrdinal } = batch;
    const values = this.#values;
    values[18] = lastOrdinal;
    let variant = 0;
    for (let row = 0; row < count; row++) {
      values[0] = row < radios.length ? (radios[row] as number) : (radioTexts[row - radios.length] as string);
      readRow(batch, row, values);
      const first = variant;
      while (batch.variants[variant] === row) variant += VARIANT_NUMBERS;
      this.#write(batch, values, batch.variants.subarray(first, variant));
    }
  }

  /** @param variants - none where the row has but the one that it says itself */
  #write({ texts }: NetworkBatch, values: SQLInputValue[], variants: Float64Array): void {
    const id = this.#splitIds.get(values[0] as SQLInputValue);
    values[17] = 0;
    if (id === undefined && variants.length === 0 && this.#same.run(...values).changes > 0) return;
    values[17] = 1;
    if (id !== undefined) this.#other.run(...values);
    const network = id ?? this.#writeSplit(values);
    if (variants.length === 0) {
      const [, name = null, security = null, , , firstSeen = 0, lastSeen = 0, detections = 0] = values;
      this.#variant.run(network, name ?? '', security ?? '', firstSeen, lastSeen, detections);
    }
    for (let at = 0; at < variants.length; at += VARIANT_NUMBERS) {
      const [, name = 0, security = 0, ...numbers] = variants.subarray(at, at + VARIANT_NUMBERS);
      this.#variant.run(network, texts[name] ?? '', texts[security] ?? '', ...numbers);
    }
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
}

/** Sets what follows the radio in the order of {@link COLUMNS}, up to the sums. */
function readRow({ texts, looks, numbers }: NetworkBatch, row: number, values: SQLInputValue[]): void {
  values[1] = texts[looks[row * 2] as number] as string | null;
  values[2] = texts[looks[row * 2 + 1] as number] as string | null;
  for (let at = 0; at < BATCH_NUMBERS; at++) {
    const number = numbers[row * BATCH_NUMBERS + at] as number;
    values[3 + at] = Number.isNaN(number) ? null : number;
  }
}
