import { type ErrorCode, PisyncError } from '@pisync/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AdmissionRefusal, type LimitState } from '../services/admission.ts';
import { PROBLEM_TYPE, type ProblemCode, type ProblemMembers, problemText, statusOf } from './problem.ts';
import type { Services } from './services.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';

/** A request that went away: there is nobody to answer. */
export class RequestAborted extends Error {}

/** One request and its reply: the only way by which a route answers, so that every reply is counted. */
export class Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly services: Services;
  /** Index of the route in the metrics and the watchdog. */
  readonly route: number;
  readonly startedAt: number;

  constructor(request: FastifyRequest, reply: FastifyReply, services: Services, route: number) {
    this.request = request;
    this.reply = reply;
    this.services = services;
    this.route = route;
    this.startedAt = services.clock.monotonic();
  }

  /** Value of a path parameter, decoded. */
  parameter(name: string): string {
    return (this.request.params as Record<string, string>)[name] ?? '';
  }

  /** Answers with text that is JSON already. */
  json(status: number, text: string): void {
    this.send(status, JSON_TYPE, text);
  }

  send(status: number, contentType: string, text: string): void {
    const { reply } = this;
    reply.statusCode = status;
    reply.header('content-type', contentType);
    reply.send(text);
    this.services.metrics.request(this.route, status, this.services.clock.monotonic() - this.startedAt);
  }

  /** Answers without a body. */
  empty(status: number): void {
    this.reply.statusCode = status;
    this.reply.send();
    this.services.metrics.request(this.route, status, this.services.clock.monotonic() - this.startedAt);
  }

  /** True while a body is announced that was not read to its end. */
  get bodyPending(): boolean {
    const { headers, complete } = this.request.raw;
    const length = headers['content-length'];
    const announced = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    return announced && !complete;
  }

  /** Answers with a problem document. */
  problem(code: ProblemCode, members: ProblemMembers = {}): void {
    const text = problemText(code, { ...members, request_id: this.request.id });
    this.reply.header('cache-control', 'no-store');
    this.reply.header('x-content-type-options', 'nosniff');
    this.send(statusOf(code), PROBLEM_TYPE, text);
  }

  /** Answers with what an error means to the client; what only the operator may know goes to the log. */
  fail(error: unknown, members: ProblemMembers = {}): void {
    if (error instanceof RequestAborted || this.reply.sent) return;
    const known = error instanceof PisyncError ? error : undefined;
    const code: ErrorCode = known?.code ?? 'internal';
    const status = statusOf(code);
    if (status === 500) this.#report(error);
    if (status === 429 || status === 503) this.#busy(known, code);
    if (status === 413 || status === 408) this.closeAfterwards();
    const detail = status === 500 ? 'See the server log under the request id.' : known?.message;
    this.problem(code, { detail, field: known?.field, ...members });
  }

  /** Closes the connection after the reply, yet lets the client read it first while it still sends. */
  closeAfterwards(): void {
    this.reply.header('connection', 'close');
    lingerOnClose(this.request.raw.socket);
  }

  #busy(error: PisyncError | undefined, code: ErrorCode): void {
    const seconds = this.services.admission.retryAfter(error?.retryAfterMs ?? 1000);
    this.reply.header('retry-after', String(seconds));
    if (error instanceof AdmissionRefusal && error.limit !== undefined) this.limit(error.limit);
    // The body of a refused request may still be on its way: reading it would be work for nothing.
    if (code === 'shutting_down' || this.bodyPending) this.closeAfterwards();
  }

  /** Adds the `RateLimit` headers of the IETF draft (structured fields). */
  limit(state: LimitState): void {
    const window = Math.max(1, Math.round(state.rule.burst / state.rule.perSecond));
    this.reply.header('ratelimit-policy', `"${state.policy}";q=${state.rule.burst};w=${window}`);
    const reset = Math.ceil(state.resetMs / 1000);
    this.reply.header('ratelimit', `"${state.policy}";r=${state.remaining};t=${reset}`);
  }

  #report(error: unknown): void {
    const { method, url } = this.request.raw;
    this.services.log.error({ err: error, request_id: this.request.id, method, url }, 'request failed');
  }
}

/** How long a client that still sends may read its reply, in milliseconds. */
const LINGER_MS = 500;

/**
 * Makes the end of a connection gentle: closing a socket with unread bytes resets it, and the client may lose the
 * reply. Instead our side is ended, what still comes is thrown away, and the socket goes after half a second.
 */
export function lingerOnClose(socket: import('node:net').Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}
