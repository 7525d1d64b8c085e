import { escapeLiteral } from 'pg';
import { storableText } from '../connection/arrays.ts';

/*
 * Values as they stand in a statement that takes no parameters, as COPY does. Texts are hostile; nothing else than these functions
 * may put one into a statement.
 */

/** A text, as `storableText` writes it. */
export function textLiteral(text: string): string {
  return escapeLiteral(storableText(text));
}

/** A fraction, bit for bit. */
export function doubleLiteral(value: number): string {
  return `'${Object.is(value, -0) ? '-0' : value}'::float8`;
}

/** A whole number. */
export function bigintLiteral(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError('not a whole number');
  return `'${value}'::bigint`;
}

/** Years 0 and 9999: what is stored lies between. */
const FIRST = -62_167_219_200_000;
const LAST = Date.UTC(10_000, 0);

/** Epoch milliseconds. Of a time that is no whole one, or no date, the next later date that can be stored. */
export function millisecondsLiteral(time: number): string {
  const whole = Math.ceil(Math.min(LAST, Math.max(FIRST, time)));
  return `(timestamptz 'epoch' + '${whole}'::bigint * interval '1 millisecond')`;
}

/** Microseconds since 1970 of a point, whose year has four digits; a constant, by which the planner leaves tables out. */
export function microsecondsLiteral(time: number): string {
  const ms = Math.floor(time / 1000);
  const micros = String(time - ms * 1000).padStart(3, '0');
  return `timestamptz '${new Date(ms).toISOString().slice(0, -1)}${micros}Z'`;
}

/** A list for `= ANY (…)`. */
export function textListLiteral(texts: readonly string[]): string {
  return `ARRAY[${texts.map(textLiteral).join(', ')}]::text[]`;
}
