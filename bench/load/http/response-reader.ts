import { ChunkedBody } from './chunked-body.ts';

const cr = 13;
const lf = 10;
const headEnd = Buffer.from('\r\n\r\n');
const maxHeadBytes = 65_536;

/**
 * Reads the responses of one connection, without pipelining: as little work as an honest measurement allows, since
 * it shares two cores with what it measures. Status, content length and chunked bodies are understood; everything
 * else of the head is only kept as bytes.
 *
 * After `push` returned true, `status`, `head` and `body` describe the response. They may be views of the chunk
 * that was pushed and are valid until the next push.
 */
export class ResponseReader {
  status = 0;
  head: Buffer = Buffer.alloc(0);
  body: Buffer = Buffer.alloc(0);
  #pending: Buffer | null = null;
  #filled = 0;
  #total = 0;
  #headLength = 0;
  #inChunks = false;
  readonly #chunks = new ChunkedBody();

  /**
   * Takes bytes from the socket; true when they completed a response.
   *
   * @throws {Error} where the peer does not speak HTTP/1.1 or says more than one response
   */
  push(chunk: Buffer): boolean {
    if (this.#inChunks) return this.#takeChunks(chunk);
    if (this.#total > 0) return this.#fill(chunk);
    const data = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = data.indexOf(headEnd);
    if (end < 0) {
      if (data.length > maxHeadBytes) throw new Error('response head over 64 KiB');
      this.#pending = Buffer.from(data);
      return false;
    }
    this.#headLength = end + 4;
    this.status = statusOf(data);
    const length = bodyLengthOf(data, end, this.status);
    return length === -1 ? this.#chunked(data) : this.#sized(data, this.#headLength + length);
  }

  /** Value of a response header, or undefined. For the rare reply only: it makes a string of the head. */
  header(name: string): string | undefined {
    const wanted = `${name.toLowerCase()}:`;
    for (const line of this.head.toString('latin1').split('\r\n')) {
      if (line.toLowerCase().startsWith(wanted)) return line.slice(wanted.length).trim();
    }
    return undefined;
  }

  #sized(data: Buffer, total: number): boolean {
    if (data.length > total) throw new Error('more bytes than one response');
    if (data.length === total) return this.#done(data);
    const store = Buffer.allocUnsafe(total);
    data.copy(store);
    this.#pending = store;
    this.#filled = data.length;
    this.#total = total;
    return false;
  }

  #fill(chunk: Buffer): boolean {
    if (this.#filled + chunk.length > this.#total) throw new Error('more bytes than one response');
    const store = this.#pending as Buffer;
    chunk.copy(store, this.#filled);
    this.#filled += chunk.length;
    return this.#filled === this.#total && this.#done(store);
  }

  #chunked(data: Buffer): boolean {
    this.head = Buffer.from(data.subarray(0, this.#headLength));
    this.#pending = null;
    this.#inChunks = true;
    this.#chunks.begin();
    return this.#takeChunks(data.subarray(this.#headLength));
  }

  #takeChunks(data: Buffer): boolean {
    if (!this.#chunks.push(data)) return false;
    this.#inChunks = false;
    this.body = this.#chunks.body;
    return true;
  }

  #done(data: Buffer): true {
    this.head = data.subarray(0, this.#headLength);
    this.body = data.subarray(this.#headLength);
    this.#pending = null;
    this.#total = 0;
    this.#filled = 0;
    return true;
  }
}

function statusOf(data: Buffer): number {
  // "HTTP/1.1 201 …": 'H', then three digits from byte 9.
  const status = (data[9]! - 48) * 100 + (data[10]! - 48) * 10 + (data[11]! - 48);
  if (data[0] !== 72 || !(status >= 100 && status <= 599)) throw new Error('not an HTTP/1.1 response');
  return status;
}

/** Length of the body by the head, -1 for a chunked one. */
function bodyLengthOf(data: Buffer, end: number, status: number): number {
  if (status === 204 || status === 304) return 0;
  let at = 12;
  while (at < end) {
    while (at < end && data[at] !== lf) at++;
    at++;
    const first = data[at]! | 32;
    if (first === 99 && data[at + 14] === 58 && (data[at + 8]! | 32) === 108) return numberAt(data, at + 15);
    if (first === 116 && data[at + 17] === 58 && (data[at + 9]! | 32) === 101) return -1;
  }
  throw new Error('a response without a length');
}

function numberAt(data: Buffer, from: number): number {
  let value = 0;
  for (let at = from; data[at] !== cr; at++) {
    const digit = data[at]! - 48;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
  }
  return value;
}
