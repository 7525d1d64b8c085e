/** Bits of each axis. */
const BITS = 26;
const CELLS = 2 ** BITS;
const HALF = 2 ** 32;

/**
 * The Morton code (Z-order) of a position: the bits of longitude and latitude, scaled to 26 bits each, taken in turn, so that what is
 * near each other on the ground mostly is so in this order, too. An integer from 0 to 2^52 - 1; a cell is 5.4e-6 degrees wide and
 * 2.7e-6 degrees high. Latitude holds the higher bit of each pair.
 *
 * Source: G. M. Morton, A computer oriented geodetic data base and a new technique in file sequencing, IBM 1966; the spreading of
 * bits is that of H. S. Warren, Hacker's Delight, section 7-2.
 *
 * @param lat - degrees, -90 to 90
 * @param lon - degrees, -180 to 180
 */
export function mortonCode(lat: number, lon: number): number {
  const x = cellOf((lon + 180) / 360);
  const y = cellOf((lat + 90) / 180);
  const low = (spread(x & 0xffff) | (spread(y & 0xffff) << 1)) >>> 0;
  const high = spread(x >>> 16) | (spread(y >>> 16) << 1);
  return high * HALF + low;
}

/** The last edge belongs to the last cell. */
function cellOf(share: number): number {
  return Math.min(Math.floor(share * CELLS), CELLS - 1);
}

/** Puts a zero between the bits of a number of 16 bits. */
function spread(value: number): number {
  let bits = value;
  bits = (bits | (bits << 8)) & 0x00ff_00ff;
  bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
  bits = (bits | (bits << 2)) & 0x3333_3333;
  return (bits | (bits << 1)) & 0x5555_5555;
}
