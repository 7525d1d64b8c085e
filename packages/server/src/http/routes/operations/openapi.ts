import type { Route } from '../../route.ts';

/** The document that describes this server. */
export const openapi: Route = {
  method: 'GET',
  path: '/openapi.json',
  tag: 'operations',
  operationId: 'getOpenApi',
  summary: 'This document, OpenAPI 3.1',
  etag: true,
  replies: {},
  handle(exchange) {
    exchange.json(200, exchange.services.document);
  },
};
