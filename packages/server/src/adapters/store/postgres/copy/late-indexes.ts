import type { Session } from '../connection/session.ts';
import type { MigrationMark } from './migration-mark.ts';

/** Tables whose indexes are made when all is there: sorting once costs a fraction of keeping them up row by row. */
const TABLES = ['sync_event', 'identity'];

/** What begins the names under which the indexes are noted. */
const INDEX = 'index:';

interface Definition {
  readonly table: string;
  readonly name: string;
  /** Null for an index that is no constraint. */
  readonly constraint: string | null;
  readonly definition: string;
}

/** Takes the indexes away, and notes how they are made. Within the transaction that marks the store. */
export async function dropIndexes(session: Session, mark: MigrationMark): Promise<void> {
  const found = await session.query<Definition>(
    `SELECT relation.relname AS "table", own.relname AS name, pg_get_constraintdef(rule.oid) AS constraint,
       pg_get_indexdef(own.oid) AS definition
     FROM pg_index JOIN pg_class AS own ON own.oid = indexrelid JOIN pg_class AS relation ON relation.oid = indrelid
       LEFT JOIN pg_constraint AS rule ON rule.conindid = indexrelid
     WHERE relation.relname = ANY($1::text[]) AND relation.relnamespace = current_schema()::regnamespace`,
    [`{${TABLES.join(',')}}`],
  );
  for (const { table, name, constraint, definition } of found) {
    await mark.set(
      `${INDEX}${name}`,
      constraint === null
        ? definition.replace(' ON ONLY ', ' ON ')
        : `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${constraint}`,
    );
    await session.query(
      constraint === null ? `DROP INDEX ${name}` : `ALTER TABLE ${table} DROP CONSTRAINT ${name}`,
    );
  }
}

/** Makes the next index that is missing. @returns false where all are there */
export async function makeNextIndex(session: Session, mark: MigrationMark): Promise<boolean> {
  const [next] = await mark.list(INDEX);
  if (next === undefined) return false;
  await session.query("SET LOCAL maintenance_work_mem = '256MB'");
  await session.query(next.value);
  await mark.remove(next.name);
  return true;
}
