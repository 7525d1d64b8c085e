/** 2000-01-01 in epoch milliseconds, from which PostgreSQL counts microseconds. */
const ORIGIN = 946_684_800_000;

const PER_MILLISECOND = 1000;
const WORD = 2 ** 32;

/** Milliseconds whose microseconds are exact in a double. */
const EXACT = Number.MAX_SAFE_INTEGER / PER_MILLISECOND;

/** Writes whole epoch milliseconds as a `timestamptz`, of any date that a device may tell. */
export function writeTime(bytes: Buffer, time: number, at: number): void {
  const since = time - ORIGIN;
  if (Math.abs(since) > EXACT) {
    bytes.writeBigInt64BE(BigInt(since) * BigInt(PER_MILLISECOND), at);
    return;
  }
  const high = Math.floor((since * PER_MILLISECOND) / WORD);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(since * PER_MILLISECOND - high * WORD, at + 4);
}

/** Reads a `timestamptz` of whole milliseconds. */
export function readTime(bytes: Buffer, at: number): number {
  // Of dates far off the sum is wrong by a few microseconds.
  const micros = bytes.readInt32BE(at) * WORD + bytes.readUInt32BE(at + 4);
  return Math.round(micros / PER_MILLISECOND) + ORIGIN;
}
