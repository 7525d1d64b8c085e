import { jsonReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';

/** The document that describes this server. */
export const openapi: Route = {
  method: 'GET',
  path: '/openapi.json',
  tag: 'operations',
  operationId: 'getOpenApi',
  summary: 'This document, OpenAPI 3.1',
  replies: { 200: jsonReply({ type: 'object' }, 'The document.') },
  handle(exchange) {
    exchange.readText(exchange.services.document);
  },
};
