import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { PisyncError } from '@pisync/protocol';
import type { Admission } from '../services/admission/admission.ts';
import { RequestAborted } from './exchange.ts';

/** How a body is written, once it is decompressed. */
export type BodyFormat = 'json' | 'ndjson';

type Encoding = 'identity' | 'gzip' | 'zstd';

const formats: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

/**
 * Reads the `Content-Type` header.
 *
 * @throws {PisyncError} `unsupported_media_type` or `unsupported_charset`
 */
export function bodyFormat(request: IncomingMessage, allowed: readonly BodyFormat[]): BodyFormat {
  const header = request.headers['content-type'];
  // What nearly every device sends, word for word.
  if (header === 'application/json') return 'json';
  const [essence = '', ...parameters] = (header ?? '').split(';');
  const name = essence.trim().toLowerCase();
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined || !allowed.includes(format)) {
    const names = Object.keys(formats).filter((type) => allowed.includes(formats[type] as BodyFormat));
    const detail = `Send the body as ${names.join(' or ')}, and say so in the content-type header.`;
    throw new PisyncError('unsupported_media_type', { detail, field: 'content-type' });
  }
  for (const parameter of parameters) checkCharset(parameter);
  return format;
}

function checkCharset(parameter: string): void {
  const [name = '', value = ''] = parameter.split('=');
  if (name.trim().toLowerCase() !== 'charset') return;
  const charset = value
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .toLowerCase();
  if (charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii') return;
  throw new PisyncError('unsupported_charset', { detail: 'Send the body in UTF-8.', field: 'content-type' });
}

function encodingOf(request: IncomingMessage): Encoding {
  const header = request.headers['content-encoding'];
  if (header === undefined) return 'identity';
  const name = header.trim().toLowerCase();
  if (name === 'gzip' || name === 'zstd' || name === 'identity') return name;
  if (name === 'x-gzip') return 'gzip';
  const detail = 'Send the body uncompressed, or with content-encoding gzip or zstd, once.';
  throw new PisyncError('unsupported_encoding', { detail, field: 'content-encoding' });
}

function tooLarge(limit: number): PisyncError {
  const detail = `The body is larger than ${limit} bytes, counted after decompression. Send it in parts.`;
  return new PisyncError('payload_too_large', { detail });
}

const NO_BYTES = Buffer.alloc(0);

/**
 * A request body on its way in: checks what is announced at once, decompresses, counts the decoded bytes against
 * the limit while they come, and accounts for them in the server's memory until {@link release}.
 */
export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #limit: number;
  readonly #admission: Admission;
  readonly #encoding: Encoding;
  #reserved = 0;
  #received = 0;

  /**
   * @param limit - decoded bytes
   * @throws {PisyncError} `unsupported_encoding`, `payload_too_large` by the announced length
   */
  constructor(request: IncomingMessage, limit: number, admission: Admission) {
    this.#request = request;
    this.#limit = limit;
    this.#admission = admission;
    this.#encoding = encodingOf(request);
    const announced = request.headers['content-length'];
    if (announced !== undefined && Number(announced) > limit) throw tooLarge(limit);
  }

  /** Gives the memory back. Call once, when the reply no longer needs what was read. */
  release(): void {
    this.#admission.release(this.#reserved);
    this.#reserved = 0;
  }

  /**
   * The decoded bytes, as they come.
   *
   * @throws {PisyncError} `payload_too_large`, `invalid_compression`, `overloaded`
   * @throws {RequestAborted} when the client went away
   */
  async *chunks(): AsyncGenerator<Buffer> {
    const source = this.#encoding === 'identity' ? this.#request : decompress(this.#request, this.#encoding);
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        this.#account(chunk.length);
        yield chunk;
      }
    } catch (error) {
      throw translate(error, this.#request);
    } finally {
      if (source !== this.#request) {
        this.#request.unpipe();
        source.destroy();
      }
    }
  }

  /**
   * Reads the whole decoded body and calls back once, with what {@link chunks} throws or with the bytes. The common
   * case, an uncompressed body, takes no generator and mostly no copy.
   */
  read(done: (error: unknown, body: Buffer | undefined) => void): void {
    if (this.#encoding !== 'identity') {
      this.whole().then(
        (body) => done(undefined, body),
        (error: unknown) => done(error, undefined),
      );
      return;
    }
    const request = this.#request;
    let parts: Buffer | Buffer[] | undefined;
    let ended = false;
    const finish = (error: unknown): void => {
      if (ended) return;
      ended = true;
      if (error !== undefined) done(error, undefined);
      else
        done(undefined, parts === undefined ? NO_BYTES : Array.isArray(parts) ? Buffer.concat(parts) : parts);
    };
    request.on('data', (chunk: Buffer) => {
      if (ended) return;
      try {
        this.#account(chunk.length);
      } catch (error) {
        return finish(error);
      }
      if (parts === undefined) parts = chunk;
      else if (Array.isArray(parts)) parts.push(chunk);
      else parts = [parts, chunk];
    });
    request.on('end', () => finish(undefined));
    request.on('error', () => finish(new RequestAborted()));
  }

  #account(bytes: number): void {
    this.#received += bytes;
    if (this.#received > this.#limit) throw tooLarge(this.#limit);
    // What came counts, not what was announced: otherwise a few clients that announce much and send nothing would
    // keep all others out.
    this.#admission.reserve(bytes);
    this.#reserved += bytes;
  }

  /** The whole decoded body; throws as {@link chunks}. */
  async whole(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const chunk of this.chunks()) parts.push(chunk);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
}

function decompress(request: IncomingMessage, encoding: 'gzip' | 'zstd'): Readable {
  const decoder = encoding === 'gzip' ? createGunzip() : createZstdDecompress();
  request.once('error', () => decoder.destroy(new RequestAborted()));
  request.once('aborted', () => decoder.destroy(new RequestAborted()));
  request.pipe(decoder);
  return decoder;
}

function translate(error: unknown, request: IncomingMessage): unknown {
  if (error instanceof PisyncError || error instanceof RequestAborted) return error;
  if (request.destroyed && !request.complete) return new RequestAborted();
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/^(Z_|ERR_ZLIB|ZSTD_|ERR_ZSTD)/.test(code)) {
    const detail = `The compressed body is damaged or cut off (${code}).`;
    return new PisyncError('invalid_compression', { detail, cause: error });
  }
  return error;
}
