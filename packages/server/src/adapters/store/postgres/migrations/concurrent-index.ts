import type { Row, Task, Workplace } from '../../migrations/migration.ts';

/** An index that can be built beside running commits. */
export interface ConcurrentIndex {
  /** Plain or partitioned. */
  readonly table: string;
  /** Begins with the name of the table and `_`; on a partition, the rest of it stands behind the partition's name. */
  readonly name: string;
  /** What stands behind the table in CREATE INDEX. */
  readonly on: string;
}

type Tasks = Generator<Task, void, readonly Row[]>;

/**
 * Builds an index. PostgreSQL builds none concurrently on a partitioned table: there it is made on the table alone, where it
 * counts once every partition's own is attached to it (manual, section 5.12.2.2). Partitions made later have it by themselves.
 *
 * A build that was killed leaves an invalid index, which is dropped and built again; what was finished stays.
 */
export function* buildIndex({ schema, concurrently }: Workplace, index: ConcurrentIndex): Tasks {
  const { table, name, on } = index;
  const kind = yield* kindOf(schema, table);
  // Nobody else is there yet; or the extension takes an index on all chunks at once only.
  if (!concurrently || kind === 'hypertable') {
    yield { run: `CREATE INDEX IF NOT EXISTS ${name} ON ${table} ${on}` };
    return;
  }
  if (kind === 'plain') {
    yield* buildOne(schema, `"${schema}".${table}`, name, on);
    return;
  }
  yield { run: `CREATE INDEX IF NOT EXISTS ${name} ON ONLY ${table} ${on}` };
  const rest = name.slice(table.length);
  for (const { partition } of (yield { ask: askBare(schema, table, name) }) as readonly {
    partition: string;
  }[]) {
    yield* buildOne(schema, `"${schema}".${partition}`, `${partition}${rest}`, on);
    yield { run: `ALTER INDEX ${name} ATTACH PARTITION ${partition}${rest}` };
  }
}

/** Removes an index. A partitioned one cannot go concurrently: its table is locked for a moment. */
export function* dropIndex({ schema, concurrently }: Workplace, { table, name }: ConcurrentIndex): Tasks {
  const kind = yield* kindOf(schema, table);
  const alone = concurrently && kind === 'plain';
  if (alone) yield { run: `DROP INDEX CONCURRENTLY IF EXISTS "${schema}".${name}`, alone };
  else yield { run: `DROP INDEX IF EXISTS ${name}` };
  if (kind !== 'partitioned') return;
  // What a killed build left on partitions was not attached yet, and did not go with it.
  const left = yield { ask: askLeft(schema, table, name) };
  for (const { index } of left as readonly { index: string }[])
    yield { run: `DROP INDEX IF EXISTS ${index}` };
}

function* buildOne(schema: string, place: string, name: string, on: string): Tasks {
  const [found] = (yield { ask: askValid(schema, name) }) as readonly { valid: boolean }[];
  if (found?.valid === true) return;
  if (found !== undefined)
    yield { run: `DROP INDEX CONCURRENTLY IF EXISTS "${schema}".${name}`, alone: true };
  yield { run: `CREATE INDEX CONCURRENTLY ${name} ON ${place} ${on}`, alone: true };
}

/** What a table is to whoever builds indexes on it. */
export function* kindOf(
  schema: string,
  table: string,
): Generator<Task, 'plain' | 'partitioned' | 'hypertable', readonly Row[]> {
  const [extension] = yield {
    ask: "SELECT to_regclass('timescaledb_information.hypertables') IS NOT NULL AS present",
  };
  if (extension?.['present'] === true) {
    const found = yield {
      ask: `SELECT FROM timescaledb_information.hypertables
        WHERE hypertable_schema = '${schema}' AND hypertable_name = '${table}'`,
    };
    if (found.length > 0) return 'hypertable';
  }
  const [row] = yield {
    ask: `SELECT c.relkind = 'p' AS partitioned FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = '${schema}' AND c.relname = '${table}'`,
  };
  return row?.['partitioned'] === true ? 'partitioned' : 'plain';
}

function askValid(schema: string, name: string): string {
  return `SELECT x.indisvalid AS valid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '${schema}' AND c.relname = '${name}'`;
}

/** Partitions of a table on which an index has no part yet, oldest first. */
function askBare(schema: string, table: string, name: string): string {
  return `SELECT quote_ident(p.relname) AS partition FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhrelid JOIN pg_class t ON t.oid = i.inhparent JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = '${schema}' AND t.relname = '${table}' AND NOT i.inhdetachpending AND NOT EXISTS (
      SELECT FROM pg_inherits a JOIN pg_index x ON x.indexrelid = a.inhrelid JOIN pg_class o ON o.oid = a.inhparent
      WHERE x.indrelid = p.oid AND o.relname = '${name}' AND o.relnamespace = n.oid)
    ORDER BY p.relname`;
}

/** Indexes of partitions that are named as parts of an index, and are not. */
function askLeft(schema: string, table: string, name: string): string {
  return `SELECT quote_ident(c.relname) AS index FROM pg_inherits i JOIN pg_class t ON t.oid = i.inhparent
    JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_class p ON p.oid = i.inhrelid
    JOIN pg_index x ON x.indrelid = p.oid JOIN pg_class c ON c.oid = x.indexrelid
    WHERE n.nspname = '${schema}' AND t.relname = '${table}'
      AND c.relname = p.relname || '${name.slice(table.length)}' AND NOT c.relispartition ORDER BY 1`;
}
