/** Two to the power of 32. */
const WORD = 4_294_967_296;

/** Microseconds from 1970, which PiSync counts from, to 2000, which PostgreSQL counts from, in two words. */
const EPOCH = 946_684_800_000_000;
const EPOCH_HIGH = Math.floor(EPOCH / WORD);
const EPOCH_LOW = EPOCH % WORD;

/*
 * A time of PostgreSQL is a whole number of 64 bits, and that of the year 1684 is more than a double holds: it is never made,
 * but put together from, and taken apart into, two words. A sum of two words is exact, and so is a multiple of one.
 */

/** Writes microseconds since 1970 as PostgreSQL sends a `timestamptz`: 8 bytes. */
export function writeTime(into: DataView, at: number, time: number): void {
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

/** The inverse of {@link writeTime}; exact for every time that a point can have. */
export function readTime(from: DataView, at: number): number {
  return (from.getInt32(at) + EPOCH_HIGH) * WORD + (from.getUint32(at + 4) + EPOCH_LOW);
}

/** Microseconds since 1970 as a literal of type `timestamptz`; the year has four digits for every time of a point. */
export function timeLiteral(time: number): string {
  const ms = Math.floor(time / 1000);
  const micros = String(time - ms * 1000).padStart(3, '0');
  return `timestamptz '${new Date(ms).toISOString().slice(0, -1)}${micros}Z'`;
}
