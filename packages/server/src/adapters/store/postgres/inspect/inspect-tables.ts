import type { Finding } from '../../../../ports/store.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { failures, totalFailures } from '../migrations/versions.ts';
import { tablesOf } from '../schema/tables.ts';

const CREATES_INDEX = /^\s*CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+) ON/;

/** Dead rows that are worth a word, and their share. */
const DEAD_ROWS = 20_000;
const DEAD_SHARE = 0.2;

/** Indexes and dead rows of the tables of a store. */
export async function inspectTables(
  session: Session,
  schema: string,
  version: number,
): Promise<readonly Finding[]> {
  return [await indexFinding(session, schema, version), await deadRowsFinding(session, schema)];
}

/** They are the same in both layouts. */
function expectedIndexes(version: number): readonly string[] {
  const made = tablesOf({ kind: 'partitions' }).flatMap(
    (statement) => CREATES_INDEX.exec(statement)?.[1] ?? [],
  );
  const later = [totalFailures, failures].slice(0, Math.max(0, version - 2));
  return [...made, ...later.map(({ name }) => name)];
}

async function indexFinding(session: Session, schema: string, version: number): Promise<Finding> {
  const check = 'indexes';
  const rows = await session.query<{ name: string; valid: boolean }>(
    `SELECT c.relname::text AS name, i.indisvalid AND i.indisready AS valid
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = $1::regnamespace`,
    [schema],
  );
  const there = new Set(rows.map(({ name }) => name));
  const missing = expectedIndexes(version).filter((name) => !there.has(name));
  const invalid = rows.filter(({ valid }) => !valid).map(({ name }) => name);
  const keyless = await session.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
     WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass(quote_ident(name)) AND contype = 'p')`,
    [textArray(KEYED)],
  );
  const faults = [
    ...missing.map((name) => `${name} is missing`),
    ...keyless.map(({ name }) => `the primary key of ${name} is missing`),
    ...invalid.map((name) => `${name} is invalid: a build of it was broken off; drop it`),
  ];
  if (faults.length === 0) return { severity: 'ok', check, detail: `${rows.length} are there and valid` };
  return { severity: 'error', check, detail: `${faults.join('; ')}. Run: pisync store migrate` };
}

/** Without the key of one of these, something could be there twice. */
const KEYED = ['store', 'writer', 'identity', 'device', 'series', 'network'];

async function deadRowsFinding(session: Session, schema: string): Promise<Finding> {
  const rows = await session.query<{ name: string; live: number; dead: number; cleaned: string | null }>(
    `SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead,
       to_char(greatest(last_autovacuum, last_vacuum), 'YYYY-MM-DD HH24:MI"Z"') AS cleaned
     FROM pg_stat_all_tables WHERE schemaname = $1 OR relid IN (SELECT i.inhrelid FROM pg_inherits i
       JOIN pg_class c ON c.oid = i.inhparent WHERE c.relnamespace = $1::regnamespace) ORDER BY n_dead_tup DESC`,
    [schema],
  );
  const bad = rows.filter(({ live, dead }) => dead > DEAD_ROWS && dead > DEAD_SHARE * (live + dead));
  if (bad.length === 0) {
    const [most] = rows;
    const detail = most === undefined ? 'none' : `${most.dead} at most, in ${most.name}`;
    return { severity: 'ok', check: 'dead rows', detail };
  }
  const told = bad
    .slice(0, 5)
    .map(({ name, live, dead, cleaned }) => {
      const share = Math.round((100 * dead) / (live + dead));
      return `${name} ${share} % of ${live + dead} (cleaned ${cleaned ?? 'never'})`;
    })
    .join(', ');
  const detail = `${told}: VACUUM these, and let autovacuum come sooner`;
  return { severity: 'warning', check: 'dead rows', detail };
}
