import type { Route } from '../../route.ts';
import { quarantineId, readQuarantineId } from './quarantine-id.ts';

/** Throws a rejected item away. */
export const discardQuarantined: Route = {
  method: 'DELETE',
  path: '/api/quarantine/:id',
  tag: 'quarantine',
  operationId: 'discardQuarantined',
  summary: 'Throw a rejected item away',
  pathParameters: quarantineId,
  problems: [404],
  replies: { 204: { description: 'The item is gone.' } },
  async handle(exchange) {
    await exchange.services.quarantine.discard(readQuarantineId(exchange));
    exchange.empty(204);
  },
};
