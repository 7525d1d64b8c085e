import { maxMercatorLat, mercatorY, tileY } from '../mercator.ts';

const STEPS = 4096;

/**
 * {@link tileY} for very many latitudes of one stretch, without a tangent and a logarithm for each: a straight line between
 * exact values tells the tile wherever it is further from an edge than the line can be wrong.
 */
export class TileRows {
  readonly #zoom: number;
  readonly #south: number;
  readonly #perDegree: number;
  /** Distance from the northern edge of the world, in tiles, at the start of each step. */
  readonly #nodes = new Float64Array(STEPS + 2);
  /** How far from an edge the line is not trusted, in tiles. */
  readonly #slack: number;

  /** @param south - degrees, as `north`: where most of the latitudes lie that are asked for; others take longer */
  constructor(south: number, north: number, zoom: number) {
    const tiles = 2 ** zoom;
    this.#zoom = zoom;
    this.#south = Math.max(-maxMercatorLat, Math.min(maxMercatorLat, south));
    const end = Math.max(-maxMercatorLat, Math.min(maxMercatorLat, north));
    const step = Math.max(1e-12, (end - this.#south) / STEPS);
    this.#perDegree = 1 / step;
    for (let at = 0; at < this.#nodes.length; at++) {
      this.#nodes[at] = mercatorY(this.#south + at * step) * tiles;
    }
    // A line through two places of a curve is off by the square of their distance times an eighth of the largest second
    // derivative, which for Mercator is secant times tangent. Doubled, and a little for rounding.
    const far = (Math.max(Math.abs(this.#south), Math.abs(end)) * Math.PI) / 180;
    const bend = Math.tan(far) / Math.cos(far) / (2 * Math.PI);
    const radians = (step * Math.PI) / 180;
    this.#slack = tiles * ((radians * radians * bend) / 4 + 1e-12);
  }

  of(lat: number): number {
    const steps = (lat - this.#south) * this.#perDegree;
    if (!(steps >= 0 && steps <= STEPS)) return tileY(lat, this.#zoom);
    const step = steps | 0;
    const from = this.#nodes[step]!;
    const y = from + (this.#nodes[step + 1]! - from) * (steps - step);
    const tile = y | 0;
    const part = y - tile;
    return part > this.#slack && part < 1 - this.#slack ? tile : tileY(lat, this.#zoom);
  }
}
