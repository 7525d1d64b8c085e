import type { TableSize } from '../../../../ports/store-admin.ts';
import type { Session } from '../connection/session.ts';

/** All tables of a schema and their partitions, which may lie in another one, as those of TimescaleDB do. */
const SIZES = `
  WITH own AS (
    SELECT c.oid, c.relname, NULL::name AS parent, c.reltuples FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ), parts AS (
    SELECT c.oid, c.relname, o.relname AS parent, c.reltuples
    FROM own o JOIN pg_inherits i ON i.inhparent = o.oid JOIN pg_class c ON c.oid = i.inhrelid
  )
  SELECT relname::text AS name, parent::text AS "partitionOf", pg_total_relation_size(oid) AS bytes,
    nullif(reltuples::float8, -1) AS rows
  FROM (SELECT * FROM own UNION ALL SELECT * FROM parts) t ORDER BY coalesce(parent, relname), parent NULLS FIRST, relname`;

/** Each table, and behind it its partitions. */
export async function tableSizes(session: Session, schema: string): Promise<readonly TableSize[]> {
  const found = await session.query<TableSize>(SIZES, [schema]);
  return found.map((table): TableSize => {
    const parts = found.filter(({ partitionOf }) => partitionOf === table.name);
    if (parts.length === 0) return table;
    const known = parts.every(({ rows }) => rows !== null);
    return {
      ...table,
      bytes: parts.reduce((sum, { bytes }) => sum + bytes, table.bytes),
      rows: known ? parts.reduce((sum, { rows }) => sum + (rows ?? 0), 0) : null,
    };
  });
}
