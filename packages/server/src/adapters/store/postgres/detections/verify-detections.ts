import { type DetectionType, detectionTypes } from '@pisync/protocol';
import {
  emptyNetwork,
  estimatePosition,
  foldSighting,
  type NetworkRow,
  type PositionSums,
} from '../../../../core/detections/networks/network-fold.ts';
import type { Finding } from '../../../../ports/store.ts';
import { originalText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { fetchRows } from '../queries/stored-devices.ts';
import { isDeclared } from '../queries/verify.ts';
import { readRows } from '../wire/read-rows.ts';
import { tileCode } from './tile-code.ts';

/** Faults of one check that are told one by one; the others are counted. */
const TOLD = 20;

/** 1e-9 degrees, as a part of a unit vector. */
const POSITION_TOLERANCE = (1e-9 * Math.PI) / 180;

/**
 * Reads every detection: their ordinals are 1, 2, 3 … without a gap up to the store's, each has its tile, and every network is
 * what a fold of its detections gives. Sums of positions depend in their last digits on the order of additions.
 *
 * Detections, networks and variants are read side by side in the order of networks, so that one network is held at a time. To
 * be called in a transaction that sees one state of the database.
 */
export async function verifyDetections(session: Session): Promise<readonly Finding[]> {
  if (await isDeclared(session, 'detections_retention')) {
    const detail =
      'old detections may have been dropped (detections_retention): networks are not compared with them';
    return [{ severity: 'warning', check: 'detections', detail }];
  }
  const ordinals = await checkOrdinals(session);
  const networks = await new NetworksCheck(session).run();
  return [...ordinals, ...networks];
}

class Faults {
  readonly #check: string;
  readonly #told: string[] = [];
  #count = 0;

  constructor(check: string) {
    this.#check = check;
  }

  add(detail: string): void {
    this.#count += 1;
    if (this.#told.length < TOLD) this.#told.push(detail);
  }

  /** @param sound - what is said where nothing is wrong */
  findings(sound: string): Finding[] {
    if (this.#count === 0) return [{ severity: 'ok', check: this.#check, detail: sound }];
    const more = this.#count - this.#told.length;
    const told = more === 0 ? this.#told : [...this.#told, `and ${more} more`];
    return told.map((detail) => ({ severity: 'error', check: this.#check, detail }));
  }
}

async function checkOrdinals(session: Session): Promise<Finding[]> {
  const faults = new Faults('detections');
  const [row] = await session.query<{ last: number }>(
    'SELECT detection_ordinal AS last FROM store WHERE id = 1',
  );
  const last = row?.last ?? 0;
  let before = 0;
  await readRows(session, 'SELECT ordinal FROM detection ORDER BY ordinal', (reader) => {
    const ordinal = reader.bigint() as number;
    if (ordinal === before) faults.add(`detection ${ordinal} is there twice`);
    else if (ordinal > before + 1) faults.add(`detections ${before + 1} to ${ordinal - 1} are missing`);
    before = ordinal;
  });
  if (before < last) faults.add(`detections ${before + 1} to ${last} are missing`);
  if (before > last) faults.add(`detection ${before} is there, the store counts ${last}`);
  return faults.findings(`${last} detections, numbered without a gap`);
}

interface Keyed {
  readonly type: number;
  readonly identity: string;
}

interface HeardRow extends Keyed {
  readonly ordinal: number;
  readonly timestamp: number;
  readonly name: string | null;
  readonly security: string | null;
  readonly channel: number | null;
  readonly frequencyMhz: number | null;
  readonly signal: number | null;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly accuracy: number | null;
  readonly tile: number | null;
}

const HEARD = `SELECT type, identity, ordinal, timestamp, name, security, channel, frequency_mhz AS "frequencyMhz",
  signal_dbm AS signal, lat, lon, accuracy, tile FROM detection ORDER BY type, identity`;

type StoredNetwork = Keyed &
  Omit<NetworkRow, 'type' | 'variants' | 'variantIndex'> & {
    readonly lat: number | null;
    readonly lon: number | null;
    readonly tile: number | null;
  };

const NETWORKS = `SELECT type, identity, first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt",
  last_ordinal AS "lastOrdinal", detections, name, security, channel, frequency_mhz AS "frequencyMhz", signal_dbm AS signal,
  signal_at AS "signalAt", signal_ordinal AS "signalOrdinal", signal_lat AS "signalLat", signal_lon AS "signalLon", located,
  weight, x, y, z, lat, lon, tile FROM network ORDER BY type, identity`;

interface VariantRow extends Keyed {
  readonly name: string | null;
  readonly security: string | null;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly detections: number;
}

const VARIANTS = `SELECT type, identity, name, security, first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt", detections
  FROM network_variant ORDER BY type, identity`;

/** What is the same whatever the order of additions. */
const exactFields = [
  ...(['firstSeenAt', 'lastSeenAt', 'lastOrdinal', 'detections', 'name', 'security', 'channel'] as const),
  ...(['frequencyMhz', 'signal', 'signalAt', 'signalOrdinal', 'signalLat', 'signalLon', 'located'] as const),
];

class NetworksCheck {
  readonly #faults = new Faults('networks');
  readonly #heard: Groups<HeardRow>;
  readonly #stored: Groups<StoredNetwork>;
  readonly #variants: Groups<VariantRow>;
  #networks = 0;

  constructor(session: Session) {
    this.#heard = new Groups(fetchRows<HeardRow>(session, 'heard_by_network', HEARD));
    this.#stored = new Groups(fetchRows<StoredNetwork>(session, 'all_networks', NETWORKS));
    this.#variants = new Groups(fetchRows<VariantRow>(session, 'all_variants', VARIANTS));
  }

  async run(): Promise<Finding[]> {
    const all = [this.#heard, this.#stored, this.#variants];
    for (;;) {
      const heads = (await Promise.all(all.map((groups) => groups.head()))).filter(
        (key) => key !== undefined,
      );
      const [key] = heads.sort(compareKeys);
      if (key === undefined) break;
      await this.#network(key);
    }
    return this.#faults.findings(`${this.#networks} networks: the same as a fold of all detections`);
  }

  async #network(key: Keyed): Promise<void> {
    const type = detectionTypes[key.type] as DetectionType;
    const fault = (detail: string): void => this.#faults.add(`${type} ${key.identity}: ${detail}`);
    const folded = emptyNetwork(type, key.identity);
    await this.#heard.take(key, (row) => {
      foldSighting(folded, looksOf(row), row);
      if (row.tile !== tileAt(row.lat, row.lon))
        fault(`detection ${row.ordinal} has not the tile of its position`);
    });
    let stored: StoredNetwork | undefined;
    await this.#stored.take(key, (row) => {
      stored = row;
    });
    const variants: VariantRow[] = [];
    await this.#variants.take(key, (row) => variants.push(row));
    this.#networks += 1;
    if (folded.detections === 0) fault('it is in the tables and has no detection');
    else if (stored === undefined) fault('it is missing in the table');
    else compareNetwork(stored, folded, fault);
    if (folded.detections > 0) compareVariants(variants, folded.variants, fault);
  }
}

/** Rows in the order of their networks, taken network by network. */
class Groups<Row extends Keyed> {
  readonly #rows: AsyncGenerator<Row>;
  #next: Promise<IteratorResult<Row>> | undefined;

  constructor(rows: AsyncGenerator<Row>) {
    this.#rows = rows;
  }

  #peek(): Promise<IteratorResult<Row>> {
    this.#next ??= this.#rows.next();
    return this.#next;
  }

  /** The network whose rows come next. */
  async head(): Promise<Keyed | undefined> {
    const { done, value } = await this.#peek();
    return done ? undefined : value;
  }

  /** Takes the rows of a network, if they come next. */
  async take(key: Keyed, each: (row: Row) => void): Promise<void> {
    for (;;) {
      const { done, value } = await this.#peek();
      if (done || value.type !== key.type || value.identity !== key.identity) return;
      each(value);
      this.#next = undefined;
    }
  }
}

/** As the tables sort, identities being ASCII. */
function compareKeys(a: Keyed, b: Keyed): number {
  return a.type - b.type || (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : 0);
}

function original(text: string | null): string | null {
  return text === null ? null : originalText(text);
}

function looksOf<Row extends Pick<HeardRow, 'name' | 'security'>>(row: Row): Row {
  return { ...row, name: original(row.name), security: original(row.security) };
}

function tileAt(lat: number | null, lon: number | null): number | null {
  return lat === null || lon === null ? null : tileCode(lat, lon);
}

function compareNetwork(row: StoredNetwork, folded: NetworkRow, fault: (detail: string) => void): void {
  const stored = looksOf(row);
  for (const field of exactFields) {
    if (stored[field] !== folded[field])
      fault(`${field} is ${String(stored[field])}, its detections give ${String(folded[field])}`);
  }
  if (!samePosition(stored, folded)) fault('its position is not that of its detections');
  const { lat, lon } = estimatePosition(stored) ?? { lat: null, lon: null };
  if (stored.lat !== lat || stored.lon !== lon || stored.tile !== tileAt(lat, lon))
    fault('its place on the map is not the one that its sums give');
}

/** Each addition may lose the last bit of the sum. */
function samePosition(a: PositionSums, b: PositionSums): boolean {
  const tolerance = b.weight * (POSITION_TOLERANCE + b.located * Number.EPSILON);
  const sums = [a.x - b.x, a.y - b.y, a.z - b.z, a.weight - b.weight];
  return sums.every((difference) => Math.abs(difference) <= tolerance);
}

function compareVariants(
  rows: readonly VariantRow[],
  variants: NetworkRow['variants'],
  fault: (detail: string) => void,
): void {
  const expected = new Map(
    variants.map((variant) => [JSON.stringify([variant.name, variant.security]), variant]),
  );
  for (const row of rows.map(looksOf)) {
    const key = JSON.stringify([row.name, row.security]);
    const variant = expected.get(key);
    expected.delete(key);
    const same =
      variant?.firstSeenAt === row.firstSeenAt &&
      variant.lastSeenAt === row.lastSeenAt &&
      variant.detections === row.detections;
    if (!same) fault(`its variant ${key.slice(0, 80)} is not that of its detections`);
  }
  for (const key of expected.keys()) fault(`its variant ${key.slice(0, 80)} is missing`);
}
