import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

/** Where the explorer is. */
const EXPLORER_PATH = '/api-docs';

const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Serves the explorer from this server alone: no other host is asked for scripts, styles or validation. */
export async function addExplorer(app: FastifyInstance, document: object): Promise<void> {
  await app.register(swagger, { mode: 'static', specification: { document: document as never } });
  await app.register(swaggerUi, {
    routePrefix: EXPLORER_PATH,
    staticCSP: true,
    validatorUrl: false,
    // The bar on top asks for a document to explore; there is this one.
    theme: {
      title: 'PiSync API',
      css: [{ filename: 'pisync.css', content: '.swagger-ui .topbar { display: none }' }],
    },
    uiConfig: { tryItOutEnabled: true, deepLinking: true, docExpansion: 'list' },
    uiHooks: {
      onRequest: (_request, reply, done) => {
        reply.headers(securityHeaders);
        done();
      },
    },
  });
}
