import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import Fastify from 'fastify';
import { openApiDocument } from '../../../src/http/document/openapi-document.ts';
import { Exchange, type Target } from '../../../src/http/exchange.ts';
import { readQuery } from '../../../src/http/parameters.ts';
import type { Route } from '../../../src/http/route.ts';
import type { Services } from '../../../src/http/services.ts';
import type { Reply } from '../harness.ts';

/** Some routes behind a socket, over services of a test. */
export interface RouteServer {
  readonly url: string;
  /** What was reported to the log of the server. */
  readonly errors: unknown[];
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
}

/** Serves routes on a free port until the tests of the file end; every reply is held against their document. */
export async function serveRoutes(routes: readonly Route[], own: Partial<Services>): Promise<RouteServer> {
  const errors: unknown[] = [];
  const services = {
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    watchdog: { begin() {}, end() {} },
    metrics: { request() {} },
    log: { isLevelEnabled: () => false, error: (entry: { err: unknown }) => errors.push(entry.err) },
    admission: { retryAfter: () => 1 },
    nextRequestId: () => 'test',
    ...own,
  } as unknown as Services;
  const app = Fastify({ logger: false, routerOptions: { maxParamLength: 1024 } });
  routes.forEach((route, index) => {
    app.route({
      method: route.method,
      url: route.path,
      handler(request, reply) {
        reply.hijack();
        const target = { params: request.params, query: request.query } as Target;
        const exchange = new Exchange(request.raw, reply.raw, services, index, target);
        answer(route, exchange).catch((error: unknown) => exchange.fail(error));
      },
    });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  after(() => app.close());
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const check = checker(routes);
  return {
    url,
    errors,
    async get(path, headers = {}) {
      const response = await fetch(url + path, { headers });
      const text = await response.text();
      const json = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
      const body = json ? JSON.parse(text) : undefined;
      const reply = { status: response.status, headers: response.headers, text, body };
      check(path, reply);
      return reply;
    },
  };
}

async function answer(route: Route, exchange: Exchange): Promise<void> {
  if (route.query === undefined) readQuery({}, exchange.target.query);
  await route.handle(exchange);
}

function checker(routes: readonly Route[]): (path: string, reply: Reply) => void {
  // biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely
  const document = openApiDocument(routes, '0.0.0') as Record<string, any>;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (to: Ajv2020) => void)(ajv);
  ajv.addSchema(document, 'document');
  return (path, reply) => {
    const [plain = ''] = path.split('?');
    const found = Object.keys(document['paths'])
      .filter((one) => new RegExp(`^${one.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain))
      .sort((a, b) => a.split('{').length - b.split('{').length)[0] as string;
    const response = document['paths'][found].get.responses[String(reply.status)];
    assert.ok(response, `${path} answered ${reply.status}, which the document does not know: ${reply.text}`);
    if (response.content === undefined) return;
    const type = (reply.headers.get('content-type') ?? '').split(';')[0] as string;
    assert.ok(response.content[type], `${path} answered ${reply.status} as ${type}`);
    if (reply.body === undefined || path.includes('fields=')) return;
    const step = (text: string) =>
      text.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D');
    const pointer = ['paths', found, 'get', 'responses', String(reply.status), 'content', type, 'schema'];
    const validate = ajv.compile({ $ref: `document#/${pointer.map(step).join('/')}` });
    assert.ok(validate(reply.body), `${path}: ${JSON.stringify(validate.errors)}\n${reply.text}`);
  };
}
