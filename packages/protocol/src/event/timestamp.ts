/** 0000-01-01T00:00:00.000Z in epoch milliseconds, the earliest time that PiSync can hold. */
export const minTimestamp = -62_167_219_200_000;

/** 9999-12-31T23:59:59.999Z in epoch milliseconds, the latest time that PiSync can hold. */
export const maxTimestamp = 253_402_300_799_999;

/** The rule in words, for error messages. */
export const timestampRule =
  'RFC 3339 text with a zone such as 2026-11-20T08:30:00Z, or a number of milliseconds since 1970-01-01T00:00:00Z';

const digit0 = 48;
const digit9 = 57;

/** So negative that no sum with other fields of a date comes back into range. */
const notDigits = -1_000_000;

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const daysInMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Reads a timestamp as it may stand on the wire: strict RFC 3339 text or epoch milliseconds.
 *
 * Text needs a zone (`Z` or an offset), two digits in every field and a date that exists: 30 February, hour 24 and
 * second 60 are errors. Any number of fraction digits is taken; what is finer than a millisecond is cut off, towards
 * the past, in text and in numbers alike. The instant must lie in the years 0 to 9999, UTC.
 *
 * @returns epoch milliseconds, or `NaN` where the value is no timestamp; {@link explainTimestamp} then says why
 */
export function parseTimestamp(value: unknown): number {
  if (typeof value === 'string') return parseText(value);
  if (typeof value !== 'number') return Number.NaN;
  const ms = Math.floor(value) + 0;
  return ms >= minTimestamp && ms <= maxTimestamp ? ms : Number.NaN;
}

/** Writes epoch milliseconds of the years 0 to 9999 as RFC 3339 in UTC, always with three fraction digits. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** Says why a value is no timestamp and how to mend it. Call it only where {@link parseTimestamp} said `NaN`. */
export function explainTimestamp(value: unknown): string {
  if (typeof value === 'number') return `is outside the years 0 to 9999; send ${timestampRule}`;
  if (typeof value !== 'string') return `is neither text nor a number; send ${timestampRule}`;
  const shown = JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (/^-?[0-9.]+$/.test(value)) return `is the text ${shown}; send milliseconds as a number, without quotes`;
  if (/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?$/.test(value)) {
    return `is ${shown}, which has no zone; add Z for UTC or an offset such as +02:00`;
  }
  if (/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value)) {
    return `is ${shown}, a date or time that does not exist or lies outside the years 0 to 9999`;
  }
  return `is ${shown}; send ${timestampRule}`;
}

function parseText(text: string): number {
  // `YYYY-MM-DDTHH:MM:SS` has 19 characters; what follows is the fraction and the zone.
  if (text.length < 20) return Number.NaN;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > monthLength(year, month)) return Number.NaN;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return Number.NaN;
  if (!separatorsMatch(text)) return Number.NaN;
  const whole = ((daysFromEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
  if (text.length === 20 && text.charCodeAt(19) === 90) return whole;
  return addFractionAndZone(text, whole);
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at);
  const ones = text.charCodeAt(at + 1);
  if (tens < digit0 || tens > digit9 || ones < digit0 || ones > digit9) return notDigits;
  return (tens - digit0) * 10 + ones - digit0;
}

function separatorsMatch(text: string): boolean {
  return (
    text.charCodeAt(4) === 45 &&
    text.charCodeAt(7) === 45 &&
    (text.charCodeAt(10) | 32) === 116 &&
    text.charCodeAt(13) === 58 &&
    text.charCodeAt(16) === 58
  );
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function monthLength(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (daysInMonth[month - 1] as number);
}

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar, which RFC 3339 uses. */
function daysFromEpoch(year: number, month: number, day: number): number {
  const past = year - 1;
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
  const thisLeap = month > 2 && isLeapYear(year) ? 1 : 0;
  // 719,162 is the number of days from 0001-01-01 to 1970-01-01.
  return past * 365 + leapDays + (daysBeforeMonth[month - 1] as number) + thisLeap + day - 1 - 719_162;
}

function addFractionAndZone(text: string, whole: number): number {
  let at = 19;
  let ms = 0;
  if (text.charCodeAt(at) === 46) {
    let weight = 100;
    const first = at + 1;
    for (at = first; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code < digit0 || code > digit9) break;
      if (weight >= 1) ms += (code - digit0) * weight;
      weight /= 10;
    }
    if (at === first) return Number.NaN;
  }
  const zone = zoneMs(text, at);
  const instant = whole + ms - zone;
  return instant >= minTimestamp && instant <= maxTimestamp ? instant : Number.NaN;
}

/** Offset from UTC in milliseconds, `NaN` where the text from `at` on is no zone. */
function zoneMs(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if ((sign | 32) === 122) return text.length === at + 1 ? 0 : Number.NaN;
  if ((sign !== 43 && sign !== 45) || text.length !== at + 6 || text.charCodeAt(at + 3) !== 58)
    return Number.NaN;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN;
  return (sign === 43 ? 1 : -1) * (hours * 60 + minutes) * 60_000;
}
