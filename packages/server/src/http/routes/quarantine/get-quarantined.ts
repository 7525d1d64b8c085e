import { readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { quarantineId, readQuarantineId } from './quarantine-id.ts';

/** One rejected item. */
export const getQuarantined: Route = {
  method: 'GET',
  path: '/api/quarantine/:id',
  tag: 'quarantine',
  operationId: 'getQuarantined',
  summary: 'One rejected item as it was sent',
  pathParameters: quarantineId,
  etag: true,
  replies: {},
  async handle(exchange) {
    readQuery({}, exchange.request.query);
    exchange.json(200, JSON.stringify(await exchange.services.quarantine.item(readQuarantineId(exchange))));
  },
};
