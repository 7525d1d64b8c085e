import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { detectionFilter, detectionFilters } from './detection-parameters.ts';
import { cellPixels, viewport } from './map-parameters.ts';

const query = { ...viewport, cell_pixels: cellPixels, ...detectionFilters };

/** A heat map of detections. */
export const getDetectionGrid: Route = {
  method: 'GET',
  path: '/api/detections/grid',
  tag: 'detections',
  operationId: 'getDetectionGrid',
  summary: 'Heat map of the detections in the part of a map that is shown',
  description: 'Detections without a position count nowhere.',
  query,
  replies: { 200: jsonReply(schemas.heatGrid, 'The cells that hold something.') },
  async handle(exchange) {
    const { box, zoom, cell_pixels: pixels, ...conditions } = readQuery(query, exchange.target.query);
    const filter = { ...detectionFilter(conditions), box };
    const grid = exchange.services.detectionQueries.grid({ filter, zoom, cellPixels: Number(pixels) });
    exchange.read(await grid);
  },
};
