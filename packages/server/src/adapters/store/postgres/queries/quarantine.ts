import type { QuarantinedItem, QuarantinePage, QuarantineQuery } from '../../../../ports/store.ts';
import { originalText, storableText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';

const COLUMNS = `id, received_at AS "receivedAt", last_received_at AS "lastReceivedAt", count, device_id AS "deviceId", code,
  field, detail, source, raw, truncated`;

function toItem(row: QuarantinedItem): QuarantinedItem {
  const text = (stored: string | null) => (stored === null ? null : originalText(stored));
  return {
    ...row,
    deviceId: text(row.deviceId),
    field: text(row.field),
    detail: originalText(row.detail),
    source: originalText(row.source),
    raw: originalText(row.raw),
    code: originalText(row.code),
  };
}

export async function quarantinePage(session: Session, query: QuarantineQuery): Promise<QuarantinePage> {
  const { limit, before = null } = query;
  const [deviceId, code] = [query.deviceId, query.code].map((text) =>
    text === undefined ? null : storableText(text),
  );
  const matching = '($1::text IS NULL OR device_id = $1) AND ($2::text IS NULL OR code = $2)';
  const [counted] = await session.query<{ total: number }>(
    `SELECT count(*) AS total FROM quarantine WHERE ${matching}`,
    [deviceId, code],
  );
  const rows = await session.query<QuarantinedItem>(
    `SELECT ${COLUMNS} FROM quarantine WHERE ${matching} AND ($3::bigint IS NULL OR id < $3::bigint)
     ORDER BY id DESC LIMIT $4::int`,
    [deviceId, code, before, limit + 1],
  );
  const items = rows.slice(0, limit).map(toItem);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null, total: counted?.total ?? 0 };
}

export async function quarantinedItem(session: Session, id: number): Promise<QuarantinedItem | undefined> {
  const [row] = await session.query<QuarantinedItem>(
    `SELECT ${COLUMNS} FROM quarantine WHERE id = $1::bigint`,
    [id],
  );
  return row && toItem(row);
}

/** @returns false if it was not there */
export async function discardItem(session: Session, id: number): Promise<boolean> {
  const rows = await session.query('DELETE FROM quarantine WHERE id = $1::bigint RETURNING id', [id]);
  return rows.length > 0;
}
