import { detectionTypes } from '@pisync/protocol';
import type { NetworkVariant } from '../../../../core/detections/networks/network.ts';
import { compareChanges, networkChanges } from '../../../../core/detections/networks/network-changes.ts';
import type { ChangeQuery, NetworkChange, NetworkKey } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { millisecondsLiteral, textListLiteral } from '../wire/literals.ts';
import { readRows } from '../wire/read-rows.ts';
import { inBox, whereAll } from './conditions.ts';
import { readVariant, VARIANT } from './network-list.ts';
import { readType } from './network-rows.ts';

/**
 * Variants that are looked at in one go, and all others that were first seen at the same time as the last of them: more each
 * time, up to the second number.
 */
const FIRST_LOOK = 512;
const LARGEST_LOOK = 8_192;

/**
 * The newest changes. A change is as old as the first sight of the variant that brings it: variants are looked at from the
 * newest first sight on, in pieces that hold all of one time, until no older one can be shown.
 */
export async function listChanges(session: Session, query: ChangeQuery): Promise<readonly NetworkChange[]> {
  const { from, limit } = query;
  let { to } = query;
  let found: NetworkChange[] = [];
  for (let look = FIRST_LOOK; found.length < limit; look = Math.min(look * 4, LARGEST_LOOK)) {
    const { networks, oldest, seen } = await networksWithNews(session, { ...query, to }, look);
    if (seen === 0) break;
    const whole = await variantsOf(session, networks);
    for (const { key, variants } of whole) {
      const changes = networkChanges(key, variants);
      found.push(...changes.filter(({ timestamp }) => timestamp >= oldest && timestamp < to));
    }
    found = found.sort(compareChanges).slice(0, limit);
    if (seen < look || oldest <= from) break;
    to = oldest;
  }
  return found;
}

interface News {
  readonly networks: readonly NetworkKey[];
  /** When the oldest of the variants was first seen. */
  readonly oldest: number;
  readonly seen: number;
}

/** Networks with the newest variants of a stretch of time. */
async function networksWithNews(
  session: Session,
  { from, to, box }: ChangeQuery,
  look: number,
): Promise<News> {
  const conditions = [
    `variant.first_seen_at >= ${millisecondsLiteral(from)}`,
    `variant.first_seen_at < ${millisecondsLiteral(to)}`,
    ...(box === undefined ? [] : inBox(box)),
  ];
  const place = box === undefined ? '' : 'JOIN network USING (type, identity)';
  const networks = new Map<string, NetworkKey>();
  let oldest = to;
  let seen = 0;
  const query = `SELECT type, identity, variant.first_seen_at FROM network_variant AS variant ${place}
    WHERE ${whereAll(conditions)} ORDER BY variant.first_seen_at DESC FETCH FIRST ${look} ROWS WITH TIES`;
  await readRows(session, query, (row) => {
    const key = { type: readType(row), identity: row.text() as string };
    networks.set(`${key.type} ${key.identity}`, key);
    oldest = row.time() as number;
    seen += 1;
  });
  return { networks: [...networks.values()], oldest, seen };
}

interface Variants {
  readonly key: NetworkKey;
  readonly variants: NetworkVariant[];
}

async function variantsOf(session: Session, networks: readonly NetworkKey[]): Promise<Iterable<Variants>> {
  const known = new Map<string, Variants>();
  for (const [type, keys] of Map.groupBy(networks, (network) => network.type)) {
    const identities = textListLiteral(keys.map(({ identity }) => identity));
    const query = `SELECT identity, ${VARIANT} FROM network_variant
      WHERE type = ${detectionTypes.indexOf(type)} AND identity = ANY (${identities})`;
    await readRows(session, query, (row) => {
      const identity = row.text() as string;
      const name = `${type} ${identity}`;
      const one = known.get(name) ?? { key: { type, identity }, variants: [] };
      one.variants.push(readVariant(row));
      known.set(name, one);
    });
  }
  return known.values();
}
