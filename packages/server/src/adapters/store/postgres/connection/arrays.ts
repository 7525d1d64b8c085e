/*
 * Array literals of PostgreSQL (manual, section 8.15.2), written by hand: the driver's own take several times as long, and
 * arrays are most of what a commit sends.
 */

/** Numbers, null for none: `{1,NULL,3}`. */
export function numberArray(values: Iterable<number | null>): string {
  let text = '';
  for (const value of values) text += value === null ? ',NULL' : `,${value}`;
  return `{${text.slice(1)}}`;
}

const NEEDS_ESCAPE = /["\\]/g;

/** Texts, null for none, each in quotes. */
export function textArray(values: Iterable<string | null>): string {
  let text = '';
  for (const value of values) {
    if (value === null) text += ',NULL';
    else text += `,"${NEEDS_ESCAPE.test(value) ? value.replace(NEEDS_ESCAPE, '\\$&') : value}"`;
    NEEDS_ESCAPE.lastIndex = 0;
  }
  return `{${text.slice(1)}}`;
}

/*
 * A text of PostgreSQL holds any character but U+0000. Devices may send that one: it is kept as U+0001 twice, and U+0001 itself
 * as U+0001 and U+0002. So texts sort, by bytes, as the code points of what they stand for.
 */
const ESCAPE = '\u0001';
const ESCAPED_NULL = '\u0001\u0001';
const ESCAPED_ESCAPE = '\u0001\u0002';

/** A text as it can be stored. */
export function storableText(text: string): string {
  if (!text.includes('\0') && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, ESCAPED_ESCAPE).replaceAll('\0', ESCAPED_NULL);
}

/** The inverse of {@link storableText}. */
export function originalText(stored: string): string {
  if (!stored.includes(ESCAPE)) return stored;
  return stored.replaceAll(ESCAPED_NULL, '\0').replaceAll(ESCAPED_ESCAPE, ESCAPE);
}
