import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { detectionFilter, detectionFilters } from './detection-parameters.ts';
import { viewport } from './map-parameters.ts';

const query = {
  ...viewport,
  cluster_pixels: integer({ min: 16, max: 512, fallback: 64 }, 'Pixels that clusters are apart at least.'),
  ...detectionFilters,
};

/** Clusters of detections. */
export const getClusters: Route = {
  method: 'GET',
  path: '/api/detections/clusters',
  tag: 'detections',
  operationId: 'getDetectionClusters',
  summary: 'Clusters of the detections in the part of a map that is shown',
  description:
    'The place with the most takes what is near it; each cluster stands at the mean position of what is in it.',
  query,
  replies: { 200: jsonReply(schemas.clusterMap, 'The clusters.') },
  async handle(exchange) {
    const { box, zoom, cluster_pixels: radius, ...conditions } = readQuery(query, exchange.target.query);
    const filter = { ...detectionFilter(conditions), box };
    exchange.read(await exchange.services.detectionQueries.clusters({ filter, zoom, radius }));
  },
};
