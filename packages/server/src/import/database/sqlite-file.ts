import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** A value of a row; whole numbers beyond 2^53 are rounded. */
export type SqliteValue = string | number | Uint8Array | null;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** Rows that are read before others may run. */
const rowsAtOnce = 256;

/**
 * A database that somebody else wrote, opened for reading only. Its schema is not trusted: only real tables are looked at, never views,
 * and functions in it cannot reach out.
 */
export class SqliteFile {
  readonly #database: DatabaseSync;

  /** @throws {Error} where the file is no database or cannot be opened */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true, allowExtension: false });
    this.#database.exec('PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON');
  }

  /** Names of the columns of a table; none where there is no such table. */
  columns(table: string): ReadonlySet<string> {
    const real = this.one(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' AND name = ?",
      table,
    );
    if (real === undefined) return new Set();
    const columns = this.#database.prepare('SELECT name FROM pragma_table_info(?)').all(table);
    return new Set(columns.map((column) => String(column['name'])));
  }

  /** The first row that a query finds. */
  one(sql: string, ...parameters: string[]): SqliteRow | undefined {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    const row = statement.get(...parameters);
    return row === undefined ? undefined : plainRow(row);
  }

  /** A query that is asked often. */
  lookup(sql: string): (...parameters: string[]) => SqliteRow | undefined {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    return (...parameters) => {
      const row = statement.get(...parameters);
      return row === undefined ? undefined : plainRow(row);
    };
  }

  /** All rows of a query, one at a time. @throws {Error} where the file is damaged */
  async *rows(sql: string): AsyncGenerator<SqliteRow> {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    let read = 0;
    for (const row of statement.iterate()) {
      yield plainRow(row);
      read += 1;
      if (read % rowsAtOnce === 0) await nextTurn();
    }
  }

  close(): void {
    this.#database.close();
  }
}

function plainRow(row: Record<string, unknown>): SqliteRow {
  const plain = Object.create(null) as Record<string, SqliteValue>;
  for (const name in row) {
    const value = row[name];
    plain[name] = typeof value === 'bigint' ? Number(value) : (value as SqliteValue);
  }
  return plain;
}
