import { maxNamesakes } from '../../../../core/detections/networks/network.ts';
import type { NamesakeQuery, Namesakes, NetworkRecord } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { textListLiteral, textLiteral } from '../wire/literals.ts';
import { readRows } from '../wire/read-rows.ts';
import { NETWORK, readRecord } from './network-rows.ts';

/** Networks with a name that others may bear; an index has them. */
const NAMED = 'type = 0 AND name IS NOT NULL';

/** As `isLocalAddress` has it: the second lowest bit of the first byte, which is written with two upper-case digits. */
const LOCAL = "substr(identity, 2, 1) IN ('2', '3', '6', '7', 'A', 'B', 'E', 'F')";

/** Names that differing Wi-Fi networks bear, in the order of code points: as their bytes sort, with collation C. */
export async function listNamesakes(
  session: Session,
  { limit, after }: NamesakeQuery,
): Promise<readonly Namesakes[]> {
  const names: string[] = [];
  const later = after === undefined ? 'true' : `name > ${textLiteral(after)}`;
  const query = `SELECT name FROM network WHERE ${NAMED} AND ${later} GROUP BY name
    HAVING min(security) <> max(security) OR (bool_or(${LOCAL}) AND NOT bool_and(${LOCAL})) ORDER BY name LIMIT ${limit}`;
  await readRows(session, query, (row) => {
    names.push(row.text() as string);
  });
  const bearing = await bearers(session, names);
  return names.map((name) => ({ name, networks: bearing.get(name) ?? [] }));
}

/** The networks of some names, the longest known first; of too many those in the middle are left out. */
async function bearers(session: Session, names: readonly string[]): Promise<Map<string, NetworkRecord[]>> {
  const bearing = new Map<string, NetworkRecord[]>(names.map((name) => [name, []]));
  if (names.length === 0) return bearing;
  const half = maxNamesakes / 2;
  const query = `SELECT ${NETWORK} FROM (
      SELECT *, row_number() OVER known AS place, count(*) OVER (PARTITION BY name) AS among FROM network
      WHERE ${NAMED} AND name = ANY (${textListLiteral(names)})
      WINDOW known AS (PARTITION BY name ORDER BY first_seen_at, identity)
    ) AS network
    WHERE among <= ${maxNamesakes} OR place <= ${half} OR place > among - ${half} ORDER BY name, place`;
  await readRows(session, query, (row) => {
    const record = readRecord(row);
    bearing.get(record.name as string)?.push(record);
  });
  return bearing;
}
