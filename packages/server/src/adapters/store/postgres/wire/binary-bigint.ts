const WORD = 2 ** 32;

/** Writes a whole number that a double holds exactly as a `bigint`: 8 bytes. */
export function writeBigint(into: DataView, at: number, value: number): void {
  const high = Math.floor(value / WORD);
  into.setInt32(at, high);
  into.setUint32(at + 4, value - high * WORD);
}

/** The inverse of {@link writeBigint}. */
export function readBigint(from: DataView, at: number): number {
  return from.getInt32(at) * WORD + from.getUint32(at + 4);
}
