import type { GridAnswer } from './grid.ts';
import { mercatorX, mercatorY } from './mercator.ts';

/** Width of a map tile on the screen. */
const TILE_PIXELS = 256;

/** Things near each other on a map, shown as one. */
export interface Cluster {
  readonly count: number;
  /** Mean position of what is in it, degrees. */
  readonly lat: number;
  readonly lon: number;
  /**
   * The first zoom at which its outermost cells are further apart than the radius, so that it shows as several; null where
   * it is a single cell, of which nothing more is known.
   */
  readonly splitsAt: number | null;
}

export interface ClusterView {
  /** Zoom of the map, in tiles of 256 pixels; the cells are finer, by 3 to 5 zooms. */
  readonly zoom: number;
  /** Pixels that clusters are apart at least. */
  readonly radius: number;
}

/** A cluster while it grows: a cell at first. */
interface Growing {
  readonly count: number;
  readonly lat: number;
  readonly lon: number;
  /** Pixels of the map. */
  readonly x: number;
  readonly y: number;
  /** Rectangle of the mean positions of its cells, pixels; beyond the world's edge where the cluster lies across it. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Merges the cells of a fine grid into clusters whose mean positions are `radius` pixels apart at least.
 *
 * Greedy: the cell with the most, of equal ones the first by `y`, then `x`, takes all that is left within the radius
 * of it; then the next one that is left does, until none is. As the means then lie elsewhere and may be too near each other, the
 * same is done with the clusters until nothing merges. So the answer is a function of the cells alone.
 *
 * @returns clusters by count, largest first
 */
export function clusterCells(cells: GridAnswer, { zoom, radius }: ClusterView): Cluster[] {
  const world = TILE_PIXELS * 2 ** zoom;
  let before = startOf(cells, world);
  let clusters = mergeNear(before, world, radius);
  while (clusters.length < before.length) {
    before = clusters;
    clusters = mergeNear(before, world, radius);
  }
  return clusters.map(({ count, lat, lon, left, right, top, bottom }) => {
    const extent = Math.max(right - left, bottom - top);
    const zooms = Math.max(1, Math.floor(Math.log2(radius / extent)) + 1);
    return { count, lat, lon, splitsAt: extent > 0 ? zoom + zooms : null };
  });
}

function startOf({ counts, lats, lons }: GridAnswer, world: number): Growing[] {
  const start = Array.from(counts, (count, at) => {
    const lat = lats[at]!;
    const lon = lons[at]!;
    const x = mercatorX(lon) * world;
    const y = mercatorY(lat) * world;
    return { count, lat, lon, x, y, left: x, right: x, top: y, bottom: y };
  });
  // The sort is stable: of equal counts the order of the grid stays.
  return start.sort((a, b) => b.count - a.count);
}

/** One round: each of the list, in its order, takes those near it that are left. @returns the merged ones by count */
function mergeNear(list: readonly Growing[], world: number, radius: number): Growing[] {
  const near = new Neighbourhood(list, world, radius);
  const merged: Growing[] = [];
  for (const [at, seed] of list.entries()) {
    if (!near.take(at)) continue;
    const others = near.takeAround(seed);
    merged.push(others.length === 0 ? seed : mergeAll(seed, others, world));
  }
  return merged.sort((a, b) => b.count - a.count);
}

/** Sums relative to the seed, so that nothing depends on where the world has its edge. */
function mergeAll(seed: Growing, others: readonly Growing[], world: number): Growing {
  let { count, left, right, top, bottom } = seed;
  let lat = 0;
  let lon = 0;
  for (const other of others) {
    // How far the other one must be moved around the world to lie beside the seed.
    const turns = Math.round((seed.x - other.x) / world);
    count += other.count;
    lat += other.count * (other.lat - seed.lat);
    lon += other.count * (other.lon + turns * 360 - seed.lon);
    left = Math.min(left, other.left + turns * world);
    right = Math.max(right, other.right + turns * world);
    top = Math.min(top, other.top);
    bottom = Math.max(bottom, other.bottom);
  }
  const meanLat = seed.lat + lat / count;
  const meanLon = seed.lon + lon / count;
  const turns = meanLon > 180 ? -1 : meanLon < -180 ? 1 : 0;
  left += turns * world;
  right += turns * world;
  const inside = meanLon + turns * 360;
  const x = mercatorX(inside) * world;
  return { count, lat: meanLat, lon: inside, x, y: mercatorY(meanLat) * world, left, right, top, bottom };
}

/** Finds what is near and not yet taken: lists by square, each at least as wide as the radius. */
class Neighbourhood {
  readonly #list: readonly Growing[];
  readonly #world: number;
  readonly #radius: number;
  readonly #taken: Uint8Array;
  /** Squares around the world. */
  readonly #squares: number;
  readonly #first = new Map<number, number>();
  readonly #next: Int32Array;

  constructor(list: readonly Growing[], world: number, radius: number) {
    this.#list = list;
    this.#world = world;
    this.#radius = radius;
    this.#taken = new Uint8Array(list.length);
    this.#next = new Int32Array(list.length);
    // Squares are numbered exactly as long as there are no more than 2^26 of them on a side.
    this.#squares = Math.max(1, Math.min(2 ** 26, Math.floor(world / radius)));
    // From the last to the first, so that each list is in order.
    for (let at = list.length - 1; at >= 0; at--) {
      const square = this.#row(list[at]!.y) * this.#squares + this.#column(list[at]!.x);
      this.#next[at] = this.#first.get(square) ?? -1;
      this.#first.set(square, at);
    }
  }

  /** Takes one; false if it was taken. */
  take(at: number): boolean {
    if (this.#taken[at] === 1) return false;
    this.#taken[at] = 1;
    return true;
  }

  /** Takes all that lie nearer to a place than the radius. */
  takeAround({ x, y }: Growing): Growing[] {
    const found: Growing[] = [];
    const column = this.#column(x);
    const squares = this.#squares;
    // Around a world of one or two squares, both neighbours are the same one, or there is none.
    const last = Math.min(squares - 1, 2);
    for (let row = this.#row(y) - 1; row <= this.#row(y) + 1; row++) {
      for (let step = 0; step <= last; step++) {
        this.#takeIn(row * squares + ((column + squares - 1 + step) % squares), x, y, found);
      }
    }
    return found;
  }

  #takeIn(square: number, x: number, y: number, found: Growing[]): void {
    for (let at = this.#first.get(square) ?? -1; at >= 0; at = this.#next[at]!) {
      const other = this.#list[at]!;
      const aside = Math.abs(other.x - x);
      const east = Math.min(aside, this.#world - aside);
      const south = other.y - y;
      if (east * east + south * south < this.#radius * this.#radius && this.take(at)) found.push(other);
    }
  }

  #column(x: number): number {
    return Math.min(this.#squares - 1, Math.floor((x / this.#world) * this.#squares));
  }

  #row(y: number): number {
    return Math.min(this.#squares - 1, Math.floor((y / this.#world) * this.#squares));
  }
}
