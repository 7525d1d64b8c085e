import { Agent, request } from 'node:http';

/** A reply with a JSON body; `body` is null where the body was not JSON. */
export interface JsonReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown> | null;
}

/** A small JSON client over keep-alive connections, for checks: not for measuring. */
export class JsonClient {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, connections = 8) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  get(path: string): Promise<JsonReply> {
    return this.#send('GET', path, null);
  }

  /** Sends text as JSON. Rejects where the connection breaks before the whole reply is there. */
  post(path: string, text: string): Promise<JsonReply> {
    return this.#send('POST', path, text);
  }

  /** @throws {Error} unless the reply is 200 with a JSON object */
  async read(path: string): Promise<Record<string, unknown>> {
    const reply = await this.get(path);
    if (reply.status === 200 && reply.body !== null) return reply.body;
    throw new Error(`GET ${path} answered ${reply.status} ${JSON.stringify(reply.body)}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, text: string | null): Promise<JsonReply> {
    return new Promise((resolve, reject) => {
      const headers =
        text === null
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const sent = request(
        this.#url + path,
        { method, agent: this.#agent, headers, timeout: 60_000 },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('aborted', () => reject(new Error('the reply broke off')));
          response.on('end', () => {
            if (!response.complete) return reject(new Error('the reply broke off'));
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: parsed(Buffer.concat(chunks).toString('utf8')),
            });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error('no reply within 60 s')));
      sent.on('error', reject);
      sent.end(text ?? undefined);
    });
  }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
