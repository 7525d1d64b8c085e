import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { after } from 'node:test';
import { type Config, defaults } from '../../src/config/schema.ts';
import { type Running, type Surroundings, startAll } from '../../src/roles/all.ts';
import { createLog } from '../../src/roles/log.ts';
import { checkReply } from './reply-schemas.ts';

/** A server under test, with its log. */
export interface TestServer {
  readonly url: string;
  readonly running: Running;
  /** Log lines so far. */
  readonly lines: Record<string, unknown>[];
}

/** A reply as a test looks at it. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it freely, and fails where it is not there
  readonly body: any;
}

/** Starts a server on a free port with a memory store; it stops after the tests of the file. */
export async function start(
  config: Partial<Config> = {},
  surroundings: Surroundings = {},
): Promise<TestServer> {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).split('\n')) if (line !== '') lines.push(JSON.parse(line));
      done();
    },
  });
  const log = createLog(config.log_level ?? 'debug', destination);
  const full: Config = { ...defaults, store: 'memory:', port: 0, shutdown_grace_ms: 500, ...config };
  const running = await startAll(full, { log, ...surroundings });
  after(() => running.close());
  return { url: running.url, running, lines };
}

/** Sends a request and holds every reply against the document. */
export async function send(
  server: { readonly url: string },
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const sent = body === undefined ? {} : { body: body as string };
  const response = await fetch(server.url + path, { method, headers: { ...type, ...headers }, ...sent });
  const text = await response.text();
  const json = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
  const reply = {
    status: response.status,
    headers: response.headers,
    text,
    body: json ? JSON.parse(text) : undefined,
  };
  checkReply(method, path, reply);
  return reply;
}

export function get(server: TestServer, path: string, headers: Record<string, string> = {}): Promise<Reply> {
  return send(server, 'GET', path, undefined, headers);
}

/** Posts a value as JSON. */
export function post(
  server: TestServer,
  path: string,
  value: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return send(server, 'POST', path, JSON.stringify(value), headers);
}

/** Asserts that a reply is a problem document with this status and code, and names this field where one is given. */
export function assertProblem(reply: Reply, status: number, code: string, field?: string): void {
  assert.equal(`${reply.status} ${reply.body?.code}`, `${status} ${code}`, reply.text);
  assert.equal(reply.headers.get('content-type'), 'application/problem+json');
  assert.equal(reply.body.status, status);
  assert.equal(reply.body.type, `urn:pisync:error:${code}`);
  assert.doesNotMatch(reply.text, /\.ts:\d|node:internal|at async/, 'no stack trace leaves the server');
  if (field !== undefined) assert.equal(reply.body.field, field, reply.text);
}

/** A good sync event, with changes. */
export function event(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    device_id: 'pi-1',
    timestamp: Date.now() - 60_000,
    total_files_synced: 3,
    total_errors: 0,
    ...changes,
  };
}

/** Asserts that the server still takes events. */
export async function assertAlive(server: TestServer): Promise<void> {
  const reply = await post(
    server,
    '/api/sync-event',
    event({ device_id: 'alive', event_id: crypto.randomUUID() }),
  );
  assert.equal(reply.status, 201, reply.text);
}

/** Number of events that the server holds of a device; 0 where it never heard of it. */
export async function storedOf(server: TestServer, deviceId: string): Promise<number> {
  const reply = await get(server, `/api/devices/${encodeURIComponent(deviceId)}`);
  return reply.status === 404 ? 0 : (reply.body.totals.syncs as number);
}

/** Writes bytes to the server and collects what it answers until it closes the connection, or for `ms`. */
export function talk(
  server: TestServer,
  bytes: string | Uint8Array,
  ms: number,
): Promise<{ text: string; closed: boolean }> {
  const { port, hostname } = new URL(server.url);
  const { promise, resolve, reject } = Promise.withResolvers<{ text: string; closed: boolean }>();
  const socket = connect(Number(port), hostname);
  let text = '';
  const timer = setTimeout(() => {
    resolve({ text, closed: false });
    socket.destroy();
  }, ms);
  socket.on('data', (chunk) => {
    text += chunk.toString('utf8');
  });
  socket.on('error', reject);
  socket.on('end', () => {
    clearTimeout(timer);
    resolve({ text, closed: true });
    socket.end();
  });
  socket.write(bytes);
  return promise;
}
