import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { type ErrorCode, errorCatalogue, PisyncError, parseJson } from '@pisync/protocol';

/** A server's answer, whatever its status. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON, or the text where it is none. */
  readonly body: unknown;
}

export interface ClientOptions {
  /** Most connections at once; more requests wait. Default 4. */
  readonly connections?: number;
  /** Time without a byte after which a request is given up, milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/** Most that is read of one answer: lists have limits, so more means that something else answers. */
const maxReplyBytes = 256 * 1024 * 1024;

/** Longest line of an answer in lines. */
const maxLineLength = 65_536;

/**
 * Talks to a PiSync server over its public HTTP API with kept-alive connections. The one place where the command
 * line turns network failures and problem+json into errors.
 */
export class ApiClient {
  readonly url: string;
  readonly #base: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #timeoutMs: number;

  /** @throws {PisyncError} `invalid_config` if `url` is not an http or https URL */
  constructor(url: string, options: ClientOptions = {}) {
    this.#base = parseUrl(url);
    this.url = url;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    const settings = { keepAlive: true, maxSockets: options.connections ?? 4, scheduling: 'fifo' as const };
    this.#agent = this.#base.protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  /**
   * Sends a request and returns the answer, also one that says no.
   *
   * @param path - with its leading slash and query
   * @param body - JSON text
   * @throws {PisyncError} `server_unreachable` if no answer came; whether the server acted on the request is unknown
   */
  async send(method: string, path: string, body?: string): Promise<Reply> {
    const send = this.#base.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers: Record<string, string | number> = { accept: 'application/json' };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    const target = new URL(`${this.#base.pathname.replace(/\/+$/, '')}${path}`, this.#base);
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const request = send(target, { method, headers, agent: this.#agent, timeout: this.#timeoutMs });
    request.on('response', (response) => readReply(response).then(resolve, reject));
    request.on('timeout', () => request.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)));
    request.on('error', reject);
    request.end(body);
    try {
      return await promise;
    } catch (cause) {
      throw unreachable(this.url, cause);
    }
  }

  /**
   * Asks for a JSON document.
   *
   * @returns the parsed body of a 2xx answer
   * @throws {PisyncError} `server_unreachable`, or the error that the server named
   */
  async ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const reply = await this.send(method, path, body === undefined ? undefined : JSON.stringify(body));
    if (reply.status >= 400) throw problemOf(reply);
    if (reply.status !== 204 && (typeof reply.body !== 'object' || reply.body === null)) {
      throw unreachable(this.url, new Error('what answers there is not PiSync'));
    }
    return reply.body as Answer;
  }

  /**
   * Posts a file and hands on the JSON lines of the answer as they come, while the file may still be on its way.
   *
   * @param path - with its leading slash and query
   * @param length - bytes of `file`
   * @param signal - ends it; whatever is thrown then
   * @throws {PisyncError} `server_unreachable` where no answer came or it broke off, or the error that the server named
   * @throws what `file` throws
   */
  async *upload(path: string, file: Readable, length: number, signal: AbortSignal): AsyncGenerator<unknown> {
    const send = this.#base.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = { 'content-type': 'application/octet-stream', 'content-length': length };
    const target = new URL(`${this.#base.pathname.replace(/\/+$/, '')}${path}`, this.#base);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = send(target, {
      method: 'POST',
      headers,
      agent: this.#agent,
      timeout: this.#timeoutMs,
      signal,
    });
    request.on('response', resolve);
    request.on('timeout', () => request.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)));
    // Also comes behind the answer, where the server does not want the rest of the file.
    request.on('error', reject);
    let broken: Error | undefined;
    file.on('error', (error) => {
      broken = error;
      request.destroy(error);
    });
    file.pipe(request);
    try {
      const response = await promise;
      if ((response.statusCode ?? 0) >= 400) throw problemOf(await readReply(response));
      yield* jsonLines(response);
    } catch (cause) {
      throw broken ?? unreachable(this.url, cause);
    } finally {
      file.destroy();
      request.destroy();
    }
  }

  /** Closes idle connections, so that the process can end. */
  close(): void {
    this.#agent.destroy();
  }
}

/** The error that an answer of status 400 or above stands for. */
export function problemOf(reply: Reply): PisyncError {
  const problem = (typeof reply.body === 'object' && reply.body !== null ? reply.body : {}) as Record<
    string,
    unknown
  >;
  const { code, detail, title, field } = problem;
  const known = typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
  const said =
    typeof detail === 'string' ? detail : typeof title === 'string' ? title : `status ${reply.status}`;
  // A code of a newer server, or of a proxy between, has no place in this version's catalogue.
  const name = known ? '' : `${typeof code === 'string' ? code : 'the server'}: `;
  const retryAfterMs = retryAfter(reply);
  return new PisyncError(known ? (code as ErrorCode) : reply.status < 500 ? 'bad_request' : 'internal', {
    detail: `${name}${said}`,
    ...(typeof field === 'string' ? { field } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Milliseconds that `Retry-After` asks for, as seconds or as a date; undefined where it is absent or malformed. */
export function retryAfter(reply: Pick<Reply, 'headers'>, now = Date.now()): number | undefined {
  const header = reply.headers['retry-after'];
  if (header === undefined) return undefined;
  if (/^\d{1,9}(\.\d+)?$/.test(header)) return Math.ceil(Number(header) * 1_000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  const detail = `${JSON.stringify(text)} is not the URL of a server. It looks like http://127.0.0.1:3000.`;
  throw new PisyncError('invalid_config', { detail, field: 'url' });
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > maxReplyBytes) throw new Error('the answer is far too large');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  let body: unknown = text;
  try {
    body = parseJson(text);
  } catch {
    // Metrics and proxies answer in text.
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

async function* jsonLines(response: IncomingMessage): AsyncGenerator<unknown> {
  let rest = '';
  for await (const text of response.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineLength) throw new Error('what answers there is not PiSync');
    for (const line of lines) {
      try {
        yield parseJson(line);
      } catch {
        throw new Error('what answers there is not PiSync');
      }
    }
  }
}

function unreachable(url: string, cause: unknown): PisyncError {
  if (cause instanceof PisyncError) return cause;
  const error = cause as NodeJS.ErrnoException;
  // With several addresses for one name, Node wraps the failures and leaves the message empty.
  const reason = error.message || error.code || 'no connection';
  const detail = `No PiSync server answers at ${url} (${reason}). Start one with: pisync serve, or name another with --url or PISYNC_URL.`;
  return new PisyncError('server_unreachable', { detail, cause });
}
