import { countFault, describeValue, ItemFault } from './item-fault.ts';
import { field } from './sync-event-fields.ts';

/** Longest epoch, in characters. */
export const maxEpochLength = 64;

/** Longest event id, in characters (Unicode code points). */
export const maxEventIdLength = 200;

const epochRule = `1 to ${maxEpochLength} characters of letters a-z A-Z, digits and . _ : -`;

/** Says why a text is no epoch, undefined where it is one. */
export function explainEpoch(text: string): string | undefined {
  if (text.length === 0) return `is empty; send ${epochRule}`;
  if (text.length > maxEpochLength) return `has ${text.length} characters; send ${epochRule}`;
  for (let at = 0; at < text.length; at += 1) {
    if (!isEpochCharacter(text.charCodeAt(at))) {
      return `holds a character that is not allowed at ${at + 1}; send ${epochRule}`;
    }
  }
  return undefined;
}

/**
 * Says why a text is no event id, undefined where it is one: 1 to 200 characters of well-formed Unicode without control
 * characters. Also holds for the `Idempotency-Key` header.
 */
export function explainEventId(text: string): string | undefined {
  const rule = `send 1 to ${maxEventIdLength} characters without control characters`;
  if (text.length === 0) return `is empty; ${rule}`;
  if (text.length > 2 * maxEventIdLength) return `has more than ${maxEventIdLength} characters; ${rule}`;
  let characters = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return `holds a control character; ${rule}`;
    if (code < 0xdc00 || code > 0xdfff) characters += 1;
  }
  if (!text.isWellFormed()) return `holds half of a surrogate pair; ${rule}`;
  return characters > maxEventIdLength ? `has ${characters} characters; ${rule}` : undefined;
}

/** @throws {ItemFault} where the value is neither absent nor an integer of 0 to 2^53 - 1 */
export function decodeSeq(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value + 0;
  throw countFault(value, field.seq);
}

/**
 * The epoch that goes with `seq`: the item's own or else the envelope's; null where there is no `seq`.
 *
 * @throws {ItemFault} where one of the two is missing or the item's epoch is not well formed
 */
export function decodeEpoch(
  value: unknown,
  seq: number | null,
  fromEnvelope: string | undefined,
): string | null {
  if (value === undefined || value === null) {
    if (seq === null) return null;
    if (fromEnvelope !== undefined) return fromEnvelope;
    throw new ItemFault(
      'missing_field',
      field.epoch,
      'is missing; seq counts within an epoch, send both or none',
    );
  }
  if (typeof value !== 'string') {
    throw new ItemFault('invalid_type', field.epoch, `must be text, not ${describeValue(value)}`);
  }
  const wrong = explainEpoch(value);
  if (wrong !== undefined) throw new ItemFault('invalid_text', field.epoch, wrong);
  if (seq === null) {
    throw new ItemFault('missing_field', field.seq, 'is missing; an epoch needs a seq, send both or none');
  }
  return value;
}

/** @throws {ItemFault} where the value is not well formed or contradicts the `Idempotency-Key` */
export function decodeEventId(value: unknown, fromHeader: string | undefined): string | null {
  if (value === undefined || value === null) return fromHeader ?? null;
  if (typeof value !== 'string') {
    throw new ItemFault('invalid_type', field.eventId, `must be text, not ${describeValue(value)}`);
  }
  const wrong = explainEventId(value);
  if (wrong !== undefined) throw new ItemFault('invalid_text', field.eventId, wrong);
  if (fromHeader !== undefined && fromHeader !== value) {
    throw new ItemFault(
      'duplicate_field',
      field.eventId,
      'differs from the Idempotency-Key header; send one of them',
    );
  }
  return value;
}

function isEpochCharacter(code: number): boolean {
  if (code >= 0x61) return code <= 0x7a;
  if (code >= 0x41) return code <= 0x5a || code === 0x5f;
  return (code >= 0x30 && code <= 0x3a) || code === 0x2d || code === 0x2e;
}
