import { hash } from 'node:crypto';
import type { SeriesName } from '@pisync/protocol';

const DIGITS = 32;

/** A decoder gives the same object for the same series again, as long as it remembers it. */
const known = new WeakMap<SeriesName, string>();

/** What a series is found by: 128 bits of SHA-256, as 32 hexadecimal digits. A key may be longer than an index takes. */
export function nameOf(series: SeriesName): string {
  let name = known.get(series);
  if (name === undefined) {
    // A device id holds no line feed.
    name = hash('sha256', `${series.deviceId}\n${series.key}`, 'hex').slice(0, DIGITS);
    known.set(series, name);
  }
  return name;
}
