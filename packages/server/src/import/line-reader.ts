const newline = 10;

/** One line of a file. */
export interface Line {
  /** From 1. */
  readonly line: number;
  /** Without the line end; valid until more is pushed. The first bytes where it is too long. */
  readonly bytes: Uint8Array;
  readonly tooLong: boolean;
}

/** Splits a file into its lines while its bytes arrive. Holds at most `maxBytes` of a line besides the chunk at hand. */
export class LineReader {
  readonly #maxBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #kept = 0;
  #size = 0;
  #line = 1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in a chunk. */
  *push(chunk: Uint8Array): Generator<Line> {
    let at = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, at)) {
      this.#keep(chunk.subarray(at, end));
      yield this.#take();
      at = end + 1;
    }
    // A copy: whoever fills the chunk may use it again.
    if (at < chunk.length) this.#keep(chunk.slice(at));
  }

  /** The last line, where the file does not end with a line end. */
  *end(): Generator<Line> {
    if (this.#size > 0) yield this.#take();
  }

  #keep(piece: Uint8Array): void {
    const part = piece.subarray(0, Math.max(0, this.#maxBytes - this.#kept));
    if (part.length > 0) this.#pieces.push(part);
    this.#kept += part.length;
    this.#size += piece.length;
  }

  #take(): Line {
    const bytes = this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces);
    const found = { line: this.#line, bytes, tooLong: this.#size > this.#maxBytes };
    this.#pieces.length = 0;
    this.#kept = 0;
    this.#size = 0;
    this.#line += 1;
    return found;
  }
}
