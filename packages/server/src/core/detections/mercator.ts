/**
 * Web Mercator (EPSG:3857) in tiles, as maps on the web are cut: at zoom `z` the world is a square of `2 ** z` tiles a side,
 * `x` from west to east, `y` from north to south. https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames
 */

/** Degrees of latitude where the square ends, `atan(sinh(pi))`: what lies beyond counts as lying on the edge. */
export const maxMercatorLat = 85.051_128_779_806_59;

/** Part of the world's width from the antimeridian, 0 to 1, of a longitude in degrees. */
export function mercatorX(lon: number): number {
  return (lon + 180) / 360;
}

/** Part of the world's height from the northern edge, 0 to 1, of a latitude in degrees. */
export function mercatorY(lat: number): number {
  const inside = Math.min(maxMercatorLat, Math.max(-maxMercatorLat, lat));
  // asinh(tan φ), which loses nothing near the equator.
  const y = 0.5 - Math.asinh(Math.tan((inside * Math.PI) / 180)) / (2 * Math.PI);
  return Math.min(1, Math.max(0, y));
}

/** The tile of a longitude in degrees; the antimeridian lies in the first one as -180 and in the last one as 180. */
export function tileX(lon: number, zoom: number): number {
  const tiles = 2 ** zoom;
  return Math.min(tiles - 1, Math.max(0, Math.floor(mercatorX(lon) * tiles)));
}

/** The tile of a latitude in degrees: that whose northern edge is not south of it and whose southern edge is. */
export function tileY(lat: number, zoom: number): number {
  const tiles = 2 ** zoom;
  const y = Math.min(tiles - 1, Math.floor(mercatorY(lat) * tiles));
  // The edges decide, so that the tile of a latitude never depends on how a logarithm was rounded.
  if (y > 0 && lat > tileNorth(y, zoom)) return y - 1;
  if (y < tiles - 1 && lat <= tileNorth(y + 1, zoom)) return y + 1;
  return y;
}

/** Degrees of latitude of a tile's northern edge; its southern edge is that of the next tile. */
export function tileNorth(y: number, zoom: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / 2 ** zoom))) * 180) / Math.PI;
}
