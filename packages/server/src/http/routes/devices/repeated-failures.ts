import * as schemas from '@pisync/protocol/schemas';
import { MAX_LIMIT } from '../../../services/query.ts';
import { failuresFields } from '../../../services/views.ts';
import { jsonReply } from '../../document/documented.ts';
import { fields, integer, oneOf, project, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const query = {
  threshold: integer(
    { min: 0, max: 1_000_000_000, fallback: 3 },
    'Only devices with more failures than this.',
  ),
  mode: oneOf(
    ['total', 'consecutive'],
    'total',
    'Which failures count: all, or those since the newest success.',
  ),
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 10 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
  fields: fields(failuresFields),
};

/** Devices that fail again and again. */
export const repeatedFailures: Route = {
  method: 'GET',
  path: '/api/devices/repeated-failures',
  tag: 'devices',
  operationId: 'listRepeatedFailures',
  summary: 'Devices that fail repeatedly, worst first',
  query,
  replies: { 200: jsonReply(schemas.repeatedFailuresPage, 'One page of devices, worst first.') },
  async handle(exchange) {
    const { fields: wanted, ...request } = readQuery(query, exchange.target.query);
    const found = await exchange.services.queries.repeatedFailures(request);
    const items = found.items.map((item) => project(item, wanted));
    exchange.read({ ...found, items });
  },
};
