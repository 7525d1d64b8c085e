import { hash } from 'node:crypto';
import { type DetectionType, detectionTypes } from '@pisync/protocol';
import {
  emptyNetwork,
  estimatePosition,
  foldDetection,
  type NetworkRow,
} from '../../../../core/detections/networks/network-fold.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import {
  bigintArray,
  doubleArray,
  smallintArray,
  textArrayBytes,
  timeArray,
  uuidArray,
} from '../wire/binary-arrays.ts';
import { textListLiteral } from '../wire/literals.ts';
import { readRows } from '../wire/read-rows.ts';
import { NETWORK, networkColumns, readNetwork } from './network-rows.ts';
import { tileCode } from './tile-code.ts';

/**
 * Folds new detections into their networks: reads those that are known, folds, and writes all back, in three statements
 * however many there are. The store is locked, so that nobody else changes a network meanwhile.
 */
export async function foldIntoNetworks(
  session: Session,
  detections: readonly StoredDetection[],
): Promise<void> {
  const networks = await knownNetworks(session, detections);
  for (const detection of detections) {
    const { type, identity } = detection;
    const key = keyOf(type, identity);
    let network = networks.get(key);
    if (network === undefined) {
      network = emptyNetwork(type, identity);
      networks.set(key, network);
    }
    foldDetection(network, detection);
  }
  const rows = [...networks.values()];
  await writeNetworks(session, rows);
  await addVariants(session, rows);
}

function keyOf(type: DetectionType, identity: string): string {
  return `${type} ${identity}`;
}

async function knownNetworks(
  session: Session,
  detections: readonly StoredDetection[],
): Promise<Map<string, NetworkRow>> {
  const networks = new Map<string, NetworkRow>();
  const identities = textListLiteral([...new Set(detections.map(({ identity }) => identity))]);
  const types = new Set(detections.map(({ type }) => type));
  for (const type of types) {
    const place = detectionTypes.indexOf(type);
    const query = `SELECT ${NETWORK} FROM network WHERE type = ${place} AND identity = ANY (${identities})`;
    await readRows(session, query, (row) => {
      const network = readNetwork(row);
      networks.set(keyOf(network.type, network.identity), network);
    });
  }
  return networks;
}

const typePlace = ({ type }: { readonly type: DetectionType }) => detectionTypes.indexOf(type);

/** The values of each column of {@link networkColumns}, and of those that are derived from them. */
async function writeNetworks(session: Session, rows: readonly NetworkRow[]): Promise<void> {
  const places = rows.map(estimatePosition);
  await session.query(WRITE_NETWORKS, [
    smallintArray(rows.map(typePlace)),
    textArrayBytes(rows.map(({ identity }) => identity)),
    timeArray(rows.map(({ firstSeenAt }) => firstSeenAt)),
    timeArray(rows.map(({ lastSeenAt }) => lastSeenAt)),
    bigintArray(rows.map(({ lastOrdinal }) => lastOrdinal)),
    bigintArray(rows.map((row) => row.detections)),
    textArrayBytes(rows.map(({ name }) => name)),
    textArrayBytes(rows.map(({ security }) => security)),
    bigintArray(rows.map(({ channel }) => channel)),
    doubleArray(rows.map(({ frequencyMhz }) => frequencyMhz)),
    doubleArray(rows.map(({ signal }) => signal)),
    timeArray(rows.map(({ signalAt }) => signalAt)),
    bigintArray(rows.map(({ signalOrdinal }) => signalOrdinal)),
    doubleArray(rows.map(({ signalLat }) => signalLat)),
    doubleArray(rows.map(({ signalLon }) => signalLon)),
    bigintArray(rows.map(({ located }) => located)),
    doubleArray(rows.map(({ weight }) => weight)),
    doubleArray(rows.map(({ x }) => x)),
    doubleArray(rows.map(({ y }) => y)),
    doubleArray(rows.map(({ z }) => z)),
    doubleArray(places.map((place) => place?.lat ?? null)),
    doubleArray(places.map((place) => place?.lon ?? null)),
    bigintArray(places.map((place) => place && tileCode(place.lat, place.lon))),
  ]);
}

const written = [...networkColumns, ['lat', 'float8'], ['lon', 'float8'], ['tile', 'bigint']] as const;
const names = written.map(([name]) => name);

const WRITE_NETWORKS = `INSERT INTO network (${names.join(', ')})
  SELECT * FROM unnest(${written.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ')})
  ON CONFLICT (type, identity) DO UPDATE SET ${names
    .slice(2)
    .map((name) => `${name} = excluded.${name}`)
    .join(', ')}`;

/** Adds what these detections say of each variant to what is known of it; sums and bounds need not be read for that. */
async function addVariants(session: Session, rows: readonly NetworkRow[]): Promise<void> {
  const variants = rows.flatMap((row) =>
    row.variants.map((variant) => ({ ...variant, type: row.type, identity: row.identity })),
  );
  await session.query(ADD_VARIANTS, [
    smallintArray(variants.map(typePlace)),
    textArrayBytes(variants.map(({ identity }) => identity)),
    uuidArray(variants.map(({ name, security }) => looksOf(name, security))),
    textArrayBytes(variants.map(({ name }) => name)),
    textArrayBytes(variants.map(({ security }) => security)),
    timeArray(variants.map(({ firstSeenAt }) => firstSeenAt)),
    timeArray(variants.map(({ lastSeenAt }) => lastSeenAt)),
    bigintArray(variants.map(({ detections }) => detections)),
  ]);
}

const ADD_VARIANTS = `INSERT INTO network_variant AS known
    (type, identity, looks, name, security, first_seen_at, last_seen_at, detections)
  SELECT * FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
    $8::bigint[])
  ON CONFLICT (type, identity, looks) DO UPDATE SET
    first_seen_at = LEAST(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = GREATEST(known.last_seen_at, excluded.last_seen_at),
    detections = known.detections + excluded.detections`;

/** A name and a security as one key: 128 bits of their SHA-256. */
function looksOf(name: string | null, security: string | null): Buffer {
  return hash('sha256', JSON.stringify([name, security]), 'buffer').subarray(0, 16);
}
