import { maxTimestamp, parseTimestamp } from '@pisync/protocol';

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** A number of this size or more counts milliseconds: as seconds it would be the year 5138. */
const firstMillisecond = 100_000_000_000;

/** Files are in order of time, so that many rows share a second. */
let lastText = '';
let lastTime: number | null = null;

/**
 * Reads a time as scanners write it into files: `2026-11-20 08:30:00`, the same with `T`, fraction or zone, the `ctime` of C
 * (`Fri Nov 20 08:30:00 2026`) or seconds or milliseconds since 1970. Without a zone it is UTC.
 *
 * @returns epoch milliseconds; null where the text is empty or says 0, which scanners write before they know the time; NaN where it
 * is no time
 */
export function parseFileTime(text: string): number | null {
  if (text === lastText) return lastTime;
  lastTime = read(text.trim());
  lastText = text;
  return lastTime;
}

/** Seconds since 1970, with a fraction or not, as epoch milliseconds; null for 0 and what no date can hold. */
export function secondsToTime(seconds: unknown): number | null {
  if (typeof seconds !== 'number' || !(seconds > 0)) return null;
  const ms = Math.floor(seconds * 1000);
  return ms <= maxTimestamp ? ms : null;
}

function read(text: string): number | null {
  if (text === '') return null;
  if (/^\d+(?:\.\d+)?$/.test(text)) {
    const value = Number(text);
    const ms = Math.floor(value >= firstMillisecond ? value : value * 1000);
    return ms === 0 ? null : ms <= maxTimestamp ? ms : Number.NaN;
  }
  const ms = /^[a-z]{3} /i.test(text) ? readCtime(text) : readDate(text);
  return ms === 0 ? null : ms;
}

function readDate(text: string): number {
  if (/^0000-00-00/.test(text)) return 0;
  const zone = /(?:z|[+-]\d\d:\d\d)$/i.test(text) ? '' : 'Z';
  return parseTimestamp(`${text.slice(0, 10)}T${text.slice(11)}${zone}`);
}

function readCtime(text: string): number {
  const parts = /^[a-z]{3} ([a-z]{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})$/i.exec(text);
  if (parts === null) return Number.NaN;
  const month = months.indexOf((parts[1] as string).toLowerCase()) + 1;
  const [mm, dd] = [String(month).padStart(2, '0'), (parts[2] as string).padStart(2, '0')];
  return parseTimestamp(`${parts[4]}-${mm}-${dd}T${parts[3]}Z`);
}
