import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NetworkRow, PositionSums } from '../../../../core/detections/networks/network-fold.ts';
import { type Radio, radioKey } from '../networks/network-radio.ts';
import type { Faults } from './faults.ts';

/** Radios from one on and before another; undefined for no bound. */
export interface RadioRange {
  readonly from: Radio | undefined;
  readonly to: Radio | undefined;
}

/** 1e-9 degrees, as a part of a unit vector. */
const POSITION_TOLERANCE = (1e-9 * Math.PI) / 180;

interface StoredNetwork extends PositionSums {
  readonly id: number;
  readonly radio: Radio;
  readonly split: number;
  readonly changed: number;
}

interface StoredVariant {
  readonly name: string;
  readonly security: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly detections: number;
}

const COLUMNS = `id, radio, name, security, channel, frequency AS frequencyMhz, first_seen AS firstSeenAt,
  last_seen AS lastSeenAt, detections, signal, signal_at AS signalAt, signal_lat AS signalLat, signal_lon AS signalLon,
  located, weight, x, y, z, split, changed`;

/** What is the same whatever the order of additions. */
const exactFields = [
  ...([
    'name',
    'security',
    'channel',
    'frequencyMhz',
    'firstSeenAt',
    'lastSeenAt',
    'detections',
    'signal',
  ] as const),
  ...(['signalLat', 'signalLon', 'located'] as const),
];

/** The tables of networks, compared range by range with what the detections give. */
export class StoredNetworks {
  readonly #db: DatabaseSync;
  readonly #folded: number;
  readonly #faults: Faults;
  readonly #ofNetwork: StatementSync;
  #variants = 0;

  /** @param folded - ordinal of the newest detection that is in the networks */
  constructor(db: DatabaseSync, folded: number, faults: Faults) {
    this.#db = db;
    this.#folded = folded;
    this.#faults = faults;
    this.#ofNetwork = db.prepare(
      `SELECT name, security, first_seen AS firstSeenAt, last_seen AS lastSeenAt, detections
       FROM network_variant WHERE network = ?`,
    );
  }

  /** Ranges of about so many networks and variants, which together are everything. */
  ranges(size: number): RadioRange[] {
    const bounds: Radio[] = [];
    let held = 0;
    const rows = this.#db
      .prepare(
        `SELECT radio, iif(split, (SELECT count(*) FROM network_variant WHERE network = id), 1) AS variants
         FROM network ORDER BY radio`,
      )
      .iterate();
    for (const row of rows as Iterable<unknown> as Iterable<{ radio: Radio; variants: number }>) {
      if (held > 0 && held + row.variants > size) {
        bounds.push(row.radio);
        held = 0;
      }
      held += row.variants;
    }
    return [...bounds, undefined].map((to, index) => ({ from: bounds[index - 1], to }));
  }

  /** @param expected - all networks of the range; those that are in the table are taken out */
  compare({ from, to }: RadioRange, expected: Map<Radio, NetworkRow>): void {
    // Only conditions that are there let SQLite seek.
    const bounds = [
      from === undefined ? '' : ' AND radio >= :from',
      to === undefined ? '' : ' AND radio < :to',
    ];
    const rows = this.#db
      .prepare(`SELECT ${COLUMNS} FROM network WHERE true${bounds.join('')} ORDER BY radio`)
      .iterate({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
    for (const row of rows as Iterable<unknown> as Iterable<StoredNetwork>) {
      const network = expected.get(row.radio);
      expected.delete(row.radio);
      if (network === undefined)
        this.#faults.add(`${nameOf(row.radio)} is in the table and has no detection`);
      else this.#compareNetwork(row, network);
    }
    for (const radio of expected.keys()) this.#faults.add(`${nameOf(radio)} is missing in the table`);
  }

  #compareNetwork(row: StoredNetwork, network: NetworkRow): void {
    const fault = (detail: string): void => this.#faults.add(`${nameOf(row.radio)}: ${detail}`);
    const kept = row as unknown as NetworkRow;
    for (const field of exactFields) {
      if (kept[field] !== network[field])
        fault(`${field} is ${String(kept[field])}, its detections give ${String(network[field])}`);
    }
    if (kept.signalAt !== (network.signal === null ? null : network.signalAt))
      fault(`its strongest signal is of ${kept.signalAt}, its detections give ${network.signalAt}`);
    if (!samePosition(row, network)) fault('its position is not that of its detections');
    if (!(row.changed >= 1 && row.changed <= this.#folded))
      fault(`it was changed by detection ${row.changed}`);
    if (row.split !== Number(network.variants.length > 1)) fault('its variants are not kept where it says');
    if (row.split !== 0) this.#compareVariants(row.id, network.variants, fault);
  }

  #compareVariants(id: number, variants: NetworkRow['variants'], fault: (detail: string) => void): void {
    const expected = new Map(
      variants.map((variant) => [JSON.stringify([variant.name ?? '', variant.security ?? '']), variant]),
    );
    this.#variants += expected.size;
    const rows = this.#ofNetwork.iterate(id) as Iterable<unknown> as Iterable<StoredVariant>;
    for (const { name, security, firstSeenAt, lastSeenAt, detections } of rows) {
      const key = JSON.stringify([name, security]);
      const variant = expected.get(key);
      expected.delete(key);
      const same =
        variant?.firstSeenAt === firstSeenAt &&
        variant.lastSeenAt === lastSeenAt &&
        variant.detections === detections;
      if (!same) fault(`its variant ${key.slice(0, 80)} is not that of its detections`);
    }
    for (const key of expected.keys()) fault(`its variant ${key.slice(0, 80)} is missing`);
  }

  /** Rows that belong to nothing. */
  compareCounts(): void {
    const { variants } = this.#db.prepare('SELECT count(*) AS variants FROM network_variant').get() as {
      variants: number;
    };
    if (variants !== this.#variants)
      this.#faults.add(`${variants} variants are there, the networks have ${this.#variants}`);
    const { networks, last } = this.#db
      .prepare('SELECT count(*) AS networks, ifnull(max(id), 0) AS last FROM network')
      .get() as { networks: number; last: number };
    if (networks !== last) this.#faults.add(`networks are numbered up to ${last}, ${networks} are there`);
  }
}

/** Each addition may lose the last bit of the sum. */
function samePosition(a: PositionSums, b: PositionSums): boolean {
  const tolerance = b.weight * (POSITION_TOLERANCE + b.located * Number.EPSILON);
  const sums = [a.x - b.x, a.y - b.y, a.z - b.z, a.weight - b.weight];
  return sums.every((difference) => Math.abs(difference) <= tolerance);
}

function nameOf(radio: Radio): string {
  const { type, identity } = radioKey(radio);
  return `${type} ${identity}`;
}
