import { hash } from 'node:crypto';
import type { RejectedItem } from '../../../../ports/store.ts';
import { storableText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';

/** Adds refused items in their order; identical ones (device, code, text) are one row that counts. */
export async function writeRejected(session: Session, items: readonly RejectedItem[]): Promise<void> {
  for (const item of items) {
    const key = quarantineKey(item);
    const counted = await session.query(
      `UPDATE quarantine SET count = count + 1,
         last_received_at = GREATEST(last_received_at, timestamptz 'epoch' + $2::bigint * interval '1 millisecond')
       WHERE key = $1::uuid RETURNING id`,
      [key, item.receivedAt],
    );
    if (counted.length === 0) await add(session, key, item);
  }
}

/** By what identical items are recognised. */
export function quarantineKey({ deviceId, code, raw }: RejectedItem): string {
  return hash('sha256', JSON.stringify([deviceId, code, raw]), 'hex').slice(0, 32);
}

/** Not an upsert: that would take a number for each repetition. */
async function add(session: Session, key: string, item: RejectedItem): Promise<void> {
  const { receivedAt, deviceId, code, field, detail, source, raw, truncated } = item;
  const [storedId, storedField] = [deviceId, field].map((text) =>
    text === null ? null : storableText(text),
  );
  await session.query(
    `INSERT INTO quarantine (key, received_at, last_received_at, count, device_id, code, field, detail, source, raw, truncated)
     SELECT $1::uuid, at, at, 1, $3, $4, $5, $6, $7, $8, $9::boolean
     FROM (SELECT timestamptz 'epoch' + $2::bigint * interval '1 millisecond' AS at) AS receipt`,
    [
      key,
      receivedAt,
      storedId,
      storableText(code),
      storedField,
      storableText(detail),
      storableText(source),
      storableText(raw),
      truncated,
    ],
  );
}
