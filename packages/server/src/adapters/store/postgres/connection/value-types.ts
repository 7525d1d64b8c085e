/*
 * How values of PostgreSQL are read from their text form, by the number (OID) of their type in `pg_type`. The driver reads
 * binary results as UTF-8, which destroys them; much data goes by COPY instead. Every transaction sets how the server writes
 * times, bytes and fractions.
 */

type Reader = (value: string) => unknown;

const readers: Readonly<Record<number, Reader>> = {
  16: (value) => value === 't',
  // bytea
  17: (value) => Buffer.from(value.slice(2), 'hex'),
  // Whole numbers within those that a double holds, and fractions as the shortest text that gives them again.
  20: Number,
  21: Number,
  23: Number,
  26: Number,
  700: Number,
  701: Number,
  1184: readMilliseconds,
  // uuid
  2950: (value) => value.replaceAll('-', ''),
};

/** What the driver asks for readers. Times come as epoch milliseconds, uuids as 32 digits, all other types as text. */
export const valueTypes = {
  getTypeParser(oid: number): Reader {
    return readers[oid] ?? ((value) => value);
  },
};

/** Settings of a transaction that {@link valueTypes} needs. */
export const valueSettings =
  "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1";

/** `2026-11-22 22:39:51.123+00`, with years of four digits; the year 0 is written `0001-…+00 BC`. */
function readMilliseconds(value: string): number {
  const before = value.endsWith('BC');
  const part = (from: number, to: number) => Number(value.slice(from, to));
  const date = new Date(0);
  date.setUTCFullYear(before ? 1 - part(0, 4) : part(0, 4), part(5, 7) - 1, part(8, 10));
  const seconds = part(11, 13) * 3600 + part(14, 16) * 60 + part(17, 19);
  const fraction = value[19] === '.' ? Number(value.slice(19, value.indexOf('+'))) * 1000 : 0;
  return date.getTime() + seconds * 1000 + Math.round(fraction * 1000) / 1000;
}
