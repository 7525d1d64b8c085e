import { Random } from '../random.ts';
import { Wardrive } from './wardrive.ts';

/** Pixels of the window in which the map is shown. */
const width = 1280;
const height = 800;
const tilePixels = 256;

/** Part of a map as the routes of the map take it. */
export interface Viewport {
  /** West, south, east, north. */
  readonly box: string;
  readonly zoom: number;
}

/**
 * Parts of a map around places where something was heard, with zooms from 6 to 18 in turn; the same ones in every run.
 *
 * @param networks - of the {@link Wardrive} that is shown
 */
export function randomViewports(count: number, networks: number): Viewport[] {
  const random = new Random();
  const drive = new Wardrive({ networks, start: 0 });
  return Array.from({ length: count }, (_, index) => {
    for (let passed = random.below(1000); passed > 0; passed--) drive.next();
    const { lat, lon } = drive.next();
    const zoom = 6 + (index % 13);
    const degrees = 360 / (2 ** zoom * tilePixels);
    const halfLon = (degrees * width) / 2;
    // A pixel is as many metres high as wide: Web Mercator, near enough for one window.
    const halfLat = ((degrees * height) / 2) * Math.cos((lat * Math.PI) / 180);
    const box = [lon - halfLon, lat - halfLat, lon + halfLon, lat + halfLat];
    return { box: box.map((edge) => edge.toFixed(6)).join(','), zoom };
  });
}
