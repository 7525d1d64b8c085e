import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { DEFAULT_LATEST, MAX_LATEST } from './latest-request.ts';
import { manySeries, metricList } from './telemetry-parameters.ts';

const query = {
  ...manySeries,
  metric: metricList,
  limit: integer({ min: 1, max: MAX_LATEST, fallback: DEFAULT_LATEST }, 'Items of one page.'),
  cursor: text(2048, 'next_cursor of the previous reply, with the same filters.'),
};

/** The newest points of one device, of many, or of a group. */
export const getLatest: Route = {
  method: 'GET',
  path: '/api/telemetry/latest',
  tag: 'telemetry',
  operationId: 'getLatestTelemetry',
  summary: 'Newest points of a device, of many devices or of a group',
  description:
    'A group are the series that have the tags, or whose devices have ids that begin with device_prefix. What is given must ' +
    'hold all together. POST the same where a list is too long for a URL.',
  query,
  replies: { 200: jsonReply(schemas.latestPage, 'One page of newest points; none for a device never seen.') },
  async handle(exchange) {
    const { device_id, device_prefix, metric, ...rest } = readQuery(query, exchange.target.query);
    const request = { ...rest, deviceIds: device_id, devicePrefix: device_prefix, metrics: metric };
    exchange.read(await exchange.services.telemetryQueries.latest(request));
  },
};
