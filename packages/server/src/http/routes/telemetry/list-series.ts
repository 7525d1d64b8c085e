import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { manySeries } from './telemetry-parameters.ts';

const query = {
  ...manySeries,
  metric: text(200, 'Only series of this metric.'),
  search: text(200, 'Only metrics whose name contains this text, whatever its case.'),
  limit: integer({ min: 1, max: 1000, fallback: 100 }, 'Items of one page.'),
  cursor: text(2048, 'next_cursor of the previous reply, with the same filters.'),
};

/** The catalogue of series, with the newest point of each. */
export const listSeries: Route = {
  method: 'GET',
  path: '/api/telemetry/series',
  tag: 'telemetry',
  operationId: 'listSeries',
  summary: 'Series and their newest points',
  query,
  replies: {
    200: jsonReply(schemas.seriesPage, 'One page of series, in the order of their first appearance.'),
  },
  async handle(exchange) {
    const { device_id, device_prefix, ...rest } = readQuery(query, exchange.target.query);
    const request = { ...rest, deviceIds: device_id, devicePrefix: device_prefix };
    exchange.read(await exchange.services.telemetryQueries.series(request));
  },
};
