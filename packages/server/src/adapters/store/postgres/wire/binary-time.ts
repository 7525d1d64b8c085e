const WORD = 2 ** 32;
const PER_MILLISECOND = 1000;

/** Milliseconds from 1970, which PiSync counts from, to 2000, which PostgreSQL counts from. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

/** The same in microseconds, in two words. */
const EPOCH = EPOCH_MS * PER_MILLISECOND;
const EPOCH_HIGH = Math.floor(EPOCH / WORD);
const EPOCH_LOW = EPOCH % WORD;

/*
 * A `timestamptz` is sent as a whole number of microseconds, of 64 bits, and that of the year 1684 is more than a double holds:
 * it is never made, but put together from, and taken apart into, two words. A sum of two words is exact, and so is a multiple
 * of one.
 */

/** Writes microseconds since 1970, any safe integer, as a `timestamptz`: 8 bytes. */
export function writeMicroseconds(into: DataView, at: number, time: number): void {
  let high = Math.floor(time / WORD);
  let low = time - high * WORD - EPOCH_LOW;
  high -= EPOCH_HIGH;
  if (low < 0) {
    low += WORD;
    high -= 1;
  }
  into.setInt32(at, high);
  into.setUint32(at + 4, low);
}

/** The inverse of {@link writeMicroseconds}. */
export function readMicroseconds(from: DataView, at: number): number {
  return (from.getInt32(at) + EPOCH_HIGH) * WORD + (from.getUint32(at + 4) + EPOCH_LOW);
}

/** Writes whole milliseconds since 1970, of any date that JavaScript has, as a `timestamptz`: 8 bytes. */
export function writeMilliseconds(into: DataView, at: number, time: number): void {
  const since = time - EPOCH_MS;
  const high = Math.floor(since / WORD);
  const low = (since - high * WORD) * PER_MILLISECOND;
  const carry = Math.floor(low / WORD);
  into.setInt32(at, high * PER_MILLISECOND + carry);
  into.setUint32(at + 4, low - carry * WORD);
}

/** The inverse of {@link writeMilliseconds}; a time of the server between two milliseconds is rounded. */
export function readMilliseconds(from: DataView, at: number): number {
  const high = from.getInt32(at);
  const rest = high % PER_MILLISECOND;
  const low = Math.round((rest * WORD + from.getUint32(at + 4)) / PER_MILLISECOND);
  return ((high - rest) / PER_MILLISECOND) * WORD + low + EPOCH_MS;
}
