import type { DatabaseSync } from 'node:sqlite';
import type { PointCursor } from '../../sealed/points/point-merge.ts';
import { SeriesCursor } from '../points/run-cursor.ts';

/** A stretch of one series of a run: microseconds, `from` inclusive and `to` exclusive. */
export interface Piece {
  readonly series: number;
  readonly from: number;
  readonly to: number;
}

/** Stretches that many series are read in, at most: each is a cursor, and a merge looks at all of them at each step. */
const SHARED_STRETCHES = 8;

/**
 * Cursors that have the points of some stretches of a run among them. Series that are read in the same stretch share one, and
 * with it the decoding of blocks.
 *
 * @param pieces - by series and time; those of one series do not overlap
 */
export function piecesCursors(db: DatabaseSync, run: number, pieces: readonly Piece[]): PointCursor[] {
  const shared = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const stretch = `${piece.from} ${piece.to}`;
    const others = shared.get(stretch);
    if (others === undefined) shared.set(stretch, [piece]);
    else others.push(piece);
  }
  const largest = [...shared.values()].filter(({ length }) => length > 1).sort((a, b) => b.length - a.length);
  const together = largest.slice(0, SHARED_STRETCHES);
  const cursors: PointCursor[] = together.map((some) => {
    const { from, to } = some[0] as Piece;
    const series = some.map((piece) => piece.series);
    return new SeriesCursor(db, run, series, from, to);
  });
  const taken = new Set(together.flat());
  const rest = pieces.filter((piece) => !taken.has(piece));
  if (rest.length > 0) cursors.push(new PiecesCursor(db, run, rest));
  return cursors;
}

/** The points of some stretches of a run, which come by series and time and do not overlap. */
class PiecesCursor implements PointCursor {
  columns: PointCursor['columns'];
  at = 0;
  end = 0;
  readonly #db: DatabaseSync;
  readonly #run: number;
  readonly #pieces: readonly Piece[];
  #next = 0;
  #cursor: SeriesCursor;

  constructor(db: DatabaseSync, run: number, pieces: readonly Piece[]) {
    this.#db = db;
    this.#run = run;
    this.#pieces = pieces;
    this.#cursor = new SeriesCursor(db, run, [], 0, 0);
    this.columns = this.#cursor.columns;
  }

  advance(): boolean {
    while (!this.#cursor.advance()) {
      const piece = this.#pieces[this.#next++];
      if (piece === undefined) return false;
      this.#cursor = new SeriesCursor(this.#db, this.#run, [piece.series], piece.from, piece.to);
    }
    ({ columns: this.columns, at: this.at, end: this.end } = this.#cursor);
    return true;
  }
}
