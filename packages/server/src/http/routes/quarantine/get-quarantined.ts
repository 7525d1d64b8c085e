import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
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
  problems: [404],
  replies: { 200: jsonReply(schemas.quarantinedItem, 'The item.') },
  async handle(exchange) {
    exchange.read(await exchange.services.quarantine.item(readQuarantineId(exchange)));
  },
};
