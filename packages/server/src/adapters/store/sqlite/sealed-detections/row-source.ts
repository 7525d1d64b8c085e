import { mortonCode } from '../../../../core/detections/morton.ts';
import { type DetectionRows, type Remap, remapOf } from '../format/columns/detection-rows.ts';

/** Rows are grouped by cells of so many Morton codes, and within by time: a drive through a cell stays together. */
const CODES_PER_CELL = 4 ** 8;

/** Rows of one source that come one behind the other. */
export interface RowStretch {
  readonly source: RowSource;
  readonly from: number;
  readonly to: number;
}

/** Rows that go into blocks, and where they went. */
export class RowSource {
  readonly rows: DetectionRows;
  /** Place in the new run of each row that was taken. */
  readonly places: Uint32Array;
  #remap: Remap | undefined;
  #block = -1;

  constructor(rows: DetectionRows) {
    this.rows = rows;
    this.places = new Uint32Array(rows.count);
  }

  /** Where this source's stations and senders are in a block: nothing is known where it is another one than before. */
  remapFor(block: number): Remap {
    if (this.#remap === undefined) this.#remap = remapOf(this.rows);
    else if (this.#block !== block) {
      this.#remap.stations.fill(-1);
      this.#remap.senders.fill(-1);
    }
    this.#block = block;
    return this.#remap;
  }
}

/** The cell that rows are sorted by; those without a position come last. */
export function sortCell(rows: DetectionRows, row: number): number {
  const lat = rows.lats[row] as number;
  if (Number.isNaN(lat)) return Number.POSITIVE_INFINITY;
  return Math.floor(mortonCode(lat, rows.lons[row] as number) / CODES_PER_CELL);
}
