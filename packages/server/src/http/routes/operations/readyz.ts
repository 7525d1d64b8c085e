import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';

/** Tells a load balancer whether to send work here. */
export const readyz: Route = {
  method: 'GET',
  path: '/readyz',
  tag: 'operations',
  operationId: 'getReadiness',
  summary: 'Can the server take work',
  problems: [503],
  replies: { 200: jsonReply(schemas.readiness, 'Ready.') },
  handle(exchange) {
    const { health, admission } = exchange.services;
    const { ready, notes } = health.readiness();
    if (ready) return exchange.json(200, JSON.stringify({ status: 'ready', notes }));
    exchange.header('retry-after', String(admission.retryAfter(1000, true)));
    const code = health.draining ? 'shutting_down' : 'store_unavailable';
    exchange.problem(code, { detail: notes[0], notes });
  },
};
