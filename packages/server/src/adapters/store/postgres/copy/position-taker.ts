import type { PositionSet } from '../../../../core/copy/position-set.ts';

/** Signature, flags and length of what else comes before the first row; the signature begins with this byte. */
const HEADER = 19;
const FIRST = 0x50;
/** Field count, length and number. */
const ROW = 2 + 4 + 8;
const WORD = 0x1_0000_0000;

/** Takes rows of one `bigint` as COPY sends them; see `copyOut`. */
export class PositionTaker {
  readonly #positions: PositionSet;

  constructor(positions: PositionSet) {
    this.#positions = positions;
  }

  take(bytes: Buffer, view: DataView, from: number, to: number): void {
    const at = bytes[from] === FIRST ? from + HEADER : from;
    // What is shorter is the end of all rows.
    if (to - at < ROW) return;
    this.#positions.add(view.getInt32(at + 6) * WORD + view.getUint32(at + 10));
  }
}
