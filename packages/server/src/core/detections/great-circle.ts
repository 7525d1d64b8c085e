/** Mean radius of the Earth in metres, R1 of the IUGG (H. Moritz, "Geodetic Reference System 1980", Journal of Geodesy 74, 2000). */
export const earthRadius = 6_371_008.8;

const perDegree = Math.PI / 180;

/**
 * Metres between two positions on a sphere of the Earth's mean radius, within 0.6 % of the ellipsoid's.
 * R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (2), 1984, page 159.
 */
export function greatCircle(lat: number, lon: number, otherLat: number, otherLon: number): number {
  const north = Math.sin(((otherLat - lat) * perDegree) / 2);
  const east = Math.sin(((otherLon - lon) * perDegree) / 2);
  const square = north * north + Math.cos(lat * perDegree) * Math.cos(otherLat * perDegree) * east * east;
  // Rounding takes the square of antipodes a little over 1.
  return 2 * earthRadius * Math.asin(Math.sqrt(Math.min(1, square)));
}
