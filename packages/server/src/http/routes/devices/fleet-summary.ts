import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const query = {
  hours: integer(
    { min: 1, max: 9600, fallback: 24 },
    'Hours back that are listed, the running one included.',
  ),
};

/** The fleet at a glance. */
export const fleetSummary: Route = {
  method: 'GET',
  path: '/api/fleet/summary',
  tag: 'devices',
  operationId: 'getFleetSummary',
  summary: 'Devices by state, syncs and errors by hour',
  query,
  replies: { 200: jsonReply(schemas.fleetSummary, 'The fleet in numbers.') },
  async handle(exchange) {
    const { hours } = readQuery(query, exchange.target.query);
    exchange.read(await exchange.services.queries.fleet(hours));
  },
};
