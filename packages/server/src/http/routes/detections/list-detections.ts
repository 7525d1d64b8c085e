import * as schemas from '@pisync/protocol/schemas';
import { detectionViewFields } from '../../../services/detections/detection-views.ts';
import { MAX_LIMIT } from '../../../services/query.ts';
import { jsonReply } from '../../document/documented.ts';
import { fields, integer, project, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { detectionFilter, detectionFilters, optionalBox } from './detection-parameters.ts';

const query = {
  box: optionalBox,
  ...detectionFilters,
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 100 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
  fields: fields(detectionViewFields),
};

/** Detections that meet all conditions. */
export const listDetections: Route = {
  method: 'GET',
  path: '/api/detections',
  tag: 'detections',
  operationId: 'listDetections',
  summary: 'Detections by place, time, type, security, signal, device and name; newest first',
  description: 'All conditions that are given must hold. Pages stay right while detections arrive.',
  query,
  replies: { 200: jsonReply(schemas.detectionPage, 'One page of detections.') },
  async handle(exchange) {
    const { limit, cursor, fields: wanted, ...conditions } = readQuery(query, exchange.target.query);
    const filter = detectionFilter(conditions);
    const found = await exchange.services.detectionQueries.list({ filter, limit, cursor });
    exchange.read({ ...found, items: found.items.map((item) => project(item, wanted)) });
  },
};
