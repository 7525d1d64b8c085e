import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NetworkVariant } from '../../../../core/detections/networks/network.ts';
import { compareChanges, networkChanges } from '../../../../core/detections/networks/network-changes.ts';
import type {
  ChangeQuery,
  NetworkChange,
  NetworkKey,
  NetworkRecord,
} from '../../../../ports/detection-store.ts';

/** Variants that are looked at before it is asked again whether that was enough. */
const STEP = 64;

type VariantRow = readonly [
  name: string,
  security: string,
  firstSeen: number,
  lastSeen: number,
  detections: number,
];

/** What networks were seen as, and what changed of them. On a connection that reads, in its user's transactions. */
export class NetworkHistory {
  readonly #ofNetwork: StatementSync;
  readonly #seen: StatementSync;

  constructor(db: DatabaseSync) {
    this.#ofNetwork = db.prepare(
      'SELECT name, security, first_seen, last_seen, detections FROM network_variant WHERE network = ?',
    );
    this.#seen = db.prepare(
      `SELECT network, first_seen FROM network_variant WHERE first_seen >= ? AND first_seen < ?
       ORDER BY first_seen DESC`,
    );
    this.#ofNetwork.setReturnArrays(true);
    this.#seen.setReturnArrays(true);
  }

  /** All variants of a network that has more than one. */
  split(id: number): NetworkVariant[] {
    return (this.#ofNetwork.all(id) as unknown as VariantRow[]).map(
      ([name, security, firstSeenAt, lastSeenAt, detections]) => ({
        name: name === '' ? null : name,
        security: security === '' ? null : security,
        ...{ firstSeenAt, lastSeenAt, detections },
      }),
    );
  }

  /**
   * The newest changes.
   *
   * @param unsplit - of the networks with one variant those that are new in the asked stretch, or as many as are asked
   * for of the newest
   * @param split - which network has an id, and undefined where it is not asked for
   */
  changes(
    { from, to, limit }: ChangeQuery,
    unsplit: readonly NetworkRecord[],
    split: (id: number) => NetworkKey | undefined,
  ): NetworkChange[] {
    const found = unsplit.flatMap((record) => networkChanges(record, [onlyVariant(record)]));
    const done = new Set<number>();
    let looked = 0;
    for (const row of this.#seen.iterate(from, to) as Iterable<unknown>) {
      const [id, timestamp] = row as readonly [number, number];
      // A change is as old as the variant that brings it: what is still to come is not newer than this one.
      const newer = () => found.reduce((count, change) => count + Number(change.timestamp > timestamp), 0);
      looked += 1;
      if (looked % STEP === 0 && found.length >= limit && newer() >= limit) break;
      if (done.has(id)) continue;
      done.add(id);
      const key = split(id);
      if (key === undefined) continue;
      const changes = networkChanges(key, this.split(id));
      found.push(...changes.filter((change) => change.timestamp >= from && change.timestamp < to));
    }
    return found.sort(compareChanges).slice(0, limit);
  }
}

/** The variant of a network that was never seen as anything else. */
export function onlyVariant({
  name,
  security,
  firstSeenAt,
  lastSeenAt,
  detections,
}: NetworkRecord): NetworkVariant {
  return { name, security, firstSeenAt, lastSeenAt, detections };
}
