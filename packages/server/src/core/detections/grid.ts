import type { DetectionColumns } from './detection-columns.ts';
import type { DetectionFilter, GeoBox } from './detection-filter.ts';
import { CELL_NUMBERS, type CellFrame, CellTable } from './map/cell-table.ts';
import { TileRows } from './map/tile-rows.ts';
import { matchRows } from './match-detections.ts';
import { tileX, tileY } from './mercator.ts';

/** Positions are summed as whole numbers of this part of a degree, about a centimetre, so that no order changes a mean. */
const UNITS_PER_DEGREE = 1e7;

/** Which part of the map is asked for, and how fine. */
export interface GridView {
  readonly box: GeoBox;
  /** Cells are Web Mercator tiles of this zoom, 0 to 24. */
  readonly zoom: number;
  /** Cells at most, 1 to 65,536. */
  readonly limit: number;
}

/** The cells that hold something, by `y`, then `x`. All columns have the same length. */
export interface GridAnswer {
  /** Tile numbers of Web Mercator. */
  readonly x: Uint32Array;
  readonly y: Uint32Array;
  readonly counts: Float64Array;
  /** dBm of the strongest signal in the cell; `NaN` where none had one. */
  readonly strongest: Float64Array;
  /** Mean position of what lies in the cell in degrees, of positions rounded to 1e-7 degrees. */
  readonly lats: Float64Array;
  readonly lons: Float64Array;
  /** False where there are more cells than `limit`: those with the fewest are left out, of equal ones the last. */
  readonly complete: boolean;
}

/**
 * Counts by map tile. The answer is a function of the set of what was added, bit for bit, as long as no tile holds more than
 * five million; above that the order may change the last digits of a mean.
 *
 * Memory: 28 bytes for each tile of a view of up to 1,048,576 tiles, of which pages that hold nothing are never touched; of
 * larger views 44 to 88 bytes for each tile that holds something: ask for a zoom that suits the box.
 */
export class GridBuilder {
  readonly #view: GridView;
  readonly #frame: CellFrame;
  readonly #cells: CellTable;
  readonly #tileRows: TileRows;
  /** One for all columns: hundreds of these arrays would be garbage that nobody sees. */
  #room = new Uint32Array(0);

  constructor(view: GridView) {
    this.#view = view;
    const { box, zoom } = view;
    const tiles = 2 ** zoom;
    const left = tileX(box.west, zoom);
    const right = tileX(box.east, zoom);
    const top = tileY(box.north, zoom);
    const width = box.west > box.east ? Math.min(tiles, tiles - left + right + 1) : right - left + 1;
    const height = Math.max(0, tileY(box.south, zoom) - top + 1);
    this.#frame = { tiles, left, top, width, height };
    this.#cells = new CellTable(this.#frame);
    this.#tileRows = new TileRows(box.south, box.north, zoom);
  }

  /** Counts what meets the filter, whose box is that of the view. */
  add(columns: DetectionColumns, filter: DetectionFilter): void {
    if (this.#room.length < columns.count) this.#room = new Uint32Array(columns.count);
    const rows = matchRows(columns, { ...filter, box: this.#view.box }, this.#room);
    if (rows.length === 0) return;
    const { lats, lons, signals } = columns;
    const cells = this.#cells;
    const { dense } = cells;
    const { left, top, width, tiles } = this.#frame;
    const tileRows = this.#tileRows;
    let { counts, sums } = cells;
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!;
      const lat = lats[row]!;
      const lon = lons[row]!;
      // The same arithmetic as in tileX, in whole numbers as soon as may be.
      const x = Math.min(tiles - 1, (((lon + 180) / 360) * tiles) | 0);
      const y = tileRows.of(lat);
      let slot = (y - top) * width + (x >= left ? x - left : x - left + tiles);
      if (!dense) {
        slot = cells.slot(x, y);
        ({ counts, sums } = cells);
      }
      const count = counts[slot]!;
      const cell = slot * CELL_NUMBERS;
      const signal = signals[row]!;
      if (count === 0) sums[cell] = -Infinity;
      if (signal > sums[cell]!) sums[cell] = signal;
      counts[slot] = count + 1;
      sums[cell + 1]! += unitsOf(lat);
      sums[cell + 2]! += unitsOf(lon);
    }
  }

  /**
   * Counts `count` things of one tile at once; a tile outside of the view is left out.
   *
   * @param strongest - dBm, `NaN` where none of them has a signal
   * @param lat - degrees, of their mean position, as `lon`
   */
  addCell(x: number, y: number, count: number, strongest: number, lat: number, lon: number): void {
    this.addSums(x, y, count, strongest, unitsOf(lat) * count, unitsOf(lon) * count);
  }

  /**
   * As {@link addCell}, where positions were summed elsewhere.
   *
   * @param lats - sum of the latitudes, each rounded to 1e-7 degrees with halves away from zero, in that unit; as `lons`
   */
  addSums(x: number, y: number, count: number, strongest: number, lats: number, lons: number): void {
    const slot = this.#cells.slot(x, y);
    if (slot < 0) return;
    const { counts, sums } = this.#cells;
    const cell = slot * CELL_NUMBERS;
    if (counts[slot] === 0) sums[cell] = -Infinity;
    if (strongest > sums[cell]!) sums[cell] = strongest;
    counts[slot]! += count;
    sums[cell + 1]! += lats;
    sums[cell + 2]! += lons;
  }

  /** To be called once, in the end. */
  answer(): GridAnswer {
    const { tiles } = this.#frame;
    const { keys, complete } = this.#cells.fullest(this.#view.limit);
    const { length } = keys;
    const numbers = () => new Float64Array(length);
    const [counts, strongest, lats, lons] = [numbers(), numbers(), numbers(), numbers()];
    const x = new Uint32Array(length);
    const y = new Uint32Array(length);
    for (let at = 0; at < length; at++) {
      y[at] = Math.floor(keys[at]! / tiles);
      x[at] = keys[at]! - y[at]! * tiles;
      const slot = this.#cells.slot(x[at]!, y[at]!);
      const { sums } = this.#cells;
      const cell = slot * CELL_NUMBERS;
      const count = this.#cells.counts[slot]!;
      counts[at] = count;
      // 0 and -0 are equal; without the sum it would depend on the order which of them is shown.
      strongest[at] = sums[cell] === -Infinity ? Number.NaN : sums[cell]! + 0;
      lats[at] = sums[cell + 1]! / count / UNITS_PER_DEGREE;
      lons[at] = sums[cell + 2]! / count / UNITS_PER_DEGREE;
    }
    this.#cells.release();
    return { x, y, counts, strongest, lats, lons, complete };
  }
}

/** Rounds, halves away from zero; every longitude fits into 32 bits. */
function unitsOf(degrees: number): number {
  return (degrees * UNITS_PER_DEGREE + (degrees < 0 ? -0.5 : 0.5)) | 0;
}
