import { detectionTypes } from '@pisync/protocol';
import { compareNetworks, type NetworkVariant } from '../../../../core/detections/networks/network.ts';
import { shownVariants } from '../../../../core/detections/networks/network-fold.ts';
import type {
  NetworkDetail,
  NetworkKey,
  NetworkPage,
  NetworkPlace,
  NetworkQuery,
  NetworkRecord,
} from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { millisecondsLiteral, textLiteral } from '../wire/literals.ts';
import { type RowReader, readRows } from '../wire/read-rows.ts';
import { askNetworks, whereAll } from './conditions.ts';
import { firstAccepted, type JudgedList } from './first-accepted.ts';
import { NETWORK, readRecord } from './network-rows.ts';

/** Variants that an answer tells at most; of those seen last at the same time more are read. */
const VARIANTS = 100;

/** One page of the networks that meet a filter, newest seen first. */
export async function listNetworks(
  session: Session,
  { filter, limit, after }: NetworkQuery,
): Promise<NetworkPage> {
  const { conditions, judge } = askNetworks(filter);
  const first = (last: NetworkPlace | undefined, count: number) =>
    `${select(conditions, last ?? after)} ORDER BY last_seen_at DESC, type, identity LIMIT ${count}`;
  let found: NetworkRecord[] = [];
  if (judge === undefined) {
    await readRows(session, first(after, limit + 1), (row) => {
      found.push(readRecord(row));
    });
  } else {
    const { likely, accepts } = judge;
    const list: JudgedList<NetworkRecord> = {
      first,
      rest: (last) => select([...conditions, ...likely], last),
      read: readRecord,
      accepts,
      compare: (a, b) => b.lastSeenAt - a.lastSeenAt || compareNetworks(a, b),
    };
    found = await firstAccepted(session, list, limit + 1);
  }
  const items = found.slice(0, limit);
  const end = items.at(-1);
  if (end === undefined || found.length === items.length) return { items, next: null };
  return { items, next: { lastSeenAt: end.lastSeenAt, type: end.type, identity: end.identity } };
}

function select(conditions: readonly string[], after: NetworkPlace | undefined): string {
  const where = [...conditions];
  if (after !== undefined) {
    const time = millisecondsLiteral(after.lastSeenAt);
    const key = `(${detectionTypes.indexOf(after.type)}, ${textLiteral(after.identity)})`;
    where.push(`last_seen_at <= ${time}`, `(last_seen_at < ${time} OR (type, identity) > ${key})`);
  }
  return `SELECT ${NETWORK} FROM network WHERE ${whereAll(where)}`;
}

/** One network with what it was seen as. */
export async function findNetwork(session: Session, key: NetworkKey): Promise<NetworkDetail | undefined> {
  const where = `type = ${detectionTypes.indexOf(key.type)} AND identity = ${textLiteral(key.identity)}`;
  let record: NetworkRecord | undefined;
  await readRows(session, `SELECT ${NETWORK} FROM network WHERE ${where}`, (row) => {
    record = readRecord(row);
  });
  if (record === undefined) return undefined;
  const variants: NetworkVariant[] = [];
  const query = `SELECT ${VARIANT} FROM network_variant WHERE ${where}
    ORDER BY last_seen_at DESC FETCH FIRST ${VARIANTS} ROWS WITH TIES`;
  await readRows(session, query, (row) => {
    variants.push(readVariant(row));
  });
  return { ...record, variants: shownVariants(variants) };
}

/** In the order in which {@link readVariant} reads them. */
export const VARIANT = 'name, security, first_seen_at, last_seen_at, detections';

export function readVariant(row: RowReader): NetworkVariant {
  return {
    name: row.text(),
    security: row.text(),
    firstSeenAt: row.time() as number,
    lastSeenAt: row.time() as number,
    detections: row.bigint() as number,
  };
}
