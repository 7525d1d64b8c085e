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
  etag: true,
  replies: {},
  async handle(exchange) {
    const { hours } = readQuery(query, exchange.request.query);
    exchange.json(200, JSON.stringify(await exchange.services.queries.fleet(hours)));
  },
};
