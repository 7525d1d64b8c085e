import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import etag from '@fastify/etag';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { Admission, type AdmissionLimits } from '../services/admission.ts';
import { Health } from '../services/health.ts';
import { Ingest, type IngestLimits } from '../services/ingest.ts';
import { Quarantine } from '../services/quarantine.ts';
import { Queries, type StateLimits } from '../services/query.ts';
import { answerClientError } from './client-error.ts';
import { Exchange } from './exchange.ts';
import { Metrics } from './metrics.ts';
import type { Route } from './route.ts';
import { routeTable } from './route-table.ts';
import type { Services } from './services.ts';
import { allowedMethods } from './unknown-route.ts';
import { Watchdog } from './watchdog.ts';

/** What a server is made of. */
export interface ServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Open; {@link RunningServer.close} leaves it open. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1); spreads returning senders. */
  readonly random: () => number;
  readonly admission: AdmissionLimits;
  readonly ingest: IngestLimits;
  readonly states: StateLimits;
  /** Decoded bytes of one request body. */
  readonly maxBodyBytes: number;
  /** Time for one request to arrive. */
  readonly requestTimeoutMs: number;
  /** Time that running requests get when the server stops. */
  readonly shutdownGraceMs: number;
  readonly slowQueryMs: number;
}

export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  /**
   * Stops: no new connection is taken, new requests get 503 `shutting_down`, running ones are answered, and what is not
   * done within the grace time is cut off. Idempotent.
   */
  close(): Promise<void>;
}

/** Index of requests that no route took, in the metrics. */
const UNKNOWN_ROUTE = routeTable.length;

function compose(options: ServerOptions): Services {
  const { store, clock, log } = options;
  const names = [...routeTable.map((route) => `${route.method} ${route.path}`), 'unknown'];
  const metrics = new Metrics(names, log, options.slowQueryMs);
  const admission = new Admission(options.admission, clock, options.random, metrics);
  const ingest = new Ingest(store, clock, admission, metrics, options.ingest);
  metrics.watch(store, admission);
  return {
    store,
    clock,
    log,
    metrics,
    admission,
    ingest,
    queries: new Queries(store, clock, metrics, options.states),
    quarantine: new Quarantine(ingest),
    health: new Health(store),
    watchdog: new Watchdog(names, (blockage) => metrics.blocked(blockage)),
    maxBodyBytes: options.maxBodyBytes,
    document: '',
  };
}

/**
 * Starts the HTTP edge on an open store.
 *
 * @throws {Error} with the system's `code`, such as `EADDRINUSE`, where it cannot listen
 */
export async function createServer(options: ServerOptions): Promise<RunningServer> {
  const services = compose(options);
  const app = makeApp(options, services);
  await app.register(async (scope) => {
    await scope.register(etag, { weak: true });
    addRoutes(scope, services, true);
  });
  addRoutes(app, services, false);
  await app.listen({ host: options.host, port: options.port });
  services.watchdog.start();
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(app.server),
    close() {
      closing ??= drain(app, services, options.shutdownGraceMs);
      return closing;
    },
  };
}

function makeApp(options: ServerOptions, services: Services): FastifyInstance {
  const prefix = randomBytes(6).toString('base64url');
  let requests = 0;
  const app = Fastify({
    logger: false,
    // How often Node looks for late requests; the timeouts are as exact as this.
    http: {
      headersTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, Math.ceil(options.requestTimeoutMs / 4)),
    },
    requestTimeout: options.requestTimeoutMs,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    genReqId: () => {
      requests += 1;
      return `${prefix}-${requests.toString(36)}`;
    },
    clientErrorHandler: answerClientError,
  });
  // Routes read their bodies themselves: each knows its limits, encodings and formats.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.setNotFoundHandler((request, reply) =>
    answerUnknown(new Exchange(request, reply, services, UNKNOWN_ROUTE)),
  );
  app.setErrorHandler((error, request, reply) => {
    new Exchange(request, reply, services, UNKNOWN_ROUTE).fail(error);
  });
  return app;
}

function addRoutes(app: FastifyInstance, services: Services, etagged: boolean): void {
  routeTable.forEach((route, index) => {
    if ((route.etag === true) !== etagged) return;
    app.route({ method: route.method, url: route.path, handler: handlerOf(route, index, services) });
  });
}

function handlerOf(route: Route, index: number, services: Services) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const exchange = new Exchange(request, reply, services, index);
    try {
      const handled = route.handle(exchange);
      if (handled instanceof Promise) handled.catch((error: unknown) => exchange.fail(error));
    } catch (error) {
      exchange.fail(error);
    }
  };
}

function answerUnknown(exchange: Exchange): void {
  const { raw } = exchange.request;
  const methods = allowedMethods(raw.url ?? '/');
  if (exchange.bodyPending) exchange.closeAfterwards();
  if (methods.length === 0) {
    exchange.problem('route_unknown', { detail: 'See /api-docs for the routes of this server.' });
    return;
  }
  exchange.reply.header('allow', methods.join(', '));
  exchange.problem('method_not_allowed', { detail: `Send ${methods.join(' or ')}.` });
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function drain(app: FastifyInstance, services: Services, graceMs: number): Promise<void> {
  services.health.drain();
  const closed = app.close();
  // Node closes connections that are idle now; those that become idle later are looked for.
  const sweep = setInterval(() => app.server.closeIdleConnections(), 25);
  const cut = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await closed;
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
    services.watchdog.stop();
    services.metrics.stop();
  }
}
