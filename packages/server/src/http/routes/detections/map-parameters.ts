import { oneOf } from '../../parameters.ts';
import { boxRule, decimal } from './place-parameters.ts';

/** Edges of cells on the screen: powers of two, so that cells are tiles of a deeper zoom. */
const cellSizes = ['4', '8', '16', '32', '64'] as const;

/** The part of a map that is shown. */
export const viewport = {
  box: boxRule('The part of the map that is shown.', '16.2,48.1,16.6,48.3'),
  zoom: {
    ...decimal(
      { min: 0, max: 24, fallback: 0 },
      'Zoom of the map, of which the fraction is left out. Zoom 0 shows the world in 256 pixels; a map with tiles of 512 ' +
        'pixels, such as MapLibre, sends one more than its own.',
    ),
    schema: { type: 'number', minimum: 0, maximum: 24 },
    example: '13',
  },
};

/** How fine a heat map is. */
export const cellPixels = oneOf(cellSizes, '16', 'Edge of a cell on the screen, in pixels.');
