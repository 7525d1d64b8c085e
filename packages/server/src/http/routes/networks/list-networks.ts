import * as schemas from '@pisync/protocol/schemas';
import { networkViewFields } from '../../../services/detections/detection-views.ts';
import { MAX_LIMIT } from '../../../services/query.ts';
import { jsonReply } from '../../document/documented.ts';
import { fields, integer, project, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { networkFilter, networkFilters, optionalNetworkBox } from '../detections/detection-parameters.ts';

const query = {
  box: optionalNetworkBox,
  ...networkFilters,
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 100 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
  fields: fields(networkViewFields),
};

/** Networks that meet all conditions. */
export const listNetworks: Route = {
  method: 'GET',
  path: '/api/networks',
  tag: 'detections',
  operationId: 'listNetworks',
  summary: 'Networks, stations and cells, newest seen first',
  description:
    'A network is one radio identity of one type. Name, security, channel and frequency are those of its newest detection. ' +
    'A network that is heard again while its pages are read moves to the front, and is then on no later page.',
  query,
  replies: { 200: jsonReply(schemas.networkPage, 'One page of networks.') },
  async handle(exchange) {
    const { limit, cursor, fields: wanted, ...conditions } = readQuery(query, exchange.target.query);
    const filter = networkFilter(conditions);
    const found = await exchange.services.detectionQueries.networks({ filter, limit, cursor });
    exchange.read({ ...found, items: found.items.map((item) => project(item, wanted)) });
  },
};
