import type { ItemProblem } from '@pisync/protocol';
import type { RejectedItem } from '../../ports/store.ts';

/** Where rejected lines of line protocol are told to come from; behind a space may stand the unit of their times. */
export const lineSource = 'write';

/** Bytes of UTF-8 that the quarantine keeps of one item. */
const MAX_RAW_BYTES = 65_536;

/**
 * Makes the quarantine's form of an item that failed validation.
 *
 * @param cutBefore - true where `raw` is only the start of what was sent
 */
export function rejectedItem(
  problem: ItemProblem,
  raw: string,
  source: string,
  receivedAt: number,
  cutBefore = false,
): RejectedItem {
  // Three bytes hold any UTF-16 unit, so a short text needs no counting.
  const fits = raw.length * 3 <= MAX_RAW_BYTES || Buffer.byteLength(raw) <= MAX_RAW_BYTES;
  return {
    receivedAt,
    deviceId: problem.deviceId,
    code: problem.code,
    field: problem.field,
    detail: problem.detail,
    source,
    raw: fits ? raw : cut(raw),
    truncated: cutBefore || !fits,
  };
}

/** The longest start of a text that fits, never ending inside a character. */
function cut(raw: string): string {
  const bytes = Buffer.from(raw.slice(0, MAX_RAW_BYTES), 'utf8');
  let end = Math.min(bytes.length, MAX_RAW_BYTES);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
