/** Keeps the first bytes of a value that comes in pieces, up to a limit, and counts the rest. */
export class PendingBytes {
  /** Bytes that came, kept or not. */
  size = 0;
  #bytes = new Uint8Array(0);
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  append(piece: Uint8Array): void {
    const kept = Math.min(this.size, this.#limit);
    const room = this.#limit - kept;
    const part = piece.length > room ? piece.subarray(0, room) : piece;
    if (kept + part.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(1024, 2 * (kept + part.length))));
      larger.set(this.#bytes.subarray(0, kept));
      this.#bytes = larger;
    }
    this.#bytes.set(part, kept);
    this.size += piece.length;
  }

  /** What was kept, at most `limit` bytes; valid until the next `append`. */
  take(limit: number): Uint8Array {
    return this.#bytes.subarray(0, Math.min(this.size, this.#limit, limit));
  }

  clear(): void {
    this.size = 0;
  }
}
