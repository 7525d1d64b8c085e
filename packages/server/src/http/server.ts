import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KnownSeries, PisyncError } from '@pisync/protocol';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { Admission, type AdmissionLimits } from '../services/admission/admission.ts';
import { DetectionQueries } from '../services/detections/detection-queries.ts';
import { Health } from '../services/health.ts';
import { importSink } from '../services/ingest/import-sink.ts';
import { Imports } from '../services/ingest/imports.ts';
import { Ingest, type IngestLimits } from '../services/ingest/ingest.ts';
import { Quarantine } from '../services/quarantine.ts';
import { Queries, type StateLimits } from '../services/query.ts';
import { Telemetry } from '../services/telemetry/telemetry.ts';
import { TelemetryQueries } from '../services/telemetry/telemetry-queries.ts';
import { explorer, explorerPaths } from './document/explorer.ts';
import { openApiDocument } from './document/openapi-document.ts';
import { Exchange, plainTarget, type Target } from './exchange.ts';
import { Metrics } from './observe/metrics.ts';
import { Watchdog } from './observe/watchdog.ts';
import { readQuery } from './parameters.ts';
import { answerClientError } from './reply/client-error.ts';
import type { Route } from './route.ts';
import { routeTable } from './route-table.ts';
import type { Services } from './services.ts';
import { allowedMethods } from './unknown-route.ts';

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
  /** Points of one request. */
  readonly maxPoints: number;
  readonly maxImportBytes: number;
  /** Tags that name the device of a line of line protocol, the first that it has. */
  readonly lineDeviceTags: readonly string[];
  /** Folder for the copy of a database while it is imported. */
  readonly spoolFolder: string;
  /** Whom a MAC address was given to, null where nobody is known. */
  readonly vendorOf: (mac: string) => string | null;
  /** Time for one request to arrive. */
  readonly requestTimeoutMs: number;
  /** Time that running requests get when the server stops. */
  readonly shutdownGraceMs: number;
  readonly slowQueryMs: number;
  /** Version of PiSync, for the document. */
  readonly version: string;
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

/** How long an idle connection is kept; longer than the usual proxy's, so that the proxy closes first. */
const KEEP_ALIVE_MS = 72_000;

/** Names of series that line protocol decoders remember. */
const KNOWN_SERIES = 220_000;

/** Index of requests that no route took, in the metrics. */
const UNKNOWN_ROUTE = routeTable.length;

function compose(options: ServerOptions): Services {
  const { store, clock, log } = options;
  const names = [...routeTable.map((route) => `${route.method} ${route.path}`), 'unknown'];
  const metrics = new Metrics(names, log, options.slowQueryMs);
  const admission = new Admission(options.admission, clock, options.random, metrics);
  const ingest = new Ingest(store, clock, admission, metrics, options.ingest);
  const telemetry = new Telemetry(ingest);
  const knownSeries = new KnownSeries({ maxEntries: KNOWN_SERIES, deviceTags: options.lineDeviceTags });
  metrics.watch(store, admission);
  let document: string | undefined;
  return {
    store,
    clock,
    log,
    metrics,
    admission,
    ingest,
    queries: new Queries(store, clock, metrics, options.states),
    detectionQueries: new DetectionQueries(
      store.detections,
      clock,
      metrics,
      options.vendorOf,
      options.version,
    ),
    imports: new Imports(
      importSink(ingest),
      clock,
      { spoolFolder: options.spoolFolder, maxBytes: options.maxImportBytes },
      options.ingest.maxBacklogMs,
    ),
    telemetry,
    telemetryQueries: new TelemetryQueries(store.telemetry, clock, metrics),
    knownSeries,
    quarantine: new Quarantine(ingest, telemetry, knownSeries),
    health: new Health(store),
    watchdog: new Watchdog(names, (blockage) => metrics.blocked(blockage)),
    nextRequestId: requestIds(),
    maxBodyBytes: options.maxBodyBytes,
    maxImportBytes: options.maxImportBytes,
    requestTimeoutMs: options.requestTimeoutMs,
    maxPoints: options.maxPoints,
    get document() {
      // Large, and seldom asked for.
      document ??= JSON.stringify(openApiDocument(routeTable, options.version));
      return document;
    },
  };
}

/** A random prefix and a counter: unique, and cheap. */
function requestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url');
  let requests = 0;
  return () => {
    requests += 1;
    return `${prefix}-${requests.toString(36)}`;
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
  addExplorer(app, options, services);
  routeTable.forEach((route, index) => {
    app.route({ method: route.method, url: route.path, handler: routed(route, index, services) });
  });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await drain(app, services, 0);
    throw error;
  }
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

function addExplorer(app: FastifyInstance, options: ServerOptions, services: Services): void {
  const listener = explorer(
    () => makeApp(options, services),
    () => openApiDocument(routeTable, options.version),
    (request, response, error) => {
      new Exchange(request, response, services, UNKNOWN_ROUTE, plainTarget).fail(error);
    },
  );
  const handler = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    listener(request.raw, reply.raw);
  };
  for (const url of explorerPaths) app.get(url, handler);
}

/** Routes are documented by schemas, yet check what they get themselves: the framework's way to do so need not be loaded. */
const noCompilers = {
  buildValidator: () => refuseSchema,
  buildSerializer: () => refuseSchema,
};

function refuseSchema(): never {
  throw new TypeError('no route gives a schema to the framework');
}

function makeApp(options: ServerOptions, services: Services): FastifyInstance {
  const unrouted = (request: FastifyRequest, reply: FastifyReply): Exchange => {
    reply.hijack();
    return new Exchange(request.raw, reply.raw, services, UNKNOWN_ROUTE, plainTarget);
  };
  const app = Fastify({
    logger: false,
    serverFactory: (router) => makeHttpServer(options, directFirst(router, services)),
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => unrouted(request, reply).fail(translated(error)),
    routerOptions: { maxParamLength: 1024 },
    schemaController: { compilersFactory: noCompilers },
    clientErrorHandler: answerClientError,
  });
  // Routes read their bodies themselves: each knows its limits, encodings and formats.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.setNotFoundHandler((request, reply) => answerUnknown(unrouted(request, reply)));
  app.setErrorHandler((error, request, reply) => unrouted(request, reply).fail(translated(error)));
  return app;
}

function makeHttpServer({ requestTimeoutMs }: ServerOptions, listener: RequestListener): Server {
  const settings = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    // How often Node looks for late requests; the timeouts are as exact as this.
    connectionsCheckingInterval: Math.min(1000, Math.ceil(requestTimeoutMs / 4)),
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  return createHttpServer(settings, listener);
}

/** What the framework itself refuses, such as a broken percent-encoding in the URL, is the client's mistake. */
function translated(error: unknown): unknown {
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  if (status < 400 || status >= 500) return error;
  if (status === 415) {
    const detail = 'The content-type header is malformed. Send application/json.';
    return new PisyncError('unsupported_media_type', { field: 'content-type', detail });
  }
  return new PisyncError('bad_request', { detail: 'The request line or a header is malformed.' });
}

/** Sends requests of direct routes straight to their handlers, and all others through the router. */
function directFirst(router: RequestListener, services: Services): RequestListener {
  const direct = new Map<string, number>();
  routeTable.forEach((route, index) => {
    if (route.direct === true) direct.set(`${route.method} ${route.path}`, index);
  });
  return (request, response) => {
    const index = request.method === 'POST' ? direct.get(`POST ${request.url}`) : undefined;
    if (index === undefined) {
      router(request, response);
      return;
    }
    run(routeTable[index] as Route, new Exchange(request, response, services, index, plainTarget));
  };
}

function routed(route: Route, index: number, services: Services) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    const target = { params: request.params, query: request.query } as Target;
    run(route, new Exchange(request.raw, reply.raw, services, index, target));
  };
}

function run(route: Route, exchange: Exchange): void {
  const { watchdog, health } = exchange.services;
  try {
    // Who watches the server may do so to its end.
    if (route.tag !== 'operations') {
      health.refuseIfDraining();
      // A route that takes no parameters says so, instead of ignoring what was meant to change its answer.
      if (route.query === undefined && exchange.target !== plainTarget) readQuery({}, exchange.target.query);
    }
    // A direct route marks its work itself, where the work is.
    if (route.direct !== true) watchdog.begin();
    const handled = route.handle(exchange);
    if (route.direct !== true) watchdog.end(exchange.route);
    if (handled instanceof Promise) handled.catch((error: unknown) => exchange.fail(error));
  } catch (error) {
    exchange.fail(error);
  }
}

function answerUnknown(exchange: Exchange): void {
  const methods = allowedMethods(exchange.request.url ?? '/');
  if (exchange.bodyPending) exchange.closeAfterwards();
  if (methods.length === 0) {
    exchange.problem('route_unknown', { detail: 'See /api-docs for the routes of this server.' });
    return;
  }
  exchange.header('allow', methods.join(', '));
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
