import { parseTimestamp } from '../event/timestamp.ts';
import { maxPointTime, minPointTime } from './point-batch.ts';

const dot = 46;
const digit0 = 48;

/**
 * Reads a timestamp of telemetry: what {@link parseTimestamp} takes, with microseconds kept. Text may have any number of
 * fraction digits and a number of milliseconds any fraction; what is finer than a microsecond is cut off, towards the
 * past. A number that is nearest to a whole microsecond is taken as that one, because a double of milliseconds seldom
 * holds it exactly.
 *
 * @returns microseconds since the epoch, within the times that a point can have; `NaN` where the value is no timestamp
 */
export function parsePointTime(value: unknown): number {
  const ms = parseTimestamp(value);
  if (Number.isNaN(ms)) return ms;
  const time =
    ms * 1000 + (typeof value === 'string' ? textMicroseconds(value) : fraction(value as number, ms));
  // The years 0 to 9999 are wider than what a double holds in microseconds.
  return Math.max(minPointTime, Math.min(maxPointTime, time));
}

/** Microseconds of the fourth to sixth fraction digit of an RFC 3339 text, which has its fraction at one place. */
function textMicroseconds(text: string): number {
  if (text.charCodeAt(19) !== dot) return 0;
  let micros = 0;
  for (let at = 23, weight = 100; weight >= 1; at += 1, weight /= 10) {
    const digit = text.charCodeAt(at) - digit0;
    // No digit stands where the text, or its fraction, has ended.
    if (!(digit >= 0 && digit <= 9)) break;
    micros += digit * weight;
  }
  // A fraction of fewer than three digits ends before, and what follows its zone is nothing.
  return text.length > 23 && isDigits(text, 20, 23) ? micros : 0;
}

function isDigits(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - digit0;
    if (!(digit >= 0 && digit <= 9)) return false;
  }
  return true;
}

/** Microseconds beyond the whole milliseconds `ms`, 0 to 999. */
function fraction(value: number, ms: number): number {
  if (value === ms) return 0;
  // Half of the distance to the next double: how far the nearest double of a microsecond may lie below it.
  const slack = Math.abs(value) * 2 ** -53 * 1000 + 1e-9;
  return Math.min(999, Math.floor((value - ms) * 1000 + slack));
}
