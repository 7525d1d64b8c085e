import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';

/** Answers as long as the process runs its event loop. */
export const livez: Route = {
  method: 'GET',
  path: '/livez',
  tag: 'operations',
  operationId: 'getLiveness',
  summary: 'Is the process alive',
  replies: { 200: jsonReply(schemas.liveness, 'The process is alive.') },
  handle(exchange) {
    exchange.json(200, '{"status":"alive"}');
  },
};
