import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { networkFilter, networkFilters } from '../detections/detection-parameters.ts';
import { cellPixels, viewport } from '../detections/map-parameters.ts';

const query = { ...viewport, cell_pixels: cellPixels, ...networkFilters };

/** A heat map of networks. */
export const getNetworkGrid: Route = {
  method: 'GET',
  path: '/api/networks/grid',
  tag: 'detections',
  operationId: 'getNetworkGrid',
  summary: 'Heat map of the networks in the part of a map that is shown',
  description: 'Each network counts once, where it probably stands.',
  query,
  replies: { 200: jsonReply(schemas.heatGrid, 'The cells that hold something.') },
  async handle(exchange) {
    const { box, zoom, cell_pixels: pixels, ...conditions } = readQuery(query, exchange.target.query);
    const filter = { ...networkFilter(conditions), box };
    const grid = exchange.services.detectionQueries.networkGrid({ filter, zoom, cellPixels: Number(pixels) });
    exchange.read(await grid);
  },
};
