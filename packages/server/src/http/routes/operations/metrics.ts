import type { Route } from '../../route.ts';

/** Metrics for Prometheus. */
export const metrics: Route = {
  method: 'GET',
  path: '/metrics',
  tag: 'operations',
  operationId: 'getMetrics',
  summary: 'Metrics for Prometheus',
  whileDraining: true,
  replies: {},
  async handle(exchange) {
    const { metrics: source } = exchange.services;
    exchange.send(200, source.contentType, await source.text());
  },
};
