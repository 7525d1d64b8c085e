import { hash } from 'node:crypto';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type {
  QuarantinedItem,
  QuarantinePage,
  QuarantineQuery,
  RejectedItem,
} from '../../../../ports/store.ts';

interface Row {
  readonly id: number;
  readonly received_at: number;
  readonly last_received_at: number;
  readonly count: number;
  readonly device_id: string | null;
  readonly code: string;
  readonly field: string | null;
  readonly detail: string;
  readonly source: string;
  readonly raw: string;
  readonly truncated: number;
}

function toItem(row: Row): QuarantinedItem {
  return {
    id: row.id,
    receivedAt: row.received_at,
    lastReceivedAt: row.last_received_at,
    count: row.count,
    deviceId: row.device_id,
    code: row.code,
    field: row.field,
    detail: row.detail,
    source: row.source,
    raw: row.raw,
    truncated: row.truncated !== 0,
  };
}

/** The table of refused items. Identical ones (device, code, text) are one row that counts. */
export class QuarantineTable {
  readonly #db: DatabaseSync;
  readonly #count: StatementSync;
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #delete: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#count = db.prepare(
      'UPDATE quarantine SET count = count + 1, last_received_at = max(last_received_at, ?) WHERE fingerprint = ?',
    );
    this.#insert = db.prepare(
      `INSERT INTO quarantine
         (fingerprint, received_at, last_received_at, count, device_id, code, field, detail, source, raw, truncated)
       VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#get = db.prepare('SELECT * FROM quarantine WHERE id = ?');
    this.#delete = db.prepare('DELETE FROM quarantine WHERE id = ?');
  }

  /** Part of the caller's transaction. */
  add(item: RejectedItem): void {
    const fingerprint = hash('sha256', JSON.stringify([item.deviceId, item.code, item.raw]), 'hex');
    if (Number(this.#count.run(item.receivedAt, fingerprint).changes) > 0) return;
    this.#insert.run(
      fingerprint,
      item.receivedAt,
      item.receivedAt,
      item.deviceId,
      item.code,
      item.field,
      item.detail,
      item.source,
      item.raw,
      item.truncated ? 1 : 0,
    );
  }

  get(id: number): QuarantinedItem | undefined {
    const row = this.#get.get(id) as unknown as Row | undefined;
    return row === undefined ? undefined : toItem(row);
  }

  /** True if it was there. */
  discard(id: number): boolean {
    return Number(this.#delete.run(id).changes) > 0;
  }

  /** Newest first. */
  list(query: QuarantineQuery): QuarantinePage {
    const conditions: string[] = [];
    const values: SQLInputValue[] = [];
    if (query.deviceId !== undefined) {
      conditions.push('device_id = ?');
      values.push(query.deviceId);
    }
    if (query.code !== undefined) {
      conditions.push('code = ?');
      values.push(query.code);
    }
    const where = (all: string[]): string => (all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`);
    const counted = this.#db
      .prepare(`SELECT count(*) AS total FROM quarantine ${where(conditions)}`)
      .get(...values);
    const page = query.before === undefined ? conditions : [...conditions, 'id < ?'];
    const rows = this.#db
      .prepare(`SELECT * FROM quarantine ${where(page)} ORDER BY id DESC LIMIT ?`)
      .all(
        ...values,
        ...(query.before === undefined ? [] : [query.before]),
        query.limit + 1,
      ) as unknown as Row[];
    const items = rows.slice(0, query.limit).map(toItem);
    return {
      items,
      next: rows.length > query.limit ? (items[items.length - 1] as QuarantinedItem).id : null,
      total: (counted as { total: number }).total,
    };
  }
}
