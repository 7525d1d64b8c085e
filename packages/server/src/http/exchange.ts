import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type ErrorCode, PisyncError } from '@pisync/protocol';
import { AdmissionRefusal, type LimitState } from '../services/admission/admission.ts';
import { lingerOnClose } from './reply/linger.ts';
import {
  PROBLEM_TYPE,
  type ProblemCode,
  type ProblemMembers,
  problemText,
  statusOf,
} from './reply/problem.ts';
import type { Services } from './services.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** A request that went away: there is nobody to answer. */
export class RequestAborted extends Error {}

/** What the router read from the URL. */
export interface Target {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | string[]>>;
}

/** Of a request whose URL has neither parameters nor a query. */
export const plainTarget: Target = { params: {}, query: {} };

/**
 * One request and its reply: the only way by which a route answers, so that every reply is counted. It writes to Node's
 * own response: the framework's reply would cost a tenth of the hot path.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly services: Services;
  /** Index of the route in the metrics and the watchdog. */
  readonly route: number;
  readonly target: Target;
  readonly #startedAt: number;
  #headers: Record<string, string> | undefined;
  #id: string | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    services: Services,
    route: number,
    target: Target,
  ) {
    this.request = request;
    this.response = response;
    this.services = services;
    this.route = route;
    this.target = target;
    this.#startedAt = services.clock.monotonic();
  }

  /** Name of this request in the log and in problem documents; made when first asked for. */
  get id(): string {
    this.#id ??= this.services.nextRequestId();
    return this.#id;
  }

  /** Value of a path parameter, decoded. */
  parameter(name: string): string {
    return this.target.params[name] ?? '';
  }

  /** Adds a header to the reply. Names in lower case; values are never what a client sent. */
  header(name: string, value: string): void {
    this.#headers ??= {};
    this.#headers[name] = value;
  }

  /**
   * The reply of the hot path: JSON that is ASCII throughout.
   */
  asciiJson(status: number, text: string): void {
    if (this.#headers !== undefined) {
      this.json(status, text);
      return;
    }
    this.response.writeHead(status, ['content-type', JSON_TYPE, 'content-length', String(text.length)]);
    this.response.end(text, 'latin1');
    this.#count(status);
  }

  /** Answers with text that is JSON already. */
  json(status: number, text: string): void {
    this.send(status, JSON_TYPE, text);
  }

  /** Answers a read with a value: 304 where the client has this very reply already, else 200. */
  read(value: object): void {
    const { watchdog } = this.services;
    watchdog.begin();
    this.readText(JSON.stringify(value));
    watchdog.end(this.route);
  }

  /** As {@link read}, with text that is JSON already. */
  readText(text: string): void {
    const tag = `W/"${createHash('sha1').update(text).digest('base64url')}"`;
    this.header('etag', tag);
    this.header('cache-control', 'no-cache');
    this.header('x-content-type-options', 'nosniff');
    if (knows(this.request.headers['if-none-match'], tag)) this.empty(304);
    else this.json(200, text);
  }

  send(status: number, contentType: string, text: string): void {
    this.header('content-type', contentType);
    this.header('content-length', String(Buffer.byteLength(text)));
    this.response.writeHead(status, this.#headers);
    this.response.end(text);
    this.#count(status);
  }

  /**
   * Answers 200 with a body of any length, as fast as the client takes it. What fails before the first bytes are there is
   * thrown, and can still become a problem document; what fails later cuts the connection, by which the client knows that
   * the body is not whole. A client that goes away ends the body's source.
   */
  async stream(contentType: string, chunks: AsyncGenerator<Uint8Array, void, undefined>): Promise<void> {
    const first = await chunks.next();
    this.header('content-type', contentType);
    this.header('cache-control', 'no-store');
    this.header('x-content-type-options', 'nosniff');
    this.response.writeHead(200, this.#headers);
    try {
      await pipeline(this.#whole(first, chunks), this.response);
    } catch {
      // The client went away, or the source failed and was reported.
      this.response.destroy();
    }
    this.#count(200);
  }

  async *#whole(
    first: IteratorResult<Uint8Array, void>,
    rest: AsyncGenerator<Uint8Array, void, undefined>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (first.done === true) return;
      yield first.value;
      yield* rest;
    } catch (error) {
      this.#report(error);
      throw error;
    } finally {
      await rest.return();
    }
  }

  /** True while the connection holds no bytes of this reply: what was written lies in no memory of this process any more. */
  get flushed(): boolean {
    return this.response.writableLength === 0;
  }

  /** Answers without a body. */
  empty(status: number): void {
    this.response.writeHead(status, this.#headers);
    this.response.end();
    this.#count(status);
  }

  /** True while a body is announced that was not read to its end. */
  get bodyPending(): boolean {
    const { headers, complete } = this.request;
    const length = headers['content-length'];
    const announced = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    return announced && !complete;
  }

  /** Answers with a problem document. */
  problem(code: ProblemCode, members: ProblemMembers = {}): void {
    const text = problemText(code, { ...members, request_id: this.id });
    this.header('cache-control', 'no-store');
    this.header('x-content-type-options', 'nosniff');
    this.send(statusOf(code), PROBLEM_TYPE, text);
  }

  /** Answers with what an error means to the client; what only the operator may know goes to the log. */
  fail(error: unknown, members: ProblemMembers = {}): void {
    if (error instanceof RequestAborted || this.response.headersSent) return;
    const known = error instanceof PisyncError ? error : undefined;
    const code: ErrorCode = known?.code ?? 'internal';
    const status = statusOf(code);
    if (status === 500) this.#report(error);
    if (status === 429 || status === 503) this.#busy(known, status);
    // What is left of the body would be read for nothing.
    if (this.bodyPending || code === 'shutting_down') this.closeAfterwards();
    const detail = status === 500 ? 'See the server log under the request id.' : known?.message;
    this.problem(code, { detail, field: known?.field, ...members });
  }

  /** Closes the connection after the reply, yet lets the client read it first while it still sends. */
  closeAfterwards(): void {
    this.header('connection', 'close');
    lingerOnClose(this.request.socket);
  }

  #busy(error: PisyncError | undefined, status: number): void {
    const seconds = this.services.admission.retryAfter(error?.retryAfterMs ?? 1000, status === 503);
    this.header('retry-after', String(seconds));
    if (error instanceof AdmissionRefusal && error.limit !== undefined) this.#limit(error.limit);
  }

  /** Adds the `RateLimit` headers of the IETF draft (structured fields). */
  #limit({ policy, quota, windowSeconds, remaining, resetMs }: LimitState): void {
    const window = windowSeconds === undefined ? '' : `;w=${windowSeconds}`;
    this.header('ratelimit-policy', `"${policy}";q=${quota}${window}`);
    this.header('ratelimit', `"${policy}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`);
  }

  #report(error: unknown): void {
    const { method, url } = this.request;
    this.services.log.error({ err: error, request_id: this.id, method, url }, 'request failed');
  }

  #count(status: number): void {
    const { metrics, clock, log } = this.services;
    const duration = clock.monotonic() - this.#startedAt;
    metrics.request(this.route, status, duration);
    if (log.isLevelEnabled('debug')) this.#access(status, duration);
  }

  #access(status: number, duration: number): void {
    const { method, url } = this.request;
    const line = {
      request_id: this.id,
      method,
      url,
      status,
      duration_ms: Math.round(duration * 1000) / 1000,
    };
    this.services.log.debug(line, 'request');
  }
}

/** True where an `If-None-Match` header names the tag; weak comparison, as RFC 9110 wants it. */
function knows(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = tag.replace(/^W\//, '');
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === opaque);
}
