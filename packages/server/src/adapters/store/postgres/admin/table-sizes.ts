import type { TableSize } from '../../../../ports/store-admin.ts';
import type { Session } from '../connection/session.ts';
import { findLayout } from '../schema/layout/find-layout.ts';
import type { Hypertables } from '../schema/layout/layout.ts';

/** All tables of a schema and their partitions. */
const PARTITIONED = `
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

/** All tables of a schema and their chunks, which lie in another one, with what is packed of them; and the sums. */
const chunked = ({ functions }: Hypertables) => `
  WITH own AS (
    SELECT c.oid, c.relname::text AS name, c.reltuples::float8 AS rows FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'r'
  ), chunks AS (
    SELECT s.chunk_name::text AS name, h.hypertable_name::text AS parent, s.total_bytes AS bytes,
      nullif(${functions}.approximate_row_count(format('%I.%I', s.chunk_schema, s.chunk_name)::regclass), 0)::float8 AS rows
    FROM timescaledb_information.hypertables h,
      ${functions}.chunks_detailed_size(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass) s
    WHERE h.hypertable_schema = $1
  )
  SELECT name, NULL AS "partitionOf", pg_total_relation_size(oid) AS bytes, nullif(rows, -1) AS rows FROM own
  UNION ALL SELECT name, parent, bytes, rows FROM chunks
  UNION ALL SELECT view_name::text, NULL, ${functions}.hypertable_size(format('%I.%I', view_schema, view_name)::regclass), NULL
    FROM timescaledb_information.continuous_aggregates WHERE view_schema = $1`;

/** Each table, and behind it its partitions. */
export async function tableSizes(session: Session, schema: string): Promise<readonly TableSize[]> {
  return withParts(await session.query<TableSize>(await question(session, schema), [schema]));
}

async function question(session: Session, schema: string): Promise<string> {
  const tables = await session.query("SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'point'", [
    schema,
  ]);
  if (tables.length === 0) return PARTITIONED;
  const layout = await findLayout(session);
  if (layout.kind === 'partitions') return PARTITIONED;
  return `SELECT * FROM (${chunked(layout)}) t ORDER BY coalesce("partitionOf", name), "partitionOf" NULLS FIRST, name`;
}

/** Tables with what their partitions add to them. */
function withParts(found: readonly TableSize[]): readonly TableSize[] {
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
