import type { Route } from '../../route.ts';

/** Answers as long as the process runs its event loop. */
export const livez: Route = {
  method: 'GET',
  path: '/livez',
  tag: 'operations',
  operationId: 'getLiveness',
  summary: 'Is the process alive',
  whileDraining: true,
  replies: {},
  handle(exchange) {
    exchange.json(200, '{"status":"alive"}');
  },
};
