import type { GeoBox } from '../../../../core/detections/detection-filter.ts';
import { tileX, tileY } from '../../../../core/detections/mercator.ts';

/** Zoom of the tiles that are stored, the finest that a grid may ask for. */
const ZOOM = 24;

/** Bits of each axis in each half of a code. */
const HALF_BITS = 12;
const HALF = 2 ** (2 * HALF_BITS);
const HALF_MASK = 2 ** HALF_BITS - 1;

/** Rectangles of tiles that a box is asked for as, at most: each is a search in an index. */
const MAX_TILES = 16;

/**
 * The Web Mercator tile of zoom 24 that a position lies in, with the bits of `y` and `x` taken in turn (Z-order; `y` holds the
 * higher bit of each pair): 0 to 2^48 - 1. Its first `2 * z` bits are the tile of zoom `z`, exactly, since the edges of coarse
 * tiles are edges of finer ones, bit for bit; so a shift groups positions by the tile of any zoom, and a tile is a range of codes.
 *
 * G. M. Morton, A computer oriented geodetic data base and a new technique in file sequencing, IBM 1966.
 */
export function tileCode(lat: number, lon: number): number {
  return codeOf(tileX(lon, ZOOM), tileY(lat, ZOOM));
}

/** How far a {@link tileCode} is shifted to give its tile of a zoom. */
export function tileShift(zoom: number): number {
  return 2 * (ZOOM - zoom);
}

/** The tile of a code that was shifted by {@link tileShift}. */
export function tileOf(cell: number): { readonly x: number; readonly y: number } {
  const high = Math.floor(cell / HALF);
  const low = cell % HALF;
  return {
    x: (gather(high) << HALF_BITS) | gather(low),
    y: (gather(high >> 1) << HALF_BITS) | gather(low >> 1),
  };
}

/** Codes from one to another, both included. */
export interface CodeRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges of codes, ascending and apart, that hold every position of a box, and some around it. */
export function codeRanges({ south, west, north, east }: GeoBox): CodeRange[] {
  const [top, bottom] = [tileY(north, ZOOM), tileY(south, ZOOM)];
  const [left, right, last] = [tileX(west, ZOOM), tileX(east, ZOOM), 2 ** ZOOM - 1];
  const columns =
    west <= east
      ? [[left, right]]
      : [
          [left, last],
          [0, right],
        ];
  const ranges = columns.flatMap(([from = 0, to = 0]) => rectangle(from, to, top, bottom));
  ranges.sort((a, b) => a.from - b.from);
  const joined: CodeRange[] = [];
  for (const range of ranges) {
    const before = joined.at(-1);
    if (before !== undefined && range.from <= before.to + 1) {
      joined[joined.length - 1] = { from: before.from, to: Math.max(before.to, range.to) };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

/** The tiles of the finest zoom of which few enough cover a rectangle of tiles. */
function rectangle(left: number, right: number, top: number, bottom: number): CodeRange[] {
  let bits = 0;
  const across = (from: number, to: number) => (to >> bits) - (from >> bits) + 1;
  while (across(left, right) * across(top, bottom) > MAX_TILES) bits += 1;
  const ranges: CodeRange[] = [];
  for (let y = top >> bits; y <= bottom >> bits; y++) {
    for (let x = left >> bits; x <= right >> bits; x++) {
      const from = codeOf(x << bits, y << bits);
      ranges.push({ from, to: from + 4 ** bits - 1 });
    }
  }
  return ranges;
}

function codeOf(x: number, y: number): number {
  const high = spread(x >> HALF_BITS) | (spread(y >> HALF_BITS) << 1);
  const low = spread(x & HALF_MASK) | (spread(y & HALF_MASK) << 1);
  return high * HALF + low;
}

/** Puts a zero between the bits of a number of 12 bits (H. S. Warren, Hacker's Delight, section 7-2). */
function spread(value: number): number {
  let bits = value;
  bits = (bits | (bits << 8)) & 0x00ff_00ff;
  bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
  bits = (bits | (bits << 2)) & 0x3333_3333;
  return (bits | (bits << 1)) & 0x5555_5555;
}

/** The inverse of {@link spread}; bits between are left out. */
function gather(value: number): number {
  let bits = value & 0x5555_5555;
  bits = (bits | (bits >> 1)) & 0x3333_3333;
  bits = (bits | (bits >> 2)) & 0x0f0f_0f0f;
  bits = (bits | (bits >> 4)) & 0x00ff_00ff;
  return (bits | (bits >> 8)) & 0x0000_ffff;
}
