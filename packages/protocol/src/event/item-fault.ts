import type { ErrorCode } from '../errors.ts';

/**
 * Why an item is wrong, thrown inside the decoder and turned into an `ItemProblem` at its edge. Not an `Error`: a
 * request may hold thousands of bad items, and nobody needs their stack traces.
 */
export class ItemFault {
  readonly code: ErrorCode;
  /** Slot of a known field, whose spelling is looked up in the item, or a path as it stands. */
  readonly field: number | string | null;
  /** What is wrong. Where a field is named it continues the sentence that the field's name begins. */
  readonly detail: string;

  constructor(code: ErrorCode, field: number | string | null, detail: string) {
    this.code = code;
    this.field = field;
    this.detail = detail;
  }
}

/** Why a value is no integer of 0 to 2^53 - 1. Call it only where it is none. */
export function countFault(value: unknown, field: number): ItemFault {
  if (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))) {
    return new ItemFault('invalid_type', field, `is ${describeValue(value)}; send the number without quotes`);
  }
  if (typeof value !== 'number') {
    return new ItemFault(
      'invalid_type',
      field,
      `must be a whole number, 0 or more, not ${describeValue(value)}`,
    );
  }
  if (value >= 0 && value < Number.MAX_SAFE_INTEGER) {
    return new ItemFault('invalid_type', field, `is ${value}; send a whole number, without a fraction`);
  }
  const range = `send a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;
  return new ItemFault('out_of_range', field, `is ${describeValue(value)}; ${range}`);
}

/** A value of the wire in a few words for an error message; hostile text is escaped and cut. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `the text ${quoteText(value)}`;
  if (value === Number.POSITIVE_INFINITY) return 'a number too large to hold';
  if (value === Number.NEGATIVE_INFINITY) return 'a negative number too large to hold';
  return String(value);
}

/** Hostile text as JSON text of at most about 40 characters. */
export function quoteText(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
