import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the next `COMMIT` that a client sends: it never arrives, or its answer never comes back. */
export type Cut = 'before' | 'after';

/** How a message of the simple protocol ends that ends a transaction. */
const COMMITS = [Buffer.from('COMMIT\0'), Buffer.from('COMMIT;\n\0')];

/** A proxy before a PostgreSQL server, on loopback, that cuts connections at the worst moments. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number;
  #next: Cut | undefined;
  #cuts = 0;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (client) => this.#accept(client));
  }

  static async start(target: number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** Connections that were cut so far. */
  get cuts(): number {
    return this.#cuts;
  }

  /** The same database, by way of the proxy. */
  url(direct: string): string {
    const url = new URL(direct);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Cuts the connection of the next `COMMIT`. */
  cutNext(cut: Cut): void {
    this.#next = cut;
  }

  /** New connections go to another server. */
  retarget(port: number): void {
    this.#target = port;
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    let silent = false;
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on('data', (bytes) => {
      const cut = this.#next;
      if (cut === undefined || !COMMITS.some((end) => bytes.includes(end))) {
        server.write(bytes);
        return;
      }
      this.#next = undefined;
      this.#cuts += 1;
      silent = true;
      if (cut === 'before') end();
      else server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (silent) end();
      else client.write(bytes);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
