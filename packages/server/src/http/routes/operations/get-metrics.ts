import { textReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';

/** Metrics for Prometheus. */
export const metrics: Route = {
  method: 'GET',
  path: '/metrics',
  tag: 'operations',
  operationId: 'getMetrics',
  summary: 'Metrics for Prometheus',
  replies: { 200: textReply('text/plain', 'Metrics in the exposition format of Prometheus.') },
  async handle(exchange) {
    const { metrics: source } = exchange.services;
    exchange.send(200, source.contentType, await source.text());
  },
};
