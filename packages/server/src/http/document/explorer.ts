import type { RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Where the explorer is. */
const EXPLORER_PATH = '/api-docs';

/** The paths of the explorer, for a router. */
export const explorerPaths = [EXPLORER_PATH, `${EXPLORER_PATH}/*`] as const;

const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * The explorer, as a listener for requests to {@link explorerPaths}. It is loaded by the first of them: with all that it is made of it
 * takes ten megabytes, and most servers never show it.
 *
 * @param makeApp - makes an application for it, which listens nowhere and answers what the explorer does not know
 * @param fail - answers a request where it cannot be loaded
 */
export function explorer(
  makeApp: () => FastifyInstance,
  document: () => object,
  fail: (...[request, response]: [...Parameters<RequestListener>, error: unknown]) => void,
): RequestListener {
  let loading: Promise<FastifyInstance> | undefined;
  return (request, response) => {
    loading ??= load(makeApp(), document());
    loading.then(
      (app) => app.routing(request, response),
      (error: unknown) => {
        loading = undefined;
        fail(request, response, error);
      },
    );
  };
}

/** Served from this server alone: no other host is asked for scripts, styles or validation. */
async function load(app: FastifyInstance, document: object): Promise<FastifyInstance> {
  const { default: swagger } = await import('@fastify/swagger');
  const { default: swaggerUi } = await import('@fastify/swagger-ui');
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
  await app.ready();
  return app;
}
